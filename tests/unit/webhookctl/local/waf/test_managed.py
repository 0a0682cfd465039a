"""Laws of the managed groups: AWS's names of the rules, and what a web ACL may override."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.fakes_web_acl import LOG4J, acl, byte_match, managed, request

JNDI, JAVA = "${jndi:ldap://x}", '(java.lang.Runtime).getRuntime().exec("whoami")'
ATTACKS: Mapping[str, Mapping[str, Any]] = {
    "JavaDeserializationRCE_HEADER": {"headers": {"x": JAVA}},
    "JavaDeserializationRCE_BODY": {"body": JAVA.encode()},
    "JavaDeserializationRCE_URIPATH": {"path": f"/prod/{JAVA}"},
    "JavaDeserializationRCE_QUERYSTRING": {"query": f"x={JAVA}"},
    "PROPFIND_METHOD": {"method": "PROPFIND"},
    "ExploitablePaths_URIPATH": {"path": "/prod/WEB-INF/web.xml"},
    "Log4JRCE_HEADER": {"headers": {"user-agent": JNDI}},
    "Log4JRCE_QUERYSTRING": {"query": "x=%24%7Bjndi%3Aldap://x%7D"},
    "Log4JRCE_BODY": {"body": JNDI.encode()},
    "Log4JRCE_URIPATH": {"path": "/prod/$%7bjndi:ldap://x%7d"},
}
COUNT: dict[str, Any] = {"Count": {}}


def override(name: str, action: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"Name": name, "ActionToUse": action}]


@pytest.mark.parametrize("name", ATTACKS)
def test_each_rule_has_awss_name_and_can_be_overridden_by_it(name: str) -> None:
    """The attack is blocked by that rule, and by no other once that one only counts."""
    attack = request(**ATTACKS[name])
    blocked = acl(managed()).evaluate(attack, 0).terminating
    assert blocked is not None
    assert blocked.within == f"AWS#AWSManagedRulesKnownBadInputsRuleSet#{name}"
    for counting in (
        {"RuleActionOverrides": override(name, COUNT)},
        {"ExcludedRules": [{"Name": name}]},
        {"OverrideAction": COUNT},
    ):
        decision = acl(managed(**counting)).evaluate(attack, 0)
        assert not decision.is_blocked
        assert [match.within for match in decision.counted] == [blocked.within]
        (label,) = decision.labels
        assert label.lower() == f"awswaf:managed:aws:known-bad-inputs:{name}".lower()


def test_a_webhook_is_no_bad_input() -> None:
    """What providers send passes."""
    assert not acl(managed()).evaluate(request(), 0).is_blocked


def test_a_rules_action_may_be_any_other() -> None:
    """An override to Captcha or Allow ends the evaluation with that."""
    asked = acl(managed(RuleActionOverrides=override("Log4JRCE_HEADER", {"Captcha": {}}))).evaluate(LOG4J, 0)
    assert asked.action.status == 405
    allowed = acl(managed(RuleActionOverrides=override("Log4JRCE_HEADER", {"Allow": {}})))
    assert not allowed.evaluate(LOG4J, 0).is_blocked


def test_a_group_looks_at_its_scope_alone() -> None:
    """Outside the scope-down statement nothing is blocked and nothing labelled."""
    web = acl(managed(ScopeDownStatement=byte_match("/paypal", "ENDS_WITH", {"UriPath": {}})))
    outside = web.evaluate(LOG4J, 0)
    assert not outside.is_blocked
    assert not outside.labels
    assert web.evaluate(request(path="/prod/webhook/paypal", headers=LOG4J.headers), 0).is_blocked
