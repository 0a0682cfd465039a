"""Laws of what rules do with a request, and of what the client is answered."""

from typing import Any

import pytest

from tests.fakes_web_acl import RATE, acl, byte_match, request, rule
from webhookctl.local.waf.actions import answer
from webhookctl.local.waf.ledger import WafLedger
from webhookctl.local.waf.log_record import log_record
from webhookctl.local.waf.members import UnsupportedStatementError

ANY = byte_match("", "CONTAINS", {"UriPath": {}})
BODIES = {"slow": {"ContentType": "TEXT_PLAIN", "Content": "slow down"}}


def inserting(name: str, value: str = "yes") -> dict[str, Any]:
    return {"CustomRequestHandling": {"InsertHeaders": [{"Name": name, "Value": value}]}}


@pytest.mark.parametrize(("action", "status"), [("Captcha", 405), ("Challenge", 202)])
def test_a_client_without_a_token_goes_no_further(action: str, status: int) -> None:
    """The evaluation ends, the answer names the action, and metrics, samples and the log say what it was."""
    web, ledger = acl(rule("ask", 0, ANY, Action={action: inserting("x")}), rule("allow", 1, ANY)), WafLedger()
    decision = web.evaluate(request(), 0)
    assert decision.is_blocked
    given = answer(decision.action)
    assert (given.status, given.headers["x-amzn-waf-action"], given.body) == (status, action.lower(), b"")
    ledger.record(request(), decision, 0)
    assert (f"{action}Requests", "askMetric", 1) in {(c.metric, c.rule, c.value) for c in ledger.drain_counts()}
    record = log_record("arn", "source", request(), decision, 0)
    assert record["action"] == action.upper()
    assert record[f"{action.lower()}Response"] == {"responseCode": status, "failureReason": "TOKEN_MISSING"}


@pytest.mark.parametrize("action", ["Captcha", "Challenge"])
def test_a_rate_rule_asks_for_tokens_too(action: str) -> None:
    """Above the limit each request is refused, though not by Block."""
    web = acl(rule("rate", 0, RATE, Action={action: {}}))
    verdicts = [web.evaluate(request(), n / 50).is_blocked for n in range(2000)]
    assert not any(verdicts[:600])
    assert all(verdicts[1250:])


def test_a_block_answers_as_it_was_told() -> None:
    """Status, headers and body of the custom response take the place of 403 Forbidden."""
    headers = [{"Name": "Retry-After", "Value": "60"}]
    custom = {"ResponseCode": 429, "CustomResponseBodyKey": "slow", "ResponseHeaders": headers}
    web = acl(rule("block", 0, ANY, Action={"Block": {"CustomResponse": custom}}), CustomResponseBodies=BODIES)
    decision = web.evaluate(request(), 0)
    given = answer(decision.action)
    assert (given.status, given.body) == (429, b"slow down")
    assert dict(given.headers) == {"Content-Type": "text/plain", "Retry-After": "60"}
    assert log_record("arn", "source", request(), decision, 0)["responseCodeSent"] == 429


def test_a_default_block_answers_as_it_was_told() -> None:
    """The default action has custom responses too; one without a body key has no body."""
    web = acl(DefaultAction={"Block": {"CustomResponse": {"ResponseCode": 404}}})
    given = answer(web.evaluate(request(), 0).action)
    assert (given.status, given.body) == (404, b"")


def test_headers_of_counting_and_allowing_rules_are_inserted() -> None:
    """All of them with AWS's prefix, the later rule's value in doubt."""
    web = acl(
        rule("first", 0, ANY, Action={"Count": inserting("seen", "once")}),
        rule("second", 1, ANY, Action={"Count": inserting("other")}),
        rule("third", 2, ANY, Action={"Allow": inserting("seen", "twice")}),
    )
    assert web.evaluate(request(), 0).inserts == {"x-amzn-waf-seen": "twice", "x-amzn-waf-other": "yes"}


def test_the_default_allow_inserts_and_a_block_does_not() -> None:
    """Only what reaches the API has headers added."""
    counts = rule("first", 0, ANY, Action={"Count": inserting("seen")})
    assert acl(counts, DefaultAction={"Allow": inserting("by-default")}).evaluate(request(), 0).inserts == {
        "x-amzn-waf-seen": "yes",
        "x-amzn-waf-by-default": "yes",
    }
    assert acl(counts, DefaultAction={"Block": {}}).evaluate(request(), 0).inserts == {}


@pytest.mark.parametrize(
    ("action", "named"),
    [
        ({"Monetize": {}}, "Action Monetize"),
        ({"Block": {}, "Count": {}}, "2 members"),
        ({"Block": {"CustomResponse": {"ResponseCode": 429, "CustomResponseBodyKey": "none"}}}, "body 'none'"),
        ({"Count": {"CustomResponse": {}}}, "Count.CustomResponse"),
    ],
)
def test_an_action_that_is_not_modelled_is_named(action: dict[str, Any], named: str) -> None:
    """It is refused with the rule's name, never taken for another one."""
    with pytest.raises(UnsupportedStatementError, match=named):
        acl(rule("it", 0, ANY, Action=action))
