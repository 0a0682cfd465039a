"""Laws of web ACL evaluation."""

import base64
from collections.abc import Mapping
from typing import Any

import pytest

from tests.fakes_web_acl import OFFICE, RATE, acl, byte_match, request, rule
from webhookctl.local.waf.ledger import WafLedger
from webhookctl.local.waf.log_record import log_record


def test_rules_run_by_priority_and_the_first_block_ends_it() -> None:
    """The lowest priority number is looked at first."""
    web = acl(
        rule("second", 2, byte_match("stripe", "CONTAINS", {"UriPath": {}})),
        rule("first", 1, byte_match("/prod", "STARTS_WITH", {"UriPath": {}})),
    )
    decision = web.evaluate(request(), 0)
    assert decision.is_blocked
    assert decision.terminating is not None
    assert decision.terminating.rule == "first"


def test_count_rules_note_and_go_on() -> None:
    """A rule in Count mode is recorded and changes nothing."""
    web = acl(rule("counted", 1, byte_match("stripe", "CONTAINS", {"UriPath": {}}), Action={"Count": {}}))
    decision = web.evaluate(request(), 0)
    assert not decision.is_blocked
    assert [match.rule for match in decision.counted] == ["counted"]


def test_an_allow_rule_ends_the_evaluation() -> None:
    """An allow-listed address never reaches the rate rule behind it."""
    office = rule("office", 0, {"IPSetReferenceStatement": {"ARN": OFFICE}}, Action={"Allow": {}})
    web = acl(office, rule("rate", 1, RATE))
    assert not any(web.evaluate(request(client_ip="127.0.9.7"), n / 100).is_blocked for n in range(5000))
    assert any(web.evaluate(request(client_ip="127.0.0.7"), n / 100).is_blocked for n in range(5000, 10_000))


def test_the_rate_rule_names_its_key() -> None:
    """A block by rate names the address, and the address is listed as limited."""
    web = acl(rule("rate", 0, RATE))
    last = [web.evaluate(request(), n / 50) for n in range(3000)][-1]
    assert last.is_blocked
    assert last.terminating is not None
    assert last.terminating.rate_key == "127.0.0.1"
    assert web.limited_keys("rate", 60) == ["127.0.0.1"]
    assert web.limited_keys("other", 60) is None


def test_scope_down_limits_what_is_counted() -> None:
    """Only requests inside the scope count towards the rate."""
    scoped = {
        "RateBasedStatement": {
            **RATE["RateBasedStatement"],
            "ScopeDownStatement": {"NotStatement": {"Statement": {"IPSetReferenceStatement": {"ARN": OFFICE}}}},
        }
    }
    web = acl(rule("rate", 0, scoped))
    assert not any(web.evaluate(request(client_ip="127.0.9.7"), n / 100).is_blocked for n in range(5000))


@pytest.mark.parametrize(
    ("statement", "is_match"),
    [
        (byte_match("STRIPE", "CONTAINS", {"UriPath": {}}), False),
        (byte_match("stripe", "CONTAINS", {"UriPath": {}}, "LOWERCASE"), True),
        (byte_match("web", "CONTAINS_WORD", {"UriPath": {}}), False),
        (byte_match("webhook", "CONTAINS_WORD", {"UriPath": {}}), True),
        (byte_match("stripe", "ENDS_WITH", {"UriPath": {}}), True),
        (byte_match("POST", "EXACTLY", {"Method": {}}), True),
        (byte_match("example.test", "EXACTLY", {"SingleHeader": {"Name": "Host"}}), True),
        (byte_match('"id"', "CONTAINS", {"Body": {}}), True),
        (byte_match("a b", "EXACTLY", {"QueryString": {}}, "URL_DECODE"), True),
        ({"SizeConstraintStatement": {"ComparisonOperator": "GT", "Size": 8, "FieldToMatch": {"Body": {}},
                                      "TextTransformations": [{"Priority": 0, "Type": "NONE"}]}}, True),
        ({"SizeConstraintStatement": {"ComparisonOperator": "GT", "Size": 8192, "FieldToMatch": {"Body": {}},
                                      "TextTransformations": [{"Priority": 0, "Type": "NONE"}]}}, False),
    ],
)  # fmt: skip
def test_statements_match_what_they_say(statement: Mapping[str, Any], *, is_match: bool) -> None:
    """Each field, transformation and position does what the API reference says."""
    assert acl(rule("it", 0, statement)).evaluate(request(query="a%20b"), 0).is_blocked is is_match


def test_the_ledger_counts_each_decision_once() -> None:
    """Allowed, blocked and counted requests appear under the rule's metric and under ALL."""
    web, ledger = acl(rule("path", 1, byte_match("paypal", "CONTAINS", {"UriPath": {}}))), WafLedger()
    for path in ("/prod/webhook/stripe", "/prod/webhook/paypal"):
        one = request(path=path)
        ledger.record(one, web.evaluate(one, 0), at=100.0)
    counts = {(count.metric, count.rule): count.value for count in ledger.drain_counts()}
    assert counts == {
        ("AllowedRequests", "ALL"): 1,
        ("AllowedRequests", "Default_Action"): 1,
        ("BlockedRequests", "ALL"): 1,
        ("BlockedRequests", "pathMetric"): 1,
    }
    assert ledger.drain_counts() == []
    drawn = ledger.samples("pathMetric", 0, 200, 500)
    assert (len(drawn.samples), drawn.population) == (1, 1)
    assert drawn.samples[0].request.body == b""


def test_a_log_record_shows_no_signature_and_no_body() -> None:
    """WAF logs carry the documented fields, without the webhook's signature or content."""
    secret = base64.b64encode(b"signature").decode()
    one = request(headers={"host": "h", "stripe-signature": secret, "x-square-hmacsha256-signature": secret})
    record = log_record("arn:acl", "1:api:prod", one, acl().evaluate(one, 0), 1.5)
    assert record["timestamp"] == 1500
    assert record["action"] == "ALLOW"
    assert record["terminatingRuleId"] == "Default_Action"
    assert secret not in str(record)
