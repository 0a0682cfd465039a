"""The log record of one request. Source: AWS WAF developer guide, "Log fields"."""

from collections.abc import Iterator
from typing import Any, Final

from webhookctl.local.exchange import readable
from webhookctl.local.waf.acl import DEFAULT_ACTION, Decision
from webhookctl.local.waf.request import WafRequest
from webhookctl.local.waf.rules import Match
from webhookctl.local.waf.samples import SHOWN_HEADERS

_TOKEN_RESPONSES: Final = {"CAPTCHA": "captchaResponse", "CHALLENGE": "challengeResponse"}


def log_record(acl_arn: str, source_id: str, request: WafRequest, decision: Decision, at: float) -> dict[str, Any]:
    """Return the record that AWS WAF writes for one request; `source_id` is `<account>:<api id>:<stage>`."""
    ending = decision.terminating
    return {
        "timestamp": int(at * 1000),
        "formatVersion": 1,
        "webaclId": acl_arn,
        "terminatingRuleId": ending.rule if ending else DEFAULT_ACTION,
        "terminatingRuleType": ending.kind if ending else "REGULAR",
        "action": decision.action.kind,
        "httpSourceName": "APIGW",
        "httpSourceId": source_id,
        "ruleGroupList": [_group(match) for match in _matches(decision) if match.within],
        "rateBasedRuleList": [_rate(match) for match in _matches(decision) if match.rate_key is not None],
        "nonTerminatingMatchingRules": [{"ruleId": m.rule, "action": m.action.kind} for m in decision.counted],
        "httpRequest": {
            "clientIp": request.client_ip,
            "country": "-",
            "headers": [
                {"name": n, "value": readable(request.headers[n])} for n in SHOWN_HEADERS if n in request.headers
            ],
            "uri": readable(request.path),
            "args": readable(request.query),
            "httpVersion": request.http_version,
            "httpMethod": request.method,
            "requestId": request.request_id,
        },
        "labels": [{"name": label} for label in sorted(decision.labels)],
        **_consequences(decision),
    }


def _matches(decision: Decision) -> Iterator[Match]:
    yield from decision.counted
    if decision.terminating:
        yield decision.terminating


def _rate(match: Match) -> dict[str, Any]:
    return {"rateBasedRuleName": match.rule, "limitKey": match.limit_key, "limitValue": match.rate_key}


def _group(match: Match) -> dict[str, Any]:
    group, _, rule = str(match.within).rpartition("#")
    found = {"ruleId": rule, "action": match.action.kind}
    return {
        "ruleGroupId": group,
        "terminatingRule": found if match.action.ends else None,
        "nonTerminatingMatchingRules": [] if match.action.ends else [found],
    }


def _consequences(decision: Decision) -> dict[str, Any]:
    """Return the fields that only requests of some actions have."""
    fields: dict[str, Any] = {}
    if decision.inserts:
        fields["requestHeadersInserted"] = [{"name": n, "value": v} for n, v in decision.inserts.items()]
    if decision.action.response:
        fields["responseCodeSent"] = decision.action.status
    if decision.action.kind in _TOKEN_RESPONSES:
        reason = {"responseCode": decision.action.status, "failureReason": "TOKEN_MISSING"}
        fields[_TOKEN_RESPONSES[decision.action.kind]] = reason
    return fields
