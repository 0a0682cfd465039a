from typing import Any

from stack import limits, outputs
from tests.stack.template import Template


def _rules(template: Template) -> dict[str, Any]:
    return {rule["Name"]: rule for rule in template.one("AWS::WAFv2::WebACL")["Rules"]}


def test_an_address_is_blocked_above_ten_a_second(prod: Template) -> None:
    """600 in 60 s per source address; a forwarded address could be forged."""
    rule = _rules(prod)[outputs.WAF_RATE_RULE]
    statement = rule["Statement"]["RateBasedStatement"]
    assert rule["Priority"] == 0
    assert "Block" in rule["Action"]
    assert (statement["Limit"], statement["EvaluationWindowSec"]) == (600, 60)
    assert statement["AggregateKeyType"] == "IP"


def test_known_bad_inputs_block_and_reputation_only_counts(prod: Template) -> None:
    """Providers call from clouds: a reputation list must not turn one away."""
    rules = _rules(prod)
    assert rules[outputs.WAF_BAD_INPUTS_RULE]["OverrideAction"] == {"None": {}}
    assert rules[outputs.WAF_REPUTATION_RULE]["OverrideAction"] == {"Count": {}}


def test_no_rule_blocks_bodies_by_size(prod: Template) -> None:
    """The common rule set blocks bodies above 8 KB, which genuine webhooks exceed."""
    assert "AWSManagedRulesCommonRuleSet" not in str(_rules(prod))


def test_the_web_acl_guards_the_stage(prod: Template) -> None:
    """Associated with the stage, whose ARN has no account."""
    association = prod.one("AWS::WAFv2::WebACLAssociation")
    parts = association["ResourceArn"]["Fn::Join"][1]
    assert ":apigateway:" in parts
    assert "::/restapis/" in parts
    acl = prod.id_of("AWS::WAFv2::WebACL")
    assert association["WebACLArn"] == {"Fn::GetAtt": [acl, "Arn"]}


def test_only_what_was_blocked_or_counted_is_logged_and_no_signature(prod: Template) -> None:
    """The log's name starts as AWS WAF demands; signature headers are redacted."""
    logging = prod.one("AWS::WAFv2::LoggingConfiguration")
    assert logging["LoggingFilter"]["DefaultBehavior"] == "DROP"
    headers = {field["SingleHeader"]["Name"] for field in logging["RedactedFields"]}
    assert {"stripe-signature", "x-square-hmacsha256-signature", "paypal-transmission-sig"} <= headers
    assert outputs.waf_log_group_name("prod").startswith("aws-waf-logs-")
    prod.one("AWS::Logs::LogGroup", LogGroupName=outputs.waf_log_group_name("prod"))


def test_provider_addresses_have_a_higher_limit_of_their_own(options: Template) -> None:
    """Listed ranges are outside the common limit and inside their own, for both address families."""
    rules = _rules(options)
    common = rules[outputs.WAF_RATE_RULE]["Statement"]["RateBasedStatement"]
    listed = rules[outputs.WAF_PROVIDER_RULE]["Statement"]["RateBasedStatement"]
    assert "NotStatement" in common["ScopeDownStatement"]
    assert len(listed["ScopeDownStatement"]["OrStatement"]["Statements"]) == 2
    assert listed["Limit"] == 10 * limits.WAF_RATE_LIMIT
    assert {s["IPAddressVersion"] for s in options.all("AWS::WAFv2::IPSet")} == {"IPV4", "IPV6"}
    assert [rule["Priority"] for rule in rules.values()] == [0, 1, 2, 3]


def test_without_a_list_there_is_one_limit_for_all(prod: Template) -> None:
    """No empty address set is made."""
    assert outputs.WAF_PROVIDER_RULE not in _rules(prod)
    assert prod.all("AWS::WAFv2::IPSet") == []
