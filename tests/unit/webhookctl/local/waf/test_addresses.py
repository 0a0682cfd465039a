"""Laws of forwarded addresses."""

from typing import Any

import pytest

from tests.fakes_web_acl import OFFICE, acl, request, rule

INSIDE, OUTSIDE = "127.0.9.7", "203.0.113.9"


def rate(fallback: str) -> dict[str, Any]:
    config = {"HeaderName": "X-Forwarded-For", "FallbackBehavior": fallback}
    body = {"Limit": 100, "AggregateKeyType": "FORWARDED_IP", "ForwardedIPConfig": config}
    return rule("rate", 0, {"RateBasedStatement": body})


def test_a_rate_rule_counts_the_first_forwarded_address() -> None:
    """FORWARDED_IP aggregates on the header, which is why it can be spoofed."""
    web = acl(rate("MATCH"))
    for n in range(2000):
        web.evaluate(request(headers={"x-forwarded-for": "203.0.113.9, 10.0.0.1"}), n / 50)
    assert web.limited_keys("rate", 60) == [OUTSIDE]


@pytest.mark.parametrize(("fallback", "is_match"), [("MATCH", True), ("NO_MATCH", False)])
def test_a_forwarded_address_that_is_none_falls_back(fallback: str, *, is_match: bool) -> None:
    """It is no key: the rule matches at once, or never; without the header it does not apply."""
    web = acl(rate(fallback))
    for n in range(1000):
        given = {"x-forwarded-for": "garbage"}
        assert web.evaluate(request(headers=given), n / 50).is_blocked is is_match
        assert not web.evaluate(request(headers={}), n / 50).is_blocked
    assert web.limited_keys("rate", 60) == []


@pytest.mark.parametrize(
    ("position", "header", "is_match"),
    [
        ("FIRST", f"{INSIDE}, {OUTSIDE}", True),
        ("FIRST", f"{OUTSIDE}, {INSIDE}", False),
        ("LAST", f"{OUTSIDE}, {INSIDE}", True),
        ("LAST", f"{INSIDE}, {OUTSIDE}", False),
        ("ANY", f"{OUTSIDE}, {INSIDE}, {OUTSIDE}", True),
        ("ANY", f"{OUTSIDE}, {OUTSIDE}", False),
        ("ANY", ", ".join([INSIDE, *[OUTSIDE] * 9]), True),
        ("ANY", ", ".join([INSIDE, *[OUTSIDE] * 10]), False),
    ],
)
def test_an_ip_set_looks_at_the_position_it_was_told(position: str, header: str, *, is_match: bool) -> None:
    """The first, the last, or any of the last ten addresses."""
    config = {"HeaderName": "X-Forwarded-For", "FallbackBehavior": "NO_MATCH", "Position": position}
    statement = {"IPSetReferenceStatement": {"ARN": OFFICE, "IPSetForwardedIPConfig": config}}
    assert (
        acl(rule("set", 0, statement)).evaluate(request(headers={"x-forwarded-for": header}), 0).is_blocked is is_match
    )


@pytest.mark.parametrize("position", ["FIRST", "LAST", "ANY"])
@pytest.mark.parametrize(("fallback", "is_match"), [("MATCH", True), ("NO_MATCH", False)])
def test_an_ip_set_falls_back_without_a_valid_address(position: str, fallback: str, *, is_match: bool) -> None:
    """The fallback decides on garbage, never on a header that is missing."""
    config = {"HeaderName": "X-Forwarded-For", "FallbackBehavior": fallback, "Position": position}
    web = acl(rule("set", 0, {"IPSetReferenceStatement": {"ARN": OFFICE, "IPSetForwardedIPConfig": config}}))
    assert web.evaluate(request(headers={"x-forwarded-for": "garbage"}), 0).is_blocked is is_match
    assert not web.evaluate(request(headers={}), 0).is_blocked
