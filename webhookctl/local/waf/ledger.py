"""What AWS WAF remembers of its decisions: one-minute counts and sampled requests.

Sources: AWS WAF developer guide, "AWS WAF metrics and dimensions"; API reference, `GetSampledRequests`.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from webhookctl.local.waf.acl import DEFAULT_ACTION, Decision
from webhookctl.local.waf.request import WafRequest
from webhookctl.local.waf.rules import Match, Visibility
from webhookctl.local.waf.samples import Drawn, Sample, Samples, draw, slim

_METRICS: Final = {
    "ALLOW": "AllowedRequests",
    "BLOCK": "BlockedRequests",
    "COUNT": "CountedRequests",
    "CAPTCHA": "CaptchaRequests",
    "CHALLENGE": "ChallengeRequests",
}
_ALL: Final = "ALL"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricCount:
    """One-minute count of a metric in AWS/WAFV2; `rule` is a rule's metric name, `ALL` or `Default_Action`."""

    metric: str
    rule: str
    value: int


class WafLedger:
    """Counts and samples of one web ACL. Not thread-safe: it lives on the front door's event loop."""

    def __init__(self, acl: Visibility | None = None) -> None:
        self.follow(acl or Visibility(metric=""))
        self._counts: Counter[tuple[str, str]] = Counter()
        self._samples: dict[str, Samples] = {}

    def follow(self, acl: Visibility) -> None:
        """Take over what the web ACL's VisibilityConfig says now; what was counted and sampled stays."""
        self._acl, self._default = acl, replace(acl, metric=DEFAULT_ACTION)

    @property
    def acl_metric(self) -> str:
        """The web ACL's own metric name."""
        return self._acl.metric

    def record(self, request: WafRequest, decision: Decision, at: float) -> None:
        """Take note of one decision made `at` seconds since the epoch."""
        for match in decision.counted:
            self._count("COUNT", match.visibility)
            self._sample(match.visibility, at, partial(_sample, request, decision, "COUNT", match, at))
        ending, kind = decision.terminating, decision.action.kind
        rule = ending.visibility if ending else self._default
        self._count(kind, rule)
        self._sample(rule, at, partial(_sample, request, decision, kind, ending, at))

    def drain_counts(self) -> list[MetricCount]:
        """Return the counts since the last call, and start anew."""
        counts = [MetricCount(metric=m, rule=r, value=n) for (m, r), n in sorted(self._counts.items())]
        self._counts.clear()
        return counts

    def samples(self, rule_metric: str, start: float, end: float, limit: int) -> Drawn:
        """Return at most `limit` random samples of a rule, or of ALL, between two times (seconds since the epoch)."""
        chosen = [kept for metric, kept in self._samples.items() if rule_metric in (_ALL, metric)]
        return draw(chosen, start, end, limit)

    def _count(self, kind: str, rule: Visibility) -> None:
        if rule.is_measured:
            self._counts[_METRICS[kind], rule.metric] += 1
        if self._acl.is_measured:
            self._counts[_METRICS[kind], _ALL] += 1

    def _sample(self, rule: Visibility, at: float, make: Callable[[], Sample]) -> None:
        if rule.is_sampled:
            samples = self._samples.get(rule.metric)
            if samples is None:
                samples = self._samples[rule.metric] = Samples()
            samples.add(at, make)


def _sample(request: WafRequest, decision: Decision, kind: str, match: Match | None, at: float) -> Sample:
    return Sample(
        at=at,
        action=kind,
        request=slim(request),
        labels=tuple(sorted(decision.labels)),
        within=match.within if match else None,
        response_code=decision.action.status if decision.action.response and kind != "COUNT" else None,
        inserted=tuple(decision.inserts.items()),
    )
