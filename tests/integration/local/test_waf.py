"""The web ACL at the front door, changed as an operator changes it: by the wafv2 API, and by CloudFormation."""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.eventually import eventually
from tests.integration.local import shape
from webhookctl.local.state import LocalEnvironment

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("outputs")]

VISIBILITY = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "shape"}
NONE = [{"Priority": 0, "Type": "NONE"}]
Post = Callable[..., tuple[int, dict[str, str], bytes]]


@pytest.fixture(scope="module")
def outputs(shape_environment: LocalEnvironment, outputs: dict[str, str]) -> dict[str, str]:
    """Return the stack's outputs of now."""
    del outputs  # of the first deployment
    return shape.outputs(shape_environment)


@pytest.fixture(scope="module")
def post(shape_environment: LocalEnvironment) -> Iterator[Post]:
    """Yield a function that posts to the public side, header values as raw bytes; at the end all pass again."""

    def send(path: str = "/prod/stripe", body: bytes = b"{}", **headers: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", shape_environment.ports.front_door, timeout=60)
        connection.putrequest("POST", path)
        for name, value in {**headers, "Content-Length": str(len(body)).encode()}.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders(body)
        response = connection.getresponse()
        answer = response.status, {k.lower(): v for k, v in response.headers.items()}, response.read()
        connection.close()
        return answer

    yield send
    assert soon(send, 200, User_Agent=b"${jndi:ldap://x}")[0] == 200


class Acl:
    """The web ACL of the shape's stage, through boto3."""

    def __init__(self, environment: LocalEnvironment, arn: str) -> None:
        self._wafv2 = shape.client(environment, "wafv2")
        self.arn = arn
        name, uid = arn.rsplit("/", 2)[1:]
        self._key = {"Name": name, "Id": uid, "Scope": "REGIONAL"}

    def set(self, *rules: dict[str, Any], **members: Any) -> None:
        """Give it these rules; the front door follows within a second or so."""
        token = self._wafv2.get_web_acl(**self._key)["LockToken"]
        settings = {"DefaultAction": {"Allow": {}}, "VisibilityConfig": VISIBILITY, "Rules": list(rules)}
        self._wafv2.update_web_acl(**self._key, LockToken=token, **(settings | members))

    def sampled(self, rule_metric: str) -> list[Any]:
        """Return the sampled requests of a rule in the last minute."""
        now = datetime.now(UTC)
        window = {"StartTime": now - timedelta(minutes=1), "EndTime": now + timedelta(seconds=1)}
        answer = self._wafv2.get_sampled_requests(
            WebAclArn=self.arn, RuleMetricName=rule_metric, Scope="REGIONAL", TimeWindow=window, MaxItems=10
        )
        found: list[Any] = answer["SampledRequests"]
        return found

    def get(self) -> dict[str, Any]:
        """Return it as an SDK shows it."""
        acl: dict[str, Any] = self._wafv2.get_web_acl(**self._key)["WebACL"]
        return acl


@pytest.fixture
def acl(shape_environment: LocalEnvironment, outputs: dict[str, str]) -> Iterator[Acl]:
    """Yield the web ACL, and empty it afterwards."""
    found = Acl(shape_environment, outputs["Acl"])
    yield found
    found.set()


def rule(name: str, statement: dict[str, Any], **members: Any) -> dict[str, Any]:
    visibility = VISIBILITY | {"MetricName": name}
    basis = {"Name": name, "Priority": 0, "Statement": statement, "VisibilityConfig": visibility}
    return basis | {"Action": {"Block": {}}} | members


def path_is(text: bytes | str, **members: Any) -> dict[str, Any]:
    search = members or {"SearchString": text}
    field = {"FieldToMatch": {"UriPath": {}}, "TextTransformations": NONE, "PositionalConstraint": "ENDS_WITH"}
    return {"ByteMatchStatement": {**search, **field}}


def soon(post: Post, status: int, **request: Any) -> tuple[int, dict[str, str], bytes]:
    """Post until the web ACL answers like this; return the last answer."""
    deadline = time.monotonic() + 10
    answer = post(**request)
    while answer[0] != status and time.monotonic() < deadline:
        time.sleep(0.1)
        answer = post(**request)
    return answer


def test_a_search_string_set_by_the_api_is_matched(acl: Acl, post: Post) -> None:
    """What an SDK sends as bytes, and the wire carries as base64, is what the path is compared with."""
    acl.set(rule("path", path_is(b"/stripe")))
    assert acl.get()["Rules"][0]["Statement"]["ByteMatchStatement"]["SearchString"] == b"/stripe"
    assert soon(post, 403)[2] == b'{"message":"Forbidden"}'
    assert post(path="/prod/paypal")[0] == 200


def test_search_strings_of_a_template_are_matched(
    shape_environment: LocalEnvironment, outputs: dict[str, str], post: Post
) -> None:
    """CloudFormation gives them plain or as SearchStringBase64, and an IP set's ARN as Arn; all are the API's then."""
    allowed = {"IPSetReferenceStatement": {"Arn": {"Fn::GetAtt": ["Set", "Arn"]}}}
    rules = [
        rule("set", allowed, Priority=2),
        rule("plain", path_is("/stripe"), Priority=0, Action={"Block": {"CustomResponse": {"ResponseCode": 418}}}),
        rule("coded", path_is("", SearchStringBase64="L3BheXBhbA=="), Priority=1),
    ]
    named = {"Name": "templated", "Scope": "REGIONAL", "VisibilityConfig": VISIBILITY}
    addresses = {"Scope": "REGIONAL", "IPAddressVersion": "IPV4", "Addresses": ["192.0.2.0/24"]}
    resources = {
        "Set": {"Type": "AWS::WAFv2::IPSet", "Properties": addresses},
        "Acl": {"Type": "AWS::WAFv2::WebACL", "Properties": named | {"DefaultAction": {"Allow": {}}, "Rules": rules}},
    }
    template = {"Resources": resources, "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Acl", "Arn"]}}}}
    cloudformation = shape.client(shape_environment, "cloudformation")
    cloudformation.create_stack(StackName="templated", TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="templated", WaiterConfig={"Delay": 1})
    made = cloudformation.describe_stacks(StackName="templated")["Stacks"][0]["Outputs"][0]["OutputValue"]
    statements = [found["Statement"] for found in Acl(shape_environment, made).get()["Rules"]]
    assert [s["ByteMatchStatement"]["SearchString"] for s in statements[1:]] == [b"/stripe", b"/paypal"]
    assert "ARN" in statements[0]["IPSetReferenceStatement"]
    wafv2 = shape.client(shape_environment, "wafv2")
    stage = f"arn:aws:apigateway:us-east-1::/restapis/{outputs['Api']}/stages/prod"
    wafv2.associate_web_acl(WebACLArn=made, ResourceArn=stage)
    try:
        assert soon(post, 418)[0] == 418
        assert post(path="/prod/paypal")[0] == 403
        assert post(path="/prod/square")[0] == 200
    finally:
        wafv2.associate_web_acl(WebACLArn=outputs["Acl"], ResourceArn=stage)
        cloudformation.delete_stack(StackName="templated")


def test_each_action_answers_as_documented(acl: Acl, post: Post) -> None:
    """A custom response with its body and headers, 405 and 202 for want of a token, and inserted headers pass on."""
    custom = {
        "ResponseCode": 429,
        "CustomResponseBodyKey": "slow",
        "ResponseHeaders": [{"Name": "Retry-After", "Value": "60"}],
    }
    insert = {"CustomRequestHandling": {"InsertHeaders": [{"Name": "seen", "Value": "yes"}]}}
    acl.set(
        rule("counts", path_is(b""), Priority=0, Action={"Count": insert}),
        rule("blocks", path_is(b"/stripe"), Priority=1, Action={"Block": {"CustomResponse": custom}}),
        rule("puzzles", path_is(b"/paypal"), Priority=2, Action={"Captcha": {}}),
        rule("challenges", path_is(b"/square"), Priority=3, Action={"Challenge": {}}),
        CustomResponseBodies={"slow": {"ContentType": "APPLICATION_JSON", "Content": '{"slow": "down"}'}},
    )
    status, headers, body = soon(post, 429)
    assert (status, body) == (429, b'{"slow": "down"}')
    assert (headers["retry-after"], headers["content-type"]) == ("60", "application/json")
    for path, expected, name in (("/prod/paypal", 405, "captcha"), ("/prod/square", 202, "challenge")):
        status, headers, body = post(path=path)
        assert (status, headers["x-amzn-waf-action"], body) == (expected, name, b"")
    passed_on = json.loads(post(path="/prod/other", x_amzn_waf_seen=b"forged")[2])["headers"]
    assert passed_on["x-amzn-waf-seen"] == "yes"


def test_a_member_that_is_not_modelled_is_named(acl: Acl, post: Post) -> None:
    """The answer says which rule and which member; nothing passes meanwhile."""
    acl.set(rule("words", {"RegexMatchStatement": {"RegexString": "x", "FieldToMatch": {"UriPath": {}},
                                                   "TextTransformations": NONE}}))  # fmt: skip
    assert b"rule 'words': RegexMatchStatement" in soon(post, 500)[2]


def test_a_byte_that_is_no_text_breaks_no_gate(shape_environment: LocalEnvironment, acl: Acl, post: Post) -> None:
    """A header with a stray byte is inspected like any other, blocked or passed on, sampled and logged."""
    group = {"VendorName": "AWS", "Name": "AWSManagedRulesKnownBadInputsRuleSet"}
    bad = rule("bad", {"ManagedRuleGroupStatement": group}, OverrideAction={"None": {}})
    del bad["Action"]
    acl.set(bad)
    refused = soon(post, 403, User_Agent=b"${jndi:ldap://x}\xff")
    passed = post(User_Agent=b"harmless\xff")
    assert (refused[0], passed[0]) == (403, 200)
    (sample, *_) = acl.sampled("bad")
    assert sample["RuleNameWithinRuleGroup"] == "AWS#AWSManagedRulesKnownBadInputsRuleSet#Log4JRCE_HEADER"
    agents = [header["Value"] for header in sample["Request"]["Headers"] if header["Name"] == "user-agent"]
    assert agents == ["${jndi:ldap://x}\N{REPLACEMENT CHARACTER}"]
    logs = shape.client(shape_environment, "logs")

    def logged() -> set[str]:
        events = logs.filter_log_events(logGroupName="shape/access")["events"]
        return {json.loads(event["message"])["requestId"] for event in events}

    wanted = {answer[1]["x-amzn-requestid"] for answer in (refused, passed)}
    assert eventually(lambda: wanted <= logged(), within_s=10)
