"""Card data within a text: whole groups of digits in any spacing, and what people write behind them."""

import random

import pytest

from lambdas.shared.card_text import MASK, Trust, blot, is_card_number

PAN = "4242424242424242"
GROUPS = ("4242", "4242", "4242", "4242")
FULL_WIDTH = {ord(digit): 0xFF10 + int(digit) for digit in "0123456789"}
UUIDS = [
    "07ee7a8c-6808-4432-9770-935ef281a4c5",
    "48b8b2bf-bca4-4178-9b8e-670505077909",
    "63955203-8809-42ac-86c7-9344ef623b19",
    "2A1AFA66-EE22-42FD-89DC-674848025997",
]


@pytest.mark.parametrize(
    "gap", [" ", "  ", "-", " - ", ".", "\u00a0", "\u2009", "\u200b", "\u2013", "\u2212", "\t", "\n"]
)
def test_no_gap_hides_a_card_number(gap: str) -> None:
    """Spaces and dashes of every kind, dots, and what can't be seen."""
    assert blot(f"card {gap.join(GROUPS)}, thanks") == (f"card {MASK}, thanks", 1)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("cust gave 4242 4242 4242 4242 12/29 123", f"cust gave {MASK}"),
        ("4000056655665556 123", MASK),
        ("4242-4242-4242-4242-123", MASK),
        ("378282246310005 1234", MASK),
        ("7 4242424242424242", f"7 {MASK}"),
        ("12 34 4242 4242 4242 4242 5", f"12 34 {MASK} 5"),
        ("4242424242424242|12|29|123", MASK),
        ("4242424242424242 exp 12/2029 cvc 123", MASK),
        ("4242424242424242 12/29 cvv=123", f"{MASK} 12/29 cvv={MASK}"),
        ("4242424242424242exp12", f"{MASK}exp12"),
        ("4242424242424242 5555555555554444", f"{MASK} {MASK}"),
        ("3782 822463 10005", MASK),
        ("424242 42 42424242", MASK),
        (" ".join(PAN), MASK),
        ("4242 4242-4242.4242", MASK),
        ("card4242424242424242", f"card{MASK}"),
        ("card_4242424242424242", f"card_{MASK}"),
        ("No.4242424242424242", f"No.{MASK}"),
        ("+4242424242424242", f"+{MASK}"),
        ("カード4242424242424242です", f"カード{MASK}です"),
        (" ".join(GROUPS).translate(FULL_WIDTH), MASK),
        ("a=1&card_number=4242424242424242&cvv=123", f"a=1&card_number={MASK}&cvv={MASK}"),
        ("%B4242424242424242^DOE/JOHN^25121011234?", MASK),
        (";4242424242424242=25121011234?", MASK),
        ("CVV: 123", f"CVV: {MASK}"),
        ("card security code 1234 ok", f"card security code {MASK} ok"),
    ],
)
def test_a_card_number_goes_with_what_is_written_around_it(text: str, left: str) -> None:
    """Every stretch of whole groups is tried, whatever digits stand before or behind; expiry and code go along."""
    assert blot(text)[0] == left


@pytest.mark.parametrize(
    "text",
    [
        "evt_4242424242424242",
        "f4242424242424242",
        "4242424242424242abc",
        "74242424242424242",
        "1.4242424242424242",
        "3782.82246310005",
        "+378282246310005",
        "+62812345678902",
        "4006381333931",
        "cvc_check pass 123",
        "cvv 2026-11-24",
        "incident 123",
        *UUIDS,
        f"delivery:paypal:{UUIDS[0]}",
    ],
)
def test_what_is_part_of_something_else_is_no_card_number(text: str) -> None:
    """Ids, longer numbers, decimals, phone numbers, barcodes, UUIDs, dates."""
    assert blot(text) == (text, 0)


@pytest.mark.parametrize("beside", ["{u} {pan}", "{pan}-{u}", "{u}-{pan}", "{pan}:{u}", "{u},{spaced}"])
def test_a_card_number_beside_a_uuid_never_survives(beside: str) -> None:
    """Only what stands wholly within the UUID is left alone."""
    text = beside.format(u=UUIDS[0], pan=PAN, spaced=" ".join(GROUPS))
    assert PAN not in blot(text)[0].replace(" ", "").replace("-", "")


def test_hashes_are_left_alone() -> None:
    """An audit line that lost a hash could not be verified."""
    rng = random.Random(1)
    for _ in range(20_000):
        digest = rng.randbytes(32).hex()
        assert blot(digest) == (digest, 0)


@pytest.mark.parametrize(
    ("digits", "fewest"),
    [
        (PAN, Trust.SIXTEEN),
        ("378282246310005", Trust.USUAL),
        ("30569309025904", Trust.USUAL),
        ("4222222222222", Trust.NAMED),
        ("4242424242424241", None),
        ("1234567890123452", None),
    ],
)
def test_fewer_digits_need_a_place_that_speaks_of_cards(digits: str, fewest: Trust | None) -> None:
    """Each degree of trust takes what those before it take, and more."""
    assert [is_card_number(digits, trust) for trust in Trust] == [
        fewest is not None and trust >= fewest for trust in Trust
    ]
