"""The three kinds of rules of a web ACL: a statement, a rate, a managed group. Each says what a request matched."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from webhookctl.local.waf.actions import COUNT, Action
from webhookctl.local.waf.managed import Group
from webhookctl.local.waf.rate import RateLimiter
from webhookctl.local.waf.request import Labels, WafRequest
from webhookctl.local.waf.statements import Matcher


@dataclass(frozen=True, slots=True, kw_only=True)
class Visibility:
    """A VisibilityConfig: the metric's name, and whether there are metrics and samples."""

    metric: str
    is_measured: bool = True
    is_sampled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What every rule has. `adds` are the full labels; a group has an action of its own rules, not one of these."""

    name: str
    visibility: Visibility
    action: Action
    adds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One rule that a request matched. `within` is the rule inside a managed group, `<vendor>#<group>#<rule>`."""

    rule: str
    visibility: Visibility
    action: Action
    kind: str
    rate_key: str | None = None
    limit_key: str = "IP"
    within: str | None = None


class Rule(Protocol):
    """A compiled rule."""

    def matches(self, request: WafRequest, labels: Labels, now: float) -> tuple[Match, ...]:
        """Return what matched, at most the last of it ending the evaluation; put the labels on."""
        ...


@dataclass(slots=True, kw_only=True)
class StatementRule:
    """A rule that acts on each request that its statement matches."""

    about: About
    when: Matcher

    def matches(self, request: WafRequest, labels: Labels, now: float) -> tuple[Match, ...]:  # noqa: ARG002 - the protocol's
        """Match the request."""
        about = self.about
        if not self.when(request, labels):
            return ()
        labels.update(about.adds)
        return (Match(rule=about.name, visibility=about.visibility, action=about.action, kind="REGULAR"),)


@dataclass(slots=True, kw_only=True)
class RateRule:
    """A rate-based rule with its counter. `key_of` gives the aggregation key, or the verdict where there is none."""

    about: About
    limiter: RateLimiter
    limit_key: str
    key_of: Callable[[WafRequest], str | bool]
    when: Matcher | None

    def matches(self, request: WafRequest, labels: Labels, now: float) -> tuple[Match, ...]:
        """Count the request, and match it if its key is over the limit."""
        about = self.about
        if self.when is not None and not self.when(request, labels):
            return ()
        key = self.key_of(request)
        if not (self.limiter.observe(key, now) if isinstance(key, str) else key):
            return ()
        labels.update(about.adds)
        return (
            Match(
                rule=about.name,
                visibility=about.visibility,
                action=about.action,
                kind="RATE_BASED",
                rate_key=key if isinstance(key, str) else None,
                limit_key=self.limit_key,
            ),
        )


@dataclass(slots=True, kw_only=True)
class GroupRule:
    """A managed group: its rules in order, the first that ends it decides; the web ACL may turn that into a count."""

    about: About
    title: str
    group: Group
    overrides_to_count: bool
    overrides: Mapping[str, Action] = field(default_factory=dict)
    when: Matcher | None = None
    body_limit: int

    def matches(self, request: WafRequest, labels: Labels, now: float) -> tuple[Match, ...]:  # noqa: ARG002 - the protocol's
        """Ask the group's rules; of those that only count the first is told."""
        if self.when is not None and not self.when(request, labels):
            return ()
        counted: list[Match] = []
        for rule in self.group.rules:
            if not rule.detects(request, self.body_limit):
                continue
            labels.add(self.group.label_prefix + rule.label)
            action = self.overrides.get(rule.name, rule.action)
            if action.ends:
                return (*counted[:1], self._match(COUNT if self.overrides_to_count else action, rule.name))
            counted.append(self._match(action, rule.name))
        return tuple(counted[:1])

    def _match(self, action: Action, within: str) -> Match:
        return Match(
            rule=self.about.name,
            visibility=self.about.visibility,
            action=action,
            kind="MANAGED_RULE_GROUP",
            within=f"AWS#{self.title}#{within}",
        )
