"""The deployed web ACL: what it says, whom it blocks, and who came near a limit."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any, ClassVar, Final, Protocol

from webhookctl.core.logs import LogEvent
from webhookctl.errors import CheckFailedError

NEAR_SHARE: Final = 0.8
"""An address that reaches this share of the limit is near it."""
DEFAULT_ACTION: Final = "Default_Action"
"""What AWS WAF's metrics call the requests that no rule ended."""
BY_ADDRESS: Final = ("IP", "FORWARDED_IP")
"""The aggregations of which AWS lists the blocked keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of the web ACL, or its default action (`priority` None).

    `limit`, `window_s` and `counts_by` are those of a rate rule, else None. `only` and `never` are the address ranges
    that its scope-down statement lets it count or spares, as far as address sets say so.
    """

    TABLE: ClassVar = ("priority", "name", "action", "limit", "window_s", "allowed", "blocked", "counted")
    priority: int | None
    name: str
    metric: str
    action: str
    limit: int | None = None
    window_s: int | None = None
    counts_by: str | None = None
    only: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    allowed: int = 0
    blocked: int = 0
    counted: int = 0

    @property
    def limits_addresses(self) -> bool:
        """Whether this is a rate rule that counts each address by itself."""
        return bool(self.limit and self.window_s) and self.counts_by in BY_ADDRESS

    def counts(self, address: str) -> bool:
        """Whether the rule counts the requests of an address."""
        if self.only and not _is_in(address, self.only):
            return False
        return not _is_in(address, self.never)


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """An address that came near its limit: the most requests that it made in any window, and the rule that counts."""

    address: str
    requests: int
    limit: int
    window_s: int
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WafStatus:
    """The web ACL at a glance. `gaps` are what keeps it from limiting addresses, or this from telling."""

    web_acl: str
    rules: tuple[Rule, ...]
    blocked_addresses: tuple[str, ...]
    near_the_limit: tuple[Busy, ...]
    gaps: tuple[str, ...] = ()

    @property
    def limits_addresses(self) -> bool:
        """Whether any rule limits what one address may send."""
        return any(rule.limits_addresses for rule in self.rules)


class WebAclReader(Protocol):
    """Reads the web ACL of the environment's stage."""

    name: str

    def rules(self) -> list[Rule]:
        """Return the rules by priority, without counts."""
        ...

    def default_action(self) -> str:
        """Return what is done with requests that no rule ends: Allow or Block."""
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
    default = Rule(priority=None, name="default action", metric=DEFAULT_ACTION, action=acl.default_action())
    counts = acl.counts(now - since, now)
    counted = [
        replace(
            rule,
            allowed=counts.get(("AllowedRequests", rule.metric), 0),
            blocked=counts.get(("BlockedRequests", rule.metric), 0),
            counted=counts.get(("CountedRequests", rule.metric), 0),
        )
        for rule in (*rules, default)
    ]
    blocked = [address for rule in rules if rule.limits_addresses for address in acl.blocked_addresses(rule.name)]
    return WafStatus(
        web_acl=acl.name,
        rules=tuple(counted),
        blocked_addresses=tuple(dict.fromkeys(blocked)),
        near_the_limit=busy_addresses(access_log, rules),
        gaps=tuple(_gaps(rules)),
    )


def _gaps(rules: Sequence[Rule]) -> Iterable[str]:
    if not any(rule.limits_addresses for rule in rules):
        yield NO_LIMIT
    for rule in rules:
        if rule.limit and not rule.limits_addresses:
            yield f"rule {rule.name!r} counts by {rule.counts_by}: AWS does not list whom it blocks"


NO_LIMIT: Final = "the web ACL has no rate rule by address: nothing limits one"


def main_rate_rule(rules: Sequence[Rule]) -> Rule:
    """Return the strictest rate rule by address. Raises CheckFailedError when the web ACL has none."""
    limited = [rule for rule in rules if rule.limits_addresses]
    if not limited:
        raise CheckFailedError(NO_LIMIT, hint="webhookctl diff")
    return min(limited, key=lambda rule: (rule.limit or 0) / (rule.window_s or 1))


def busy_addresses(access_log: Iterable[LogEvent], rules: Sequence[Rule]) -> tuple[Busy, ...]:
    """Return the addresses that reached `NEAR_SHARE` of the limit that counts them, nearest first.

    An address is held against the rule of which it used the largest share.
    """
    moments: dict[str, list[float]] = defaultdict(list)
    for event in access_log:
        fields = event.fields()
        address = fields.get("sourceIp") or fields.get("ip")
        if address:
            moments[str(address)].append(event.at.timestamp())
    limited = [rule for rule in rules if rule.limits_addresses]
    found = []
    for address, sent in moments.items():
        used = [_busy(address, sorted(sent), rule) for rule in limited if rule.counts(address)]
        found += sorted(used, key=_share)[-1:]
    return tuple(sorted((busy for busy in found if _share(busy) >= NEAR_SHARE), key=_share, reverse=True))


def _busy(address: str, sent: Sequence[float], rule: Rule) -> Busy:
    """Return the most requests of an address in any window of a rule; `sent` are their moments, in order."""
    limit, window_s = rule.limit or 1, rule.window_s or 1
    most = first = 0
    for last, moment in enumerate(sent):
        while sent[first] <= moment - window_s:
            first += 1
        most = max(most, last - first + 1)
    return Busy(address=address, requests=most, limit=limit, window_s=window_s, rule=rule.name)


def _share(busy: Busy) -> float:
    return busy.requests / busy.limit


def _is_in(address: str, ranges: Iterable[str]) -> bool:
    try:
        own = ip_address(address)
    except ValueError:
        return False
    return any(own in ip_network(text, strict=False) for text in ranges)
