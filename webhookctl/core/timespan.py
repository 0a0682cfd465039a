"""Moments as operators write them: `15m`, `1h`, `2d` ago, or ISO 8601."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from webhookctl.errors import UsageError

_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_UNITS: Final = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def parse_span(text: str) -> timedelta:
    """Return a duration such as `90s`, `15m`, `1h30m` or `2d`. Raises UsageError on anything else."""
    parts = _SPAN.findall(text)
    if not parts or "".join(n + u for n, u in parts) != text:
        raise UsageError(f"{text!r} is not a duration (like 15m, 1h, 2d)")
    return sum((float(number) * _UNITS[unit] for number, unit in parts), timedelta())


def parse_moment(text: str, *, now: datetime | None = None) -> datetime:
    """Return the aware UTC time that `text` names: so long ago, or ISO 8601 (UTC unless it says otherwise).

    Raises UsageError on anything else.
    """
    if _SPAN.match(text) and "-" not in text:
        return (now or datetime.now(UTC)) - parse_span(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is not a time (like 15m, 1h, 2d, or 2026-01-31T10:00:00Z)") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
