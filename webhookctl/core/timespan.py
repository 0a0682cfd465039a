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
_LONGEST: Final = timedelta(days=36_525)
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""What AWS can be asked for lies after the first; the last leaves room for what is added to it."""


def parse_span(text: str) -> timedelta:
    """Return a duration such as `90s`, `15m`, `1h30m` or `2d`, of 100 years at most. Raises UsageError on else."""
    parts = _SPAN.findall(text)
    if not parts or "".join(n + u for n, u in parts) != text:
        raise UsageError(f"{_shown(text)} is not a duration (like 15m, 1h, 2d)")
    try:
        span = sum((float(number) * _UNITS[unit] for number, unit in parts), timedelta())
    except (OverflowError, ValueError):
        span = timedelta.max
    if span > _LONGEST:
        raise UsageError(f"{_shown(text)} is longer than 100 years")
    return span


def parse_moment(text: str, *, now: datetime | None = None) -> datetime:
    """Return the aware UTC time that `text` names: so long ago, or ISO 8601 (UTC unless it says otherwise).

    Raises UsageError on anything else, and on a time before 1970 or after the year 9000.
    """
    if _SPAN.match(text) and "-" not in text:
        return _bounded((now or datetime.now(UTC)) - parse_span(text), text)
    try:
        moment = datetime.fromisoformat(text)
        aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except ValueError:
        raise UsageError(f"{_shown(text)} is not a time (like 15m, 1h, 2d, or 2026-01-31T10:00:00Z)") from None
    except OverflowError:
        aware = datetime.max.replace(tzinfo=UTC)
    return _bounded(aware, text)


def _bounded(moment: datetime, text: str) -> datetime:
    if not _FIRST <= moment < _LAST:
        raise UsageError(f"{_shown(text)} is not a time between the years 1970 and 9000")
    return moment


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:59]}…")  # noqa: PLR2004 - what a line has room for
