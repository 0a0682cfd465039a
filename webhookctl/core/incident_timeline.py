"""The timeline of an incident: each deed of a person or an alarm, and what failed, minute by minute."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple

ROWS = 500
"""How many rows the timeline has; the JSONL files hold every moment."""
SINGLE = 3
"""So many alike moments of a minute stand alone; more become one row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What happened. `is_deed`: a person or an alarm did it, so that it always has a row of its own."""

    at: datetime
    who: str
    what: str
    webhook_id: str = ""
    is_deed: bool = False


class Row(NamedTuple):
    """One row: `moments` alike ones from `at` on, within a minute."""

    at: datetime
    who: str
    what: str
    webhooks: str
    moments: int
    is_deed: bool


def rows(moments: Iterable[Moment], *, limit: int = ROWS) -> tuple[list[Row], int]:
    """Return the rows in time order, and how many moments they leave out.

    Above the limit the deeds stay, and of the rest the rows that stand for most moments.
    """
    merged = [*_merged(moments)]
    kept = sorted(merged, key=lambda row: (not row.is_deed, -row.moments, row.at))[:limit]
    return sorted(kept), sum(row.moments for row in merged) - sum(row.moments for row in kept)


def _merged(moments: Iterable[Moment]) -> Iterator[Row]:
    ordered = sorted(moments, key=lambda m: (_minute(m.at), m.is_deed, m.who, m.what, m.at))
    for _, alike in groupby(ordered, key=lambda m: (_minute(m.at), m.is_deed, m.who, m.what)):
        group = [*alike]
        first = group[0]
        if first.is_deed or len(group) <= SINGLE:
            yield from (Row(m.at, m.who, m.what, m.webhook_id, 1, m.is_deed) for m in group)
        else:
            named = list(dict.fromkeys(m.webhook_id for m in group if m.webhook_id))
            webhooks = f"{len(named)}, first {named[0]}" if len(named) > 1 else "".join(named)
            yield Row(first.at, first.who, f"{len(group)} x {first.what}", webhooks, len(group), is_deed=False)


def _minute(at: datetime) -> datetime:
    return at - timedelta(seconds=at.second, microseconds=at.microsecond)
