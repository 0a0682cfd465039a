"""One web ACL as AWS WAF evaluates it: rules by priority, the first that is no Count ends it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from webhookctl.local.waf.actions import Action, compile_action
from webhookctl.local.waf.compiler import RuleContext, compile_rule, compile_visibility
from webhookctl.local.waf.fields import body_limit
from webhookctl.local.waf.labels import label_prefix
from webhookctl.local.waf.members import Json, UnsupportedStatementError, only
from webhookctl.local.waf.rate import RateLimiter, RateSettings
from webhookctl.local.waf.request import Labels, WafRequest
from webhookctl.local.waf.rules import Match, RateRule, Rule
from webhookctl.local.waf.statements import IpSets, Scope

DEFAULT_ACTION: Final = "Default_Action"
_MEMBERS: Final = (
    *("ARN", "Id", "Name", "Description", "Scope", "Capacity", "LabelNamespace"),
    *("DefaultAction", "Rules", "VisibilityConfig", "CustomResponseBodies", "AssociationConfig"),
    *("CaptchaConfig", "ChallengeConfig", "TokenDomains"),  # about tokens, which no local client has
    *("ManagedByFirewallManager", "RetrofittedByFirewallManager"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How late AWS WAF acts: seconds until a decision to block, or to unblock, reaches the requests."""

    block_s: float = 0.0
    unblock_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What becomes of a request: its action, the rule that ended it, those that only counted, the headers to add."""

    action: Action
    terminating: Match | None = None
    counted: tuple[Match, ...] = ()
    labels: frozenset[str] = field(default_factory=frozenset)
    inserts: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_blocked(self) -> bool:
        """Whether the request goes no further."""
        return self.action.refuses


class WebAcl:
    """A compiled web ACL with the counters of its rate rules. Raises UnsupportedStatementError at construction."""

    def __init__(self, acl: Json, *, ip_sets: IpSets, lag: Lag, now: float, phase: Callable[[], float]) -> None:
        only(acl, "WebACL", *_MEMBERS)
        self.arn, self.name = str(acl["ARN"]), str(acl["Name"])
        self.visibility = compile_visibility(acl)
        bodies = acl.get("CustomResponseBodies") or {}
        self._default = compile_action(acl.get("DefaultAction") or {"Allow": {}}, bodies, "DefaultAction")
        if self._default.kind not in {"ALLOW", "BLOCK"}:
            raise UnsupportedStatementError(f"DefaultAction {self._default.kind.title()}")

        def limiter(limit: int, window_s: int) -> RateLimiter:
            settings = RateSettings(
                limit=limit, window_s=window_s, block_lag_s=lag.block_s, unblock_lag_s=lag.unblock_s
            )
            return RateLimiter(settings, start=now, phase=phase)

        scope = Scope(ip_sets=ip_sets, label_prefix=label_prefix(acl), body_limit=body_limit(acl))
        context = RuleContext(scope=scope, bodies=bodies, limiter=limiter)
        ordered = sorted(acl.get("Rules") or (), key=lambda rule: int(rule["Priority"]))
        self.rules: list[Rule] = [compile_rule(rule, context) for rule in ordered]

    def evaluate(self, request: WafRequest, now: float) -> Decision:
        """Decide on one request; `now` is in seconds on the scale that the ACL was made with."""
        labels: Labels = set()
        counted: list[Match] = []
        ending: Match | None = None
        for rule in self.rules:
            for found in rule.matches(request, labels, now):
                if found.action.ends:
                    ending = found
                else:
                    counted.append(found)
            if ending is not None:
                break
        action = ending.action if ending else self._default
        inserts: dict[str, str] = {}
        for match in counted:
            inserts |= match.action.inserts
        return Decision(
            action=action,
            terminating=ending,
            counted=tuple(counted),
            labels=frozenset(labels),
            inserts={} if action.refuses else inserts | dict(action.inserts),
        )

    def limited_keys(self, rule_name: str, now: float) -> list[str] | None:
        """Return the keys that a rate rule blocks now; None when the ACL has no such rate rule."""
        for rule in self.rules:
            if isinstance(rule, RateRule) and rule.about.name == rule_name:
                return rule.limiter.limited_keys(now)
        return None
