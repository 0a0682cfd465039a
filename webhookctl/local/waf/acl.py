"""One web ACL as AWS WAF evaluates it: rules by priority, the first Block or Allow ends it, Count goes on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from webhookctl.local.waf.managed import MANAGED_GROUPS
from webhookctl.local.waf.rate import RateLimiter, RateSettings
from webhookctl.local.waf.statements import (
    IpSets,
    Json,
    Labels,
    Matcher,
    UnsupportedStatementError,
    WafRequest,
    compile_statement,
)

DEFAULT_ACTION: Final = "Default_Action"
DEFAULT_WINDOW_S: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How late AWS WAF acts: seconds until a decision to block, or to unblock, reaches the requests."""

    block_s: float = 0.0
    unblock_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One rule that a request matched."""

    rule: str
    metric: str
    action: str
    kind: str
    rate_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What becomes of a request: its `action` (ALLOW or BLOCK), the rule that ended it, and those that only counted."""

    action: str
    terminating: Match | None = None
    counted: tuple[Match, ...] = ()
    labels: frozenset[str] = field(default_factory=frozenset)

    @property
    def is_blocked(self) -> bool:
        """Whether the client gets 403."""
        return self.action == "BLOCK"


class _Rule(Protocol):
    def match(self, request: WafRequest, labels: Labels, now: float) -> Match | None: ...


@dataclass(slots=True, kw_only=True)
class _PlainRule:
    name: str
    metric: str
    action: str
    adds: tuple[str, ...]
    matches: Matcher

    def match(self, request: WafRequest, labels: Labels, now: float) -> Match | None:  # noqa: ARG002 - the protocol's
        if not self.matches(request, labels):
            return None
        labels.update(self.adds)
        return Match(rule=self.name, metric=self.metric, action=self.action, kind="REGULAR")


@dataclass(slots=True, kw_only=True)
class _RateRule:
    name: str
    metric: str
    action: str
    limiter: RateLimiter
    key_of: Callable[[WafRequest], str]
    scope: Matcher | None

    def match(self, request: WafRequest, labels: Labels, now: float) -> Match | None:
        if self.scope is not None and not self.scope(request, labels):
            return None
        key = self.key_of(request)
        if not key or not self.limiter.observe(key, now):
            return None
        return Match(rule=self.name, metric=self.metric, action=self.action, kind="RATE_BASED", rate_key=key)


@dataclass(slots=True, kw_only=True)
class _ManagedRule:
    name: str
    metric: str
    overrides_to_count: bool
    group: str
    excluded: frozenset[str]

    def match(self, request: WafRequest, labels: Labels, now: float) -> Match | None:  # noqa: ARG002 - the protocol's
        namespace, rules = MANAGED_GROUPS[self.group]
        counted: Match | None = None
        for rule, matches in rules:
            if not matches(request):
                continue
            labels.add(f"{namespace}:{rule}")
            is_counted = self.overrides_to_count or rule in self.excluded
            found = Match(
                rule=self.name,
                metric=self.metric,
                action="COUNT" if is_counted else "BLOCK",
                kind="MANAGED_RULE_GROUP",
            )
            if not is_counted:
                return found
            counted = found
        return counted


class WebAcl:
    """A compiled web ACL with the counters of its rate rules. Raises UnsupportedStatementError at construction."""

    def __init__(self, acl: Json, *, ip_sets: IpSets, lag: Lag, now: float, phase: Callable[[], float]) -> None:
        self.arn, self.name = str(acl["ARN"]), str(acl["Name"])
        self.metric = str(acl.get("VisibilityConfig", {}).get("MetricName", self.name))
        self._default = "BLOCK" if "Block" in acl.get("DefaultAction", {}) else "ALLOW"
        self._lag, self._now, self._phase, self._ip_sets = lag, now, phase, ip_sets
        ordered = sorted(acl.get("Rules", ()), key=lambda rule: int(rule["Priority"]))
        self.rules: list[_Rule] = [self._compile(rule) for rule in ordered]

    def evaluate(self, request: WafRequest, now: float) -> Decision:
        """Decide on one request; `now` is in seconds on the scale that the ACL was made with."""
        labels: Labels = set()
        counted: list[Match] = []
        for rule in self.rules:
            found = rule.match(request, labels, now)
            if found is None:
                continue
            if found.action == "COUNT":
                counted.append(found)
                continue
            return Decision(action=found.action, terminating=found, counted=tuple(counted), labels=frozenset(labels))
        return Decision(action=self._default, counted=tuple(counted), labels=frozenset(labels))

    def limited_keys(self, rule_name: str, now: float) -> list[str] | None:
        """Return the keys that a rate rule blocks now; None when the ACL has no such rate rule."""
        for rule in self.rules:
            if isinstance(rule, _RateRule) and rule.name == rule_name:
                return rule.limiter.limited_keys(now)
        return None

    def _compile(self, rule: Json) -> _Rule:
        name, statement = str(rule["Name"]), rule["Statement"]
        metric = str(rule.get("VisibilityConfig", {}).get("MetricName", name))
        if "ManagedRuleGroupStatement" in statement:
            return _managed(name, metric, rule)
        action = next(iter(rule["Action"])).upper()
        if "RateBasedStatement" in statement:
            return self._rate(name, metric, action, statement["RateBasedStatement"])
        adds = tuple(label["Name"] for label in rule.get("RuleLabels", ()))
        matches = compile_statement(statement, self._ip_sets)
        return _PlainRule(name=name, metric=metric, action=action, adds=adds, matches=matches)

    def _rate(self, name: str, metric: str, action: str, body: Json) -> _RateRule:
        settings = RateSettings(
            limit=int(body["Limit"]),
            window_s=int(body.get("EvaluationWindowSec", DEFAULT_WINDOW_S)),
            block_lag_s=self._lag.block_s,
            unblock_lag_s=self._lag.unblock_s,
        )
        scope = body.get("ScopeDownStatement")
        return _RateRule(
            name=name,
            metric=metric,
            action=action,
            limiter=RateLimiter(settings, start=self._now, phase=self._phase),
            key_of=_key_of(body),
            scope=compile_statement(scope, self._ip_sets) if scope else None,
        )


def _key_of(body: Json) -> Callable[[WafRequest], str]:
    kind = body.get("AggregateKeyType", "IP")
    if kind == "IP":
        return lambda request: request.client_ip
    if kind == "CONSTANT":
        return lambda _request: "constant"
    if kind == "FORWARDED_IP":
        header = str(body["ForwardedIPConfig"]["HeaderName"]).lower()
        return lambda request: request.headers.get(header, "").split(",")[0].strip()
    raise UnsupportedStatementError(f"aggregate key {kind}")


def _managed(name: str, metric: str, rule: Mapping[str, Any]) -> _ManagedRule:
    body = rule["Statement"]["ManagedRuleGroupStatement"]
    group = str(body["Name"])
    if group not in MANAGED_GROUPS:
        raise UnsupportedStatementError(f"managed rule group {group}")
    counted = [r["Name"] for r in body.get("RuleActionOverrides", ()) if "Count" in r.get("ActionToUse", {})]
    counted += [r["Name"] for r in body.get("ExcludedRules", ())]
    return _ManagedRule(
        name=name,
        metric=metric,
        overrides_to_count="Count" in rule.get("OverrideAction", {}),
        group=group,
        excluded=frozenset(counted),
    )
