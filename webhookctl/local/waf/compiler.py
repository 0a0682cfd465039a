"""Compile the rules of a web ACL. What the model does not know is refused by name, together with the rule's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from webhookctl.local.waf.actions import COUNT, Action, compile_action
from webhookctl.local.waf.addresses import Addresses, forwarded, of_connection
from webhookctl.local.waf.managed import MANAGED_GROUPS, Group
from webhookctl.local.waf.members import Json, UnsupportedStatementError, choice, is_on, only, single
from webhookctl.local.waf.rate import RateLimiter
from webhookctl.local.waf.request import WafRequest
from webhookctl.local.waf.rules import About, GroupRule, RateRule, Rule, StatementRule, Visibility
from webhookctl.local.waf.statements import Scope, compile_statement

DEFAULT_WINDOW_S: Final = 300
_LIMIT_KEYS: Final = {"IP": "IP", "FORWARDED_IP": "FORWARDEDIP", "CONSTANT": "CONSTANT"}
"""How a rate rule's log record names what the API calls AggregateKeyType."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleContext:
    """What the rules of one web ACL share. `limiter` makes the counter of a rate rule with a limit and a window (s)."""

    scope: Scope
    bodies: Json
    limiter: Callable[[int, int], RateLimiter]


def compile_rule(rule: Json, context: RuleContext) -> Rule:
    """Return one rule. Raises UnsupportedStatementError, its message naming the rule."""
    try:
        return _compile(rule, context)
    except UnsupportedStatementError as error:
        raise UnsupportedStatementError(f"rule {rule['Name']!r}: {error}") from error
    except KeyError as error:
        raise UnsupportedStatementError(f"rule {rule['Name']!r}: without {error}") from error


def compile_visibility(owner: Json) -> Visibility:
    """Return the VisibilityConfig of a rule or a web ACL; one without it is measured by its name."""
    config = owner.get("VisibilityConfig") or {}
    only(config, "VisibilityConfig", "SampledRequestsEnabled", "CloudWatchMetricsEnabled", "MetricName")
    return Visibility(
        metric=str(config.get("MetricName", owner["Name"])),
        is_measured=is_on(config, "CloudWatchMetricsEnabled"),
        is_sampled=is_on(config, "SampledRequestsEnabled"),
    )


_RULE_MEMBERS: Final = ("Name", "Priority", "Statement", "VisibilityConfig")
_TOKEN_MEMBERS: Final = ("CaptchaConfig", "ChallengeConfig")
"""How long a token is good for: no local client has one."""


def _compile(rule: Json, context: RuleContext) -> Rule:
    kind, body = single(rule["Statement"], "Statement")
    is_group = kind == "ManagedRuleGroupStatement"
    if kind == "RuleGroupReferenceStatement":
        raise UnsupportedStatementError(kind)
    only(rule, "Rule", *_RULE_MEMBERS, *_TOKEN_MEMBERS, *(["OverrideAction"] if is_group else ["Action", "RuleLabels"]))
    about = About(
        name=str(rule["Name"]),
        visibility=compile_visibility(rule),
        action=COUNT if is_group else compile_action(rule["Action"], context.bodies, "Action"),
        adds=tuple(
            context.scope.label_prefix + only(label, "RuleLabel", "Name")["Name"]
            for label in rule.get("RuleLabels") or ()
        ),
    )
    if is_group:
        return _managed(about, rule, body, context)
    if kind == "RateBasedStatement":
        return _rate(about, body, context)
    return StatementRule(about=about, when=compile_statement(rule["Statement"], context.scope))


def _rate(about: About, body: Json, context: RuleContext) -> RateRule:
    members = ("Limit", "EvaluationWindowSec", "AggregateKeyType", "ScopeDownStatement", "ForwardedIPConfig")
    only(body, "RateBasedStatement", *members)
    kind = choice(body, "RateBasedStatement", "AggregateKeyType", *_LIMIT_KEYS, default="IP")
    config = body.get("ForwardedIPConfig")
    if (config is None) is (kind == "FORWARDED_IP"):
        raise UnsupportedStatementError(f"RateBasedStatement.ForwardedIPConfig with AggregateKeyType {kind}")
    read = forwarded(config, "ForwardedIPConfig", has_position=False) if config else of_connection
    scope_down = body.get("ScopeDownStatement")
    return RateRule(
        about=about,
        limiter=context.limiter(int(body["Limit"]), int(body.get("EvaluationWindowSec", DEFAULT_WINDOW_S))),
        limit_key=_LIMIT_KEYS[kind],
        key_of=(lambda _request: "constant") if kind == "CONSTANT" else _first_of(read),
        when=compile_statement(scope_down, context.scope) if scope_down else None,
    )


def _first_of(read: Addresses) -> Callable[[WafRequest], str | bool]:
    def key(request: WafRequest) -> str | bool:
        found = read(request)
        return found if isinstance(found, bool) else str(found[0])

    return key


def _managed(about: About, rule: Json, body: Json, context: RuleContext) -> GroupRule:
    known = ("VendorName", "Name", "ScopeDownStatement", "ExcludedRules", "RuleActionOverrides")
    only(body, "ManagedRuleGroupStatement", *known)
    title = str(body["Name"])
    group = MANAGED_GROUPS.get(title)
    if group is None or body.get("VendorName", "AWS") != "AWS":
        raise UnsupportedStatementError(f"managed rule group {body.get('VendorName', 'AWS')} {title}")
    override, _ = single(rule["OverrideAction"], "OverrideAction")
    if override not in {"None", "Count"}:
        raise UnsupportedStatementError(f"OverrideAction.{override}")
    scope_down = body.get("ScopeDownStatement")
    return GroupRule(
        about=about,
        title=title,
        group=group,
        overrides_to_count=override == "Count",
        overrides=_overrides(body, group, context),
        when=compile_statement(scope_down, context.scope) if scope_down else None,
        body_limit=context.scope.body_limit,
    )


def _overrides(body: Json, group: Group, context: RuleContext) -> dict[str, Action]:
    actions = {str(only(one, "ExcludedRule", "Name")["Name"]): COUNT for one in body.get("ExcludedRules") or ()}
    for one in body.get("RuleActionOverrides") or ():
        only(one, "RuleActionOverride", "Name", "ActionToUse")
        actions[str(one["Name"])] = compile_action(one["ActionToUse"], context.bodies, "ActionToUse")
    unknown = sorted(set(actions).difference(rule.name for rule in group.rules))
    if unknown:
        raise UnsupportedStatementError(f"rule {unknown[0]} of managed rule group {body['Name']}")
    return actions
