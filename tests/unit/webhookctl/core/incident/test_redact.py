"""What an incident export takes out of what it writes."""

import json

import pytest

from webhookctl.core.incident.redact import redacted

ADDRESS, CARD = "203.0.113.77", "4242 4242 4242 4242"


@pytest.mark.parametrize(
    "value",
    [
        {"clientIp": ADDRESS, "headers": [{"name": "X-Forwarded-For", "value": f"{ADDRESS}, 10.1.2.3"}]},
        {"rateBasedRuleList": [{"limitKey": "IP", "limitValue": ADDRESS}]},
        {"sourceIp": "2001:db8:1:2::77", "message": f"from {ADDRESS}:443 and [2001:db8:1:2::77]:443"},
        {"sourceIp": f"::ffff:{ADDRESS}", "error": f"card {CARD} refused"},
        {"message": f"from {ADDRESS}. Then 2001:db8:1:2::77: reset, at 2001:db8:1:2::77.", "key": f"x_{ADDRESS}"},
        {ADDRESS: 3},
        [CARD, (ADDRESS, {"deep": [ADDRESS]})],
    ],
)
def test_no_address_and_no_card_is_left_wherever_it_stands(value: object) -> None:
    """Under whatever name, in lists and in texts."""
    told = json.dumps(redacted(value))
    assert not [part for part in (".77", "::77", "10.1.2.3", "4242") if part in told]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        (ADDRESS, "203.0.113.0"),
        ("2001:db8:1:2::3", "2001:db8:1::"),
        ("2001:db8::1", "2001:db8::"),
        ("2001:db8:1:2::3.", "2001:db8:1::."),
        ("2001:db8:1:2::3: reset", "2001:db8:1::: reset"),
        (f"{ADDRESS}.", "203.0.113.0."),
        (f"{ADDRESS}:443", "203.0.113.0:443"),
    ],
)
def test_an_address_keeps_its_network(address: str, network: str) -> None:
    """So that one can still see whose it is, and that two are the same sender's."""
    assert redacted(address) == network


def test_an_address_of_both_kinds_keeps_its_network() -> None:
    """Python spells the rest in either way."""
    assert redacted(f"::ffff:{ADDRESS}") in ("::ffff:203.0.113.0", "::ffff:cb00:7100")


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T12:00:00.000Z",
        "12:00:00",
        "arn:aws:lambda:us-east-1:000000000000:function:receiver",
        "arn:aws:iam::000000000000:root",
        "stripe:evt_1",
        "1.2.3.4.5",
        "300.1.2.3",
        "wrong::name",
        "1-69a42a40-000000000000000000000001",
        17.5,
        None,
        True,
    ],
)
def test_what_is_no_address_stays_as_it_is(text: object) -> None:
    """Times, names of resources, versions, ids, numbers."""
    assert redacted(text) == text
