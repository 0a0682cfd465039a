"""Laws of reading a web ACL."""

from datetime import UTC, datetime, timedelta
from typing import Any

from webhookctl.aws.waf import WebAcl
from webhookctl.core.waf import Rule

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
ARN = "arn:aws:wafv2:us-east-1:123456789012:regional/webacl/webhooks/1"
RANGES = {"four": ["10.9.0.0/24"], "six": ["2001:db8::/32"]}


def ip_set(name: str) -> dict[str, Any]:
    arn = f"arn:aws:wafv2:us-east-1:123456789012:regional/ipset/{name}/id-{name}"
    return {"IPSetReferenceStatement": {"ARN": arn}}


def rate_rule(name: str, *, by: str = "IP", scope: dict[str, Any] | None = None) -> dict[str, Any]:
    rate = {"Limit": 600, "EvaluationWindowSec": 60, "AggregateKeyType": by}
    return {
        "Name": name,
        "Priority": 3,
        "Action": {"Block": {}},
        "Statement": {"RateBasedStatement": {**rate, **({"ScopeDownStatement": scope} if scope else {})}},
        "VisibilityConfig": {"MetricName": f"{name}Metric"},
    }


class Aws:
    """A session, its wafv2 client and its cloudwatch client."""

    region = "us-east-1"

    def __init__(self, *rules: dict[str, Any]) -> None:
        self.rules = list(rules)
        self.asked: list[str] = []

    def client(self, service: str) -> Any:
        assert service in ("wafv2", "cloudwatch")
        return self

    def get_web_acl(self, **_: str) -> dict[str, Any]:
        visibility = {"MetricName": "aclMetric"}
        return {"WebACL": {"Rules": self.rules, "DefaultAction": {"Allow": {}}, "VisibilityConfig": visibility}}

    def get_ip_set(self, *, Name: str, Scope: str, Id: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        assert (Scope, Id) == ("REGIONAL", f"id-{Name}")
        return {"IPSet": {"Addresses": RANGES[Name]}}

    def get_metric_statistics(self, *, MetricName: str, Dimensions: list[Any], **_: Any) -> dict[str, Any]:  # noqa: N803
        values = {dimension["Name"]: dimension["Value"] for dimension in Dimensions}
        assert (values["WebACL"], values["Region"]) == ("aclMetric", "us-east-1")
        self.asked.append(f"{MetricName} {values['Rule']}")
        return {"Datapoints": [{"Sum": 2.0}, {"Sum": 3.0}]}


def read(*rules: dict[str, Any]) -> list[Rule]:
    return WebAcl(Aws(*rules), ARN).rules()  # type: ignore[arg-type]


def test_a_rate_rule_tells_whom_it_counts() -> None:
    """The stack's two: all but the allow-list, and the allow-list alone, of both address families."""
    known = {"OrStatement": {"Statements": [ip_set("four"), ip_set("six")]}}
    others, listed = read(rate_rule("a", scope={"NotStatement": {"Statement": known}}), rate_rule("b", scope=known))
    assert (others.only, others.never) == ((), ("10.9.0.0/24", "2001:db8::/32"))
    assert (listed.only, listed.never) == (("10.9.0.0/24", "2001:db8::/32"), ())
    assert [others.counts(address) for address in ("10.9.0.7", "2001:db8::1", "10.0.0.1")] == [False, False, True]
    assert [listed.counts(address) for address in ("10.9.0.7", "2001:db8::1", "10.0.0.1")] == [True, True, False]


def test_a_scope_that_is_not_of_addresses_counts_everybody() -> None:
    """A path, or a path together with addresses, can't be told from an address: better one warning too many."""
    path = {"ByteMatchStatement": {"SearchString": b"/webhook"}}
    for scope in (None, path, {"OrStatement": {"Statements": [ip_set("four"), path]}}):
        assert read(rate_rule("a", scope=scope))[0].counts("10.0.0.1")


def test_a_rule_by_custom_keys_limits_no_address() -> None:
    """It is a rate rule with a limit all the same."""
    (rule,) = read(rate_rule("a", by="CUSTOM_KEYS"))
    assert (rule.limit, rule.counts_by, rule.limits_addresses) == (600, "CUSTOM_KEYS", False)


def test_counts_are_of_each_rule_and_of_the_default_action() -> None:
    """Under the names that AWS WAF gives its metrics."""
    aws = Aws(rate_rule("a"))
    acl = WebAcl(aws, ARN)  # type: ignore[arg-type]
    counts = acl.counts(NOW - timedelta(hours=1), NOW)
    assert counts["AllowedRequests", "Default_Action"] == 5
    assert "BlockedRequests aMetric" in aws.asked
    assert acl.default_action() == "Allow"
