"""Instants are read and written in one form."""

from datetime import UTC, datetime, timedelta

import pytest

from lambdas.shared.clock import iso, parse_iso


@pytest.mark.parametrize("text", ["2026-03-01T13:00:00+01:00", "2026-03-01T12:00:00Z", "2026-03-01T12:00:00"])
def test_every_offset_is_read_as_utc(text: str) -> None:
    """Without one it counts as UTC; written, it is in milliseconds and of one width."""
    assert parse_iso(text) == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert parse_iso(text).utcoffset() == timedelta()
    assert iso(parse_iso(text)) == "2026-03-01T12:00:00.000Z"


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"]
)
def test_what_is_no_time_is_a_value_error(text: str) -> None:
    """Also what would lie before the first year, or after the last, once it is read as UTC."""
    with pytest.raises(ValueError, match=r"."):
        parse_iso(text)
