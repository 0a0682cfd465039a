"""What AWS WAF remembers of its decisions: one-minute counts, sampled requests and log records.

Sources: AWS WAF developer guide, "AWS WAF metrics and dimensions" and "Log fields"; API reference,
`GetSampledRequests` (at most 500 of the first 5,000 requests in the range, of the last three hours).
"""

import random
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from webhookctl.local.waf.acl import DEFAULT_ACTION, Decision
from webhookctl.local.waf.statements import WafRequest

SAMPLE_POPULATION: Final = 5_000
SAMPLE_LIMIT: Final = 500
SAMPLE_AGE_S: Final = 3 * 3600
_LOGGED_HEADERS: Final = ("host", "user-agent", "content-type", "content-length", "x-amzn-trace-id")
"""Headers that a log record may show: never a signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricCount:
    """One-minute count of a metric in AWS/WAFV2; `rule` is a rule's metric name, `ALL` or `Default_Action`."""

    metric: str
    rule: str
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One decided request. `at` is in seconds since the epoch."""

    at: float
    rule_metric: str
    action: str
    request: WafRequest
    labels: tuple[str, ...]


class WafLedger:
    """Counts and samples of one web ACL. Not thread-safe: it lives on the front door's event loop."""

    def __init__(self, acl_metric: str = "") -> None:
        self.acl_metric = acl_metric
        self._counts: Counter[tuple[str, str]] = Counter()
        self._samples: deque[Sample] = deque(maxlen=SAMPLE_POPULATION)

    def record(self, request: WafRequest, decision: Decision, at: float) -> None:
        """Take note of one decision made `at` seconds since the epoch."""
        ending = decision.terminating.metric if decision.terminating else DEFAULT_ACTION
        metric = "BlockedRequests" if decision.is_blocked else "AllowedRequests"
        self._counts[metric, ending] += 1
        self._counts[metric, "ALL"] += 1
        for match in decision.counted:
            self._counts["CountedRequests", match.metric] += 1
            self._counts["CountedRequests", "ALL"] += 1
            self._sample(request, decision, match.metric, "COUNT", at)
        self._sample(request, decision, ending, decision.action, at)

    def drain_counts(self) -> list[MetricCount]:
        """Return the counts since the last call, and start anew."""
        counts = [MetricCount(metric=m, rule=r, value=n) for (m, r), n in sorted(self._counts.items())]
        self._counts.clear()
        return counts

    def samples(self, rule_metric: str, start: float, end: float, limit: int) -> tuple[list[Sample], int]:
        """Return at most `limit` random samples of a rule between two times, and how many there were to choose from."""
        found = [s for s in self._samples if start <= s.at <= end and rule_metric in ("ALL", s.rule_metric)]
        chosen = found if len(found) <= limit else random.sample(found, limit)
        return sorted(chosen, key=lambda sample: sample.at), len(found)

    def _sample(self, request: WafRequest, decision: Decision, metric: str, action: str, at: float) -> None:
        labels = tuple(sorted(decision.labels))
        while self._samples and self._samples[0].at < at - SAMPLE_AGE_S:
            self._samples.popleft()
        slim = replace(request, body=b"")  # five thousand bodies would be a leak
        self._samples.append(Sample(at=at, rule_metric=metric, action=action, request=slim, labels=labels))


def log_record(acl_arn: str, source_id: str, request: WafRequest, decision: Decision, at: float) -> dict[str, Any]:
    """Return the record that AWS WAF writes for one request; `source_id` is `<account>:<api id>:<stage>`."""
    ending = decision.terminating
    return {
        "timestamp": int(at * 1000),
        "formatVersion": 1,
        "webaclId": acl_arn,
        "terminatingRuleId": ending.rule if ending else DEFAULT_ACTION,
        "terminatingRuleType": ending.kind if ending else "REGULAR",
        "action": decision.action,
        "httpSourceName": "APIGW",
        "httpSourceId": source_id,
        "rateBasedRuleList": list(_rate_rules(decision)),
        "nonTerminatingMatchingRules": [{"ruleId": m.rule, "action": m.action} for m in decision.counted],
        "httpRequest": {
            "clientIp": request.client_ip,
            "country": "-",
            "headers": [{"name": n, "value": request.headers[n]} for n in _LOGGED_HEADERS if n in request.headers],
            "uri": request.path,
            "args": request.query,
            "httpVersion": request.http_version,
            "httpMethod": request.method,
            "requestId": request.request_id,
        },
        "labels": [{"name": label} for label in sorted(decision.labels)],
    }


def _rate_rules(decision: Decision) -> Iterator[dict[str, Any]]:
    for match in (*decision.counted, *([decision.terminating] if decision.terminating else [])):
        if match.rate_key is not None:
            yield {"rateBasedRuleName": match.rule, "limitKey": "IP", "limitValue": match.rate_key}


def sampled_request(sample: Sample) -> dict[str, Any]:
    """Return a sample as the `GetSampledRequests` API shows it."""
    request = sample.request
    return {
        "Request": {
            "ClientIP": request.client_ip,
            "Country": "-",
            "URI": request.path,
            "Method": request.method,
            "HTTPVersion": request.http_version,
            "Headers": [{"Name": n, "Value": request.headers[n]} for n in _LOGGED_HEADERS if n in request.headers],
        },
        "Weight": 1,
        "Timestamp": sample.at,
        "Action": sample.action,
        "RuleNameWithinRuleGroup": None,
        "Labels": [{"Name": label} for label in sample.labels],
    }
