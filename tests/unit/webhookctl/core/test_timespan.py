"""Moments and durations."""

from datetime import UTC, datetime, timedelta

import pytest

from webhookctl.core.timespan import parse_moment, parse_span
from webhookctl.errors import UsageError

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("15m", NOW - timedelta(minutes=15)),
        ("1h30m", NOW - timedelta(minutes=90)),
        ("2d", NOW - timedelta(days=2)),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T10:00:00Z", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("2026-01-31T10:00:00+02:00", datetime(2026, 1, 31, 8, tzinfo=UTC)),
    ],
)
def test_moments_are_ago_or_iso(text: str, expected: datetime) -> None:
    """A duration counts back from now; ISO 8601 is UTC unless it says otherwise."""
    assert parse_moment(text, now=NOW) == expected


@pytest.mark.parametrize("text", ["", "soon", "15", "m15", "1h30"])
def test_anything_else_is_a_usage_error(text: str) -> None:
    """The message shows what is expected."""
    with pytest.raises(UsageError, match="like 15m, 1h, 2d"):
        parse_span(text)


@pytest.mark.parametrize(
    "text", ["999999d", "9" * 400 + "w", "40000d", "0001-01-01T00:00:00+05:00", "9999-12-31", "60000w"]
)
def test_what_no_clock_reaches_is_a_usage_error(text: str) -> None:
    """Neither an overflow nor a time that AWS would refuse."""
    with pytest.raises(UsageError, match=r"longer than 100 years|between the years 1970 and 9000"):
        parse_moment(text, now=NOW)
