"""The deployed web ACL: what it says, whom it blocks, and what one address measures of it."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Protocol

from stack.limits import WAF_CHECK_INTERVAL_S
from webhookctl.core.logs import LogEvent
from webhookctl.errors import CheckFailedError

NEAR_SHARE: Final = 0.8
"""An address that reaches this share of the limit is near it."""
BLOCKED: Final = 403
_GROWTH_EVERY_S: Final = 4.0
_GROWTH_RPS: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of the web ACL. `limit` and `window_s` are those of a rate rule, else None."""

    TABLE: ClassVar = ("priority", "name", "action", "limit", "window_s", "allowed", "blocked", "counted")
    priority: int
    name: str
    metric: str
    action: str
    limit: int | None = None
    window_s: int | None = None
    allowed: int = 0
    blocked: int = 0
    counted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """An address that came near the limit: the most requests that it made in one window."""

    address: str
    requests: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WafStatus:
    """The web ACL at a glance."""

    web_acl: str
    rules: tuple[Rule, ...]
    blocked_addresses: tuple[str, ...]
    near_the_limit: tuple[Busy, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """What a probe measured. The limit lies between `limit_at_least` and `limit_at_most` requests in `window_s`."""

    requests: int
    seconds_to_block: float
    rate_rps: float
    blocked_by: str
    deployed_limit: int
    window_s: int
    limit_at_least: int
    limit_at_most: int
    agrees: bool


class WebAclReader(Protocol):
    """Reads the web ACL of the environment's stage."""

    name: str

    def rules(self) -> list[Rule]:
        """Return the rules by priority, without counts."""
        ...

    def counts(self, since: datetime, until: datetime) -> Mapping[tuple[str, str], int]:
        """Return the sums of (metric name, rule metric): AllowedRequests, BlockedRequests, CountedRequests."""
        ...

    def blocked_addresses(self, rule: str) -> list[str]:
        """Return the addresses that a rate rule blocks now (CIDR)."""
        ...

    def sampled(self, rule_metric: str, since: datetime, until: datetime) -> list[Mapping[str, Any]]:
        """Return sampled requests of a rule as GetSampledRequests gives them."""
        ...


def waf_status(
    acl: WebAclReader, access_log: Iterable[LogEvent], *, now: datetime, since: timedelta = timedelta(hours=1)
) -> WafStatus:
    """Return rules with their counts, blocked addresses, and the addresses that came near a rate rule's limit."""
    rules = acl.rules()
    counts = acl.counts(now - since, now)
    counted = [
        Rule(
            priority=rule.priority,
            name=rule.name,
            metric=rule.metric,
            action=rule.action,
            limit=rule.limit,
            window_s=rule.window_s,
            allowed=counts.get(("AllowedRequests", rule.metric), 0),
            blocked=counts.get(("BlockedRequests", rule.metric), 0),
            counted=counts.get(("CountedRequests", rule.metric), 0),
        )
        for rule in rules
    ]
    blocked = [address for rule in rules if rule.limit for address in acl.blocked_addresses(rule.name)]
    return WafStatus(
        web_acl=acl.name,
        rules=tuple(counted),
        blocked_addresses=tuple(dict.fromkeys(blocked)),
        near_the_limit=busy_addresses(access_log, main_rate_rule(rules)),
    )


def main_rate_rule(rules: Sequence[Rule]) -> Rule:
    """Return the strictest rate rule. Raises CheckFailedError when the web ACL has none."""
    limited = [rule for rule in rules if rule.limit and rule.window_s]
    if not limited:
        raise CheckFailedError("the web ACL has no rate rule: nothing limits an address", hint="webhookctl diff")
    return min(limited, key=lambda rule: (rule.limit or 0) / (rule.window_s or 1))


def busy_addresses(access_log: Iterable[LogEvent], rule: Rule) -> tuple[Busy, ...]:
    """Return the addresses whose requests in one window reached `NEAR_SHARE` of the limit, busiest first."""
    limit, window_s = rule.limit or 0, rule.window_s or 1
    counts: Counter[tuple[str, int]] = Counter()
    for event in access_log:
        address = event.fields().get("sourceIp") or event.fields().get("ip")
        if address:
            counts[str(address), int(event.at.timestamp() // window_s)] += 1
    most: dict[str, int] = {}
    for (address, _), count in counts.items():
        most[address] = max(most.get(address, 0), count)
    busy = [Busy(address=a, requests=n, limit=limit) for a, n in most.items() if n >= NEAR_SHARE * limit]
    return tuple(sorted(busy, key=lambda one: -one.requests))


Offer = Callable[[float], Iterable[tuple[float, int]]]
"""Offers a rate (requests a second) for about a second, of requests that can't be stored; yields each one's moment,
on the probe's clock, and the status of its answer."""


def probe(
    acl: WebAclReader,
    offer: Offer,
    *,
    address: str,
    lag_s: float,
    timeout_s: float,
    now: Callable[[], datetime],
    clock: Callable[[], float] = time.monotonic,
    on_progress: Callable[[str], None] = lambda _: None,
) -> ProbeResult:
    """Send from one address at a growing rate until it is blocked, and work out the limit from when that was.

    `lag_s` is the WAF lag to allow for. Raises CheckFailedError when nothing is blocked within `timeout_s`.
    """
    rule = main_rate_rule(acl.rules())
    started, began_at = clock(), now()
    sent: list[float] = []
    while True:
        elapsed = clock() - started
        rate = _GROWTH_RPS * (1 + elapsed // _GROWTH_EVERY_S)
        if elapsed > timeout_s:
            raise CheckFailedError(
                f"{len(sent)} requests at up to {rate:g}/s in {elapsed:.0f} s and none was blocked",
                hint="webhookctl waf status; webhookctl diff",
            )
        on_progress(f"{len(sent)} requests, now {rate:g}/s")
        for moment, status in offer(rate):
            sent.append(moment)
            if status == BLOCKED:
                blocked_by = blocking_rule(acl, address, since=began_at, until=now())
                return _measured(rule, sent, rate=rate, started=started, lag_s=lag_s, blocked_by=blocked_by)


def blocking_rule(acl: WebAclReader, address: str, *, since: datetime, until: datetime) -> str:
    """Return the name of the rule that blocks an address: from the limited keys, else from the sampled requests.

    `address` may be empty where the caller can't know the one that the web ACL sees; then only samples tell.
    """
    rules = acl.rules()
    for rule in rules:
        if address and rule.limit and any(key.partition("/")[0] == address for key in acl.blocked_addresses(rule.name)):
            return rule.name
    for rule in rules:
        for sample in acl.sampled(rule.metric, since, until):
            if sample["Action"] == "BLOCK" and address in ("", sample["Request"]["ClientIP"]):
                return rule.name
    return "unknown: no limited key and no sampled request names one"


def _measured(
    rule: Rule, sent: Sequence[float], *, rate: float, started: float, lag_s: float, blocked_by: str
) -> ProbeResult:
    """Work out the limit: at the check before the one that decided, the count was still inside it."""
    limit, window_s, blocked_at = rule.limit or 0, rule.window_s or 1, sent[-1]
    at_most = _in_window(sent, blocked_at, window_s)
    at_least = _in_window(sent, blocked_at - lag_s - 2 * WAF_CHECK_INTERVAL_S, window_s)
    return ProbeResult(
        requests=len(sent),
        seconds_to_block=round(blocked_at - started, 1),
        rate_rps=rate,
        blocked_by=blocked_by,
        deployed_limit=limit,
        window_s=window_s,
        limit_at_least=at_least,
        limit_at_most=at_most,
        agrees=at_least <= limit <= at_most,
    )


def _in_window(sent: Sequence[float], end: float, window_s: float) -> int:
    return sum(end - window_s < moment <= end for moment in sent)
