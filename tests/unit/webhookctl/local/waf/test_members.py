"""The law that keeps the model honest: what is not known is refused by its name."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.fakes_web_acl import OFFICE, RATE, acl, byte_match, managed, rule
from webhookctl.local.waf.members import UnsupportedStatementError

PATH = byte_match("x", "CONTAINS", {"UriPath": {}})
FORWARDED = {"HeaderName": "X-Forwarded-For", "FallbackBehavior": "MATCH"}


def rate(**members: Any) -> dict[str, Any]:
    return rule("it", 0, {"RateBasedStatement": RATE["RateBasedStatement"] | members})


def match(**members: Any) -> dict[str, Any]:
    return rule("it", 0, {"ByteMatchStatement": PATH["ByteMatchStatement"] | members})


def group(**members: Any) -> dict[str, Any]:
    return managed(**members)


REFUSED: Mapping[str, dict[str, Any]] = {
    "GeoMatchStatement": rule("it", 0, {"GeoMatchStatement": {"CountryCodes": ["US"]}}),
    "RuleGroupReferenceStatement": rule("it", 0, {"RuleGroupReferenceStatement": {"ARN": "x"}}, OverrideAction={}),
    "RegexMatchStatement": rule("it", 0, {"NotStatement": {"Statement": {"RegexMatchStatement": {}}}}),
    "Rule.Surprise": rule("it", 0, PATH, Surprise=1),
    "Rule.OverrideAction": rule("it", 0, PATH, OverrideAction={"None": {}}) | {"Action": {"Block": {}}},
    "without 'Action'": {"Name": "it", "Priority": 0, "Statement": PATH},
    "VisibilityConfig.Surprise": rule("it", 0, PATH, VisibilityConfig={"MetricName": "x", "Surprise": 1}),
    "RateBasedStatement.CustomKeys": rate(CustomKeys=[]),
    "RateBasedStatement.AggregateKeyType 'CUSTOM_KEYS'": rate(AggregateKeyType="CUSTOM_KEYS"),
    "RateBasedStatement.ForwardedIPConfig with AggregateKeyType IP": rate(ForwardedIPConfig=FORWARDED),
    "ForwardedIPConfig.Position": rate(
        AggregateKeyType="FORWARDED_IP", ForwardedIPConfig=FORWARDED | {"Position": "ANY"}
    ),
    "IPSetForwardedIPConfig without Position": rule(
        "it", 0, {"IPSetReferenceStatement": {"ARN": OFFICE, "IPSetForwardedIPConfig": FORWARDED}}
    ),
    "ByteMatchStatement.PreParseTextTransformations": match(PreParseTextTransformations=[]),
    "ByteMatchStatement.SearchString that is no base64": match(SearchString="/webhook"),
    "ByteMatchStatement.PositionalConstraint 'SOMEWHERE'": match(PositionalConstraint="SOMEWHERE"),
    "field JsonBody": match(FieldToMatch={"JsonBody": {}}),
    "Body.Surprise": match(FieldToMatch={"Body": {"Surprise": 1}}),
    "Body.OversizeHandling 'MAYBE'": match(FieldToMatch={"Body": {"OversizeHandling": "MAYBE"}}),
    "Headers without MatchScope": match(FieldToMatch={"Headers": {"MatchPattern": {"All": {}}}}),
    "text transformation CMD_LINE": match(TextTransformations=[{"Priority": 0, "Type": "CMD_LINE"}]),
    "ManagedRuleGroupStatement.Version": group(Version="Version_1.0"),
    "ManagedRuleGroupStatement.ManagedRuleGroupConfigs": group(ManagedRuleGroupConfigs=[]),
    "rule Log4JRCE of managed rule group": group(ExcludedRules=[{"Name": "Log4JRCE"}]),
    "managed rule group AWS AWSManagedRulesCommonRuleSet": group(Name="AWSManagedRulesCommonRuleSet"),
    "LabelMatchStatement.Scope 'ALL'": rule("it", 0, {"LabelMatchStatement": {"Scope": "ALL", "Key": "x"}}),
}


@pytest.mark.parametrize("named", REFUSED)
def test_what_a_rule_says_and_is_not_modelled_is_named(named: str) -> None:
    """The whole web ACL is refused, with the rule's name and the member's."""
    with pytest.raises(UnsupportedStatementError) as caught:
        acl(REFUSED[named])
    assert str(caught.value).startswith(f"rule {REFUSED[named]['Name']!r}: ")
    assert named in str(caught.value)


@pytest.mark.parametrize(
    ("named", "members"),
    [
        ("WebACL.DataProtectionConfig", {"DataProtectionConfig": {}}),
        ("WebACL.PostProcessFirewallManagerRuleGroups", {"PostProcessFirewallManagerRuleGroups": []}),
        ("DefaultAction Count", {"DefaultAction": {"Count": {}}}),
        ("AssociationConfig.Surprise", {"AssociationConfig": {"Surprise": 1}}),
    ],
)
def test_what_a_web_acl_says_and_is_not_modelled_is_named(named: str, members: Mapping[str, Any]) -> None:
    """Members beside the rules are read as strictly."""
    with pytest.raises(UnsupportedStatementError, match=named):
        acl(**members)


def test_token_lifetimes_are_known_and_say_nothing_here() -> None:
    """No local client has a token, so how long one is good for changes nothing."""
    immunity = {"ImmunityTimeProperty": {"ImmunityTime": 60}}
    acl(rule("it", 0, PATH, CaptchaConfig=immunity), ChallengeConfig=immunity, TokenDomains=["example.test"])
