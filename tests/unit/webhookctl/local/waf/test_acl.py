"""Laws of web ACL evaluation."""

import base64
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from webhookctl.local.waf.acl import Lag, WebAcl
from webhookctl.local.waf.ledger import WafLedger
from webhookctl.local.waf.log_record import log_record
from webhookctl.local.waf.members import UnsupportedStatementError
from webhookctl.local.waf.request import WafRequest

RATE = {"RateBasedStatement": {"Limit": 600, "EvaluationWindowSec": 60, "AggregateKeyType": "IP"}}
ARN = "arn:aws:wafv2:us-east-1:000000000000:regional/webacl/acl/1"
OFFICE = "arn:aws:wafv2:us-east-1:000000000000:regional/ipset/office/1"


def ip_sets(arn: str) -> Iterable[str]:
    assert arn == OFFICE
    return ["127.0.9.0/24"]


def rule(name: str, priority: int, statement: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    action: dict[str, Any] = {} if "OverrideAction" in members else {"Action": {"Block": {}}}
    visibility = {"MetricName": f"{name}Metric"}
    return (
        {"Name": name, "Priority": priority, "Statement": statement, "VisibilityConfig": visibility} | action | members
    )


def acl(*rules: Mapping[str, Any], lag: Lag | None = None) -> WebAcl:
    document = {"ARN": ARN, "Name": "acl", "DefaultAction": {"Allow": {}}, "Rules": list(rules)}
    return WebAcl(document, ip_sets=ip_sets, lag=lag or Lag(), now=0, phase=lambda: 0.5)


def request(**fields: Any) -> WafRequest:
    basis: dict[str, Any] = {
        "method": "POST",
        "path": "/prod/webhook/stripe",
        "query": "",
        "headers": {"host": "example.test", "content-type": "application/json"},
        "client_ip": "127.0.0.1",
        "body": b'{"id": 1}',
    }
    return WafRequest(**(basis | fields))


def byte_match(text: str, constraint: str, field: Mapping[str, Any], *steps: str) -> dict[str, Any]:
    transformations = [{"Priority": n, "Type": step} for n, step in enumerate(steps or ("NONE",))]
    return {
        "ByteMatchStatement": {
            "SearchString": text.encode(),
            "PositionalConstraint": constraint,
            "FieldToMatch": field,
            "TextTransformations": transformations,
        }
    }


def test_rules_run_by_priority_and_the_first_block_ends_it() -> None:
    """The lowest priority number is looked at first."""
    web = acl(
        rule("second", 2, byte_match("stripe", "CONTAINS", {"UriPath": {}})),
        rule("first", 1, byte_match("/prod", "STARTS_WITH", {"UriPath": {}})),
    )
    decision = web.evaluate(request(), 0)
    assert decision.is_blocked
    assert decision.terminating is not None
    assert decision.terminating.rule == "first"


def test_count_rules_note_and_go_on() -> None:
    """A rule in Count mode is recorded and changes nothing."""
    web = acl(rule("counted", 1, byte_match("stripe", "CONTAINS", {"UriPath": {}}), Action={"Count": {}}))
    decision = web.evaluate(request(), 0)
    assert not decision.is_blocked
    assert [match.rule for match in decision.counted] == ["counted"]


def test_an_allow_rule_ends_the_evaluation() -> None:
    """An allow-listed address never reaches the rate rule behind it."""
    office = rule("office", 0, {"IPSetReferenceStatement": {"ARN": OFFICE}}, Action={"Allow": {}})
    web = acl(office, rule("rate", 1, RATE))
    assert not any(web.evaluate(request(client_ip="127.0.9.7"), n / 100).is_blocked for n in range(5000))
    assert any(web.evaluate(request(client_ip="127.0.0.7"), n / 100).is_blocked for n in range(5000, 10_000))


def test_the_rate_rule_names_its_key() -> None:
    """A block by rate names the address, and the address is listed as limited."""
    web = acl(rule("rate", 0, RATE))
    last = [web.evaluate(request(), n / 50) for n in range(3000)][-1]
    assert last.is_blocked
    assert last.terminating is not None
    assert last.terminating.rate_key == "127.0.0.1"
    assert web.limited_keys("rate", 60) == ["127.0.0.1"]
    assert web.limited_keys("other", 60) is None


def test_scope_down_limits_what_is_counted() -> None:
    """Only requests inside the scope count towards the rate."""
    scoped = {
        "RateBasedStatement": {
            **RATE["RateBasedStatement"],
            "ScopeDownStatement": {"NotStatement": {"Statement": {"IPSetReferenceStatement": {"ARN": OFFICE}}}},
        }
    }
    web = acl(rule("rate", 0, scoped))
    assert not any(web.evaluate(request(client_ip="127.0.9.7"), n / 100).is_blocked for n in range(5000))


def test_forwarded_ip_takes_the_first_address_of_the_header() -> None:
    """FORWARDED_IP aggregates on the header, which is why it can be spoofed."""
    forwarded = {
        "RateBasedStatement": {
            "Limit": 100,
            "AggregateKeyType": "FORWARDED_IP",
            "ForwardedIPConfig": {"HeaderName": "X-Forwarded-For", "FallbackBehavior": "MATCH"},
        }
    }
    web = acl(rule("rate", 0, forwarded))
    for n in range(2000):
        web.evaluate(request(headers={"x-forwarded-for": "203.0.113.9, 10.0.0.1"}), n / 50)
    assert web.limited_keys("rate", 60) == ["203.0.113.9"]


@pytest.mark.parametrize(
    ("statement", "is_match"),
    [
        (byte_match("STRIPE", "CONTAINS", {"UriPath": {}}), False),
        (byte_match("stripe", "CONTAINS", {"UriPath": {}}, "LOWERCASE"), True),
        (byte_match("web", "CONTAINS_WORD", {"UriPath": {}}), False),
        (byte_match("webhook", "CONTAINS_WORD", {"UriPath": {}}), True),
        (byte_match("stripe", "ENDS_WITH", {"UriPath": {}}), True),
        (byte_match("POST", "EXACTLY", {"Method": {}}), True),
        (byte_match("example.test", "EXACTLY", {"SingleHeader": {"Name": "Host"}}), True),
        (byte_match('"id"', "CONTAINS", {"Body": {}}), True),
        (byte_match("a b", "EXACTLY", {"QueryString": {}}, "URL_DECODE"), True),
        ({"SizeConstraintStatement": {"ComparisonOperator": "GT", "Size": 8, "FieldToMatch": {"Body": {}},
                                      "TextTransformations": [{"Priority": 0, "Type": "NONE"}]}}, True),
        ({"SizeConstraintStatement": {"ComparisonOperator": "GT", "Size": 8192, "FieldToMatch": {"Body": {}},
                                      "TextTransformations": [{"Priority": 0, "Type": "NONE"}]}}, False),
    ],
)  # fmt: skip
def test_statements_match_what_they_say(statement: Mapping[str, Any], *, is_match: bool) -> None:
    """Each field, transformation and position does what the API reference says."""
    assert acl(rule("it", 0, statement)).evaluate(request(query="a%20b"), 0).is_blocked is is_match


def test_labels_carry_from_rule_to_rule() -> None:
    """A later rule can match the label that a counting rule put on."""
    marked = rule("mark", 0, byte_match("stripe", "CONTAINS", {"UriPath": {}}), Action={"Count": {}},
                  RuleLabels=[{"Name": "ours:seen"}])  # fmt: skip
    acts = rule("act", 1, {"LabelMatchStatement": {"Scope": "LABEL", "Key": "ours:seen"}})
    assert acl(marked, acts).evaluate(request(), 0).is_blocked


def managed(**members: Any) -> dict[str, Any]:
    group = {"VendorName": "AWS", "Name": "AWSManagedRulesKnownBadInputsRuleSet"}
    override = members.pop("OverrideAction", {"None": {}})
    return rule("bad", 0, {"ManagedRuleGroupStatement": group | members}, OverrideAction=override)


LOG4J = request(headers={"user-agent": "${jndi:ldap://x}"})


def test_known_bad_inputs_block_and_an_override_counts() -> None:
    """A managed group acts in the mode that the web ACL sets."""
    assert acl(managed()).evaluate(LOG4J, 0).is_blocked
    assert not acl(managed()).evaluate(request(), 0).is_blocked
    counting = acl(managed(OverrideAction={"Count": {}})).evaluate(LOG4J, 0)
    assert not counting.is_blocked
    assert counting.counted
    single = [{"Name": "Log4JRCE_HEADER", "ActionToUse": {"Count": {}}}]
    assert not acl(managed(RuleActionOverrides=single)).evaluate(LOG4J, 0).is_blocked


def test_an_unmodelled_statement_is_refused_by_name() -> None:
    """What can't be modelled is never silently passed."""
    with pytest.raises(UnsupportedStatementError, match="GeoMatchStatement"):
        acl(rule("geo", 0, {"GeoMatchStatement": {"CountryCodes": ["US"]}}))


def test_the_ledger_counts_each_decision_once() -> None:
    """Allowed, blocked and counted requests appear under the rule's metric and under ALL."""
    web, ledger = acl(rule("path", 1, byte_match("paypal", "CONTAINS", {"UriPath": {}}))), WafLedger()
    for path in ("/prod/webhook/stripe", "/prod/webhook/paypal"):
        one = request(path=path)
        ledger.record(one, web.evaluate(one, 0), at=100.0)
    counts = {(count.metric, count.rule): count.value for count in ledger.drain_counts()}
    assert counts == {
        ("AllowedRequests", "ALL"): 1,
        ("AllowedRequests", "Default_Action"): 1,
        ("BlockedRequests", "ALL"): 1,
        ("BlockedRequests", "pathMetric"): 1,
    }
    assert ledger.drain_counts() == []
    drawn = ledger.samples("pathMetric", 0, 200, 500)
    assert (len(drawn.samples), drawn.population) == (1, 1)
    assert drawn.samples[0].request.body == b""


def test_a_log_record_shows_no_signature_and_no_body() -> None:
    """WAF logs carry the documented fields, without the webhook's signature or content."""
    secret = base64.b64encode(b"signature").decode()
    one = request(headers={"host": "h", "stripe-signature": secret, "x-square-hmacsha256-signature": secret})
    record = log_record("arn:acl", "1:api:prod", one, acl().evaluate(one, 0), 1.5)
    assert record["timestamp"] == 1500
    assert record["action"] == "ALLOW"
    assert record["terminatingRuleId"] == "Default_Action"
    assert secret not in str(record)
