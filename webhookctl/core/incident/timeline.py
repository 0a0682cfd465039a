"""The timeline of an incident: each deed of a person or an alarm, and what failed, minute by minute."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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


class Timeline:
    """Takes moments in any order, however many; like ones of a minute are counted as they come."""

    def __init__(self, moments: Iterable[Moment] = ()) -> None:
        self._deeds: list[Row] = []
        self._alike: dict[tuple[datetime, str, str], _Alike] = {}
        for moment in moments:
            self.add(moment)

    def add(self, moment: Moment) -> None:
        """Take a moment in."""
        if moment.is_deed:
            self._deeds.append(_alone(moment))
        else:
            self._alike.setdefault((_minute(moment.at), moment.who, moment.what), _Alike()).add(moment)

    def rows(self, *, limit: int = ROWS) -> tuple[list[Row], int]:
        """Return the rows in time order, and how many moments they leave out.

        Above the limit all deeds stay, and of the rest the rows that stand for most moments.
        """
        merged = [row for alike in self._alike.values() for row in alike.rows()]
        by_weight = sorted(merged, key=lambda row: (-row.moments, row.at))
        kept, dropped = (by_weight[: (room := max(limit - len(self._deeds), 0))], by_weight[room:])
        return sorted([*self._deeds, *kept]), sum(row.moments for row in dropped)


@dataclass(slots=True)
class _Alike:
    """Like moments of a minute: the first few of them, and how many they are."""

    first: list[Moment] = field(default_factory=list)
    count: int = 0
    webhooks: set[int] = field(default_factory=set)
    """Hashes of the webhooks' ids: enough to count them."""

    def add(self, moment: Moment) -> None:
        self.first = sorted([*self.first, moment], key=lambda m: m.at)[:SINGLE]
        self.count += 1
        if moment.webhook_id:
            self.webhooks.add(hash(moment.webhook_id))

    def rows(self) -> Iterator[Row]:
        if self.count <= SINGLE:
            yield from map(_alone, self.first)
            return
        named = next((moment.webhook_id for moment in self.first if moment.webhook_id), "")
        webhooks = f"{len(self.webhooks)}, first {named}" if len(self.webhooks) > 1 else named
        first = self.first[0]
        yield Row(first.at, first.who, f"{self.count} x {first.what}", webhooks, self.count, is_deed=False)


def _alone(moment: Moment) -> Row:
    return Row(moment.at, moment.who, moment.what, moment.webhook_id, 1, moment.is_deed)


def _minute(at: datetime) -> datetime:
    return at - timedelta(seconds=at.second, microseconds=at.microsecond)
