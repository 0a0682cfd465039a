"""Reading JSON that strangers wrote."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from lambdas.shared.errors import MalformedError
from lambdas.shared.providers.reading import MAX_DEPTH, dig, identifier, label, moment, parse


def test_numbers_with_a_point_are_decimals() -> None:
    """No float is ever made of an amount."""
    assert parse(b'{"a": 0.1, "b": 1e2, "c": 12}') == {"a": Decimal("0.1"), "b": Decimal(100), "c": 12}


@pytest.mark.parametrize("opening", [b'{"a":', b"["])
def test_the_depth_that_is_taken_is_the_same_everywhere(opening: bytes) -> None:
    """MAX_DEPTH levels pass and one more does not, whatever Python's own limit is."""
    closing = {b'{"a":': b"}", b"[": b"]"}[opening]
    depth = MAX_DEPTH - 1
    parse(b'{"x":' + opening * depth + b"1" + closing * depth + b"}")
    with pytest.raises(MalformedError):
        parse(b'{"x":' + opening * (depth + 1) + b"1" + closing * (depth + 1) + b"}")


def test_the_same_key_in_two_objects_is_no_duplicate() -> None:
    """Only within one object."""
    assert parse(b'{"a": {"id": 1}, "b": [{"id": 2}, {"id": 3}]}')["b"][1] == {"id": 3}


def test_digging_goes_through_objects_and_lists() -> None:
    """A step that leads nowhere gives None, whatever stands there."""
    value = {"a": {"b": [{"c": 1}]}, "0": "zero"}
    assert dig(value, "a.b.0.c") == 1
    assert dig(value, "0") == "zero"
    for path in ("a.b.1.c", "a.b.c", "a.c", "x", "0.0", "a.b.-1", "a.b.0.c.d", "a.b.²"):
        assert dig(value, path) is None


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("pi_1", "pi_1"),
        ({"id": "pi_1"}, "pi_1"),
        ("inv:0-ChCHu2mZEabLeeHahQnXDjZQECY", "inv:0-ChCHu2mZEabLeeHahQnXDjZQECY"),
        ("", None),
        ("a b", None),
        ("a\n", None),
        ("é", None),
        ("a" * 256, None),
        (1, None),
        (None, None),
        ({}, None),
        ({"id": {"id": "pi_1"}}, None),
        (["pi_1"], None),
    ],
)
def test_an_identifier_is_visible_ascii(value: object, found: str | None) -> None:
    """It becomes a key and a log field."""
    assert identifier(value) == found


def test_a_label_is_never_an_object() -> None:
    """Unlike a reference, it has no expanded form."""
    assert (label("2.0"), label({"id": "x"}), label(2)) == ("2.0", None, None)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        ("2024-08-02T19:34:57Z", datetime(2024, 8, 2, 19, 34, 57, tzinfo=UTC)),
        ("2018-08-15T12:13:29-07:00", datetime(2018, 8, 15, 19, 13, 29, tzinfo=UTC)),
        ("2024-09-17T06:20:52.246Z", datetime(2024, 9, 17, 6, 20, 52, 246000, tzinfo=UTC)),
        ("2024-09-17T06:20:52.123456789Z", datetime(2024, 9, 17, 6, 20, 52, 123456, tzinfo=UTC)),
        ("2018-19-12T22:20:32.000Z", None),
        ("2024-08-02 19:34:57Z", None),
        ("2024-08-02T19:34:57", None),
        ("2024-08-02", None),
        ("1790000000", None),
        ("0001-01-01T00:00:00+14:00", None),
        (True, None),
        (10**30, None),
        (-(10**30), None),
        (Decimal("1.5"), None),
        (None, None),
    ],
)
def test_a_moment_is_utc_or_nothing(value: object, found: datetime | None) -> None:
    """Both forms that providers use; anything else is no reason to refuse an event."""
    assert moment(value) == found
