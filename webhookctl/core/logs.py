"""Log lines of the deployed functions, oldest first, and following them as they arrive."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from typing import Any, ClassVar, Protocol

from lambdas.shared.audit_wire import lengthen

POLL_INTERVAL_S = 1.0
_LATE = timedelta(seconds=30)
"""CloudWatch Logs makes a line searchable some seconds after its own time; following looks back this far."""


def _refuse(constant: str) -> None:
    raise ValueError(constant)


_DECODER = json.JSONDecoder(parse_constant=_refuse)
"""NaN and its like are no JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvent:
    """One line of one log group. `event_id` is unique in its group."""

    TABLE: ClassVar = ("at", "group", "message")
    at: datetime
    group: str
    stream: str
    message: str
    event_id: str

    def fields(self) -> dict[str, Any]:
        """Return the members of a JSON line; an empty mapping for any other line.

        An audit line comes in its long form, as far as it tells by itself.
        """
        return lengthen(self.written())

    def written(self) -> dict[str, Any]:
        """Return the members of a JSON line as they stand in the log; an empty mapping for any other line."""
        try:
            parsed = _DECODER.decode(self.message)
        except (ValueError, RecursionError):
            return {}
        return parsed if isinstance(parsed, dict) else {}


class LogReader(Protocol):
    """Reads log groups."""

    def events(
        self, group: str, *, start: datetime, end: datetime | None = None, pattern: str | None = None
    ) -> Iterator[LogEvent]:
        """Yield the lines from `start` up to `end` (default: now), oldest first.

        `pattern` is CloudWatch's filter syntax and only narrows what is sent: an engine may ignore it, so callers
        filter again. A group that does not exist has no lines.
        """
        ...


def follow(
    reader: LogReader,
    groups: list[str],
    *,
    start: datetime,
    now: Callable[[], datetime],
    pattern: str | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[LogEvent]:
    """Yield the lines of several groups since `start`, then for ever what arrives, each line once."""
    seen: dict[tuple[str, str], datetime] = {}
    while True:
        fresh = [event for group in groups for event in reader.events(group, start=start, pattern=pattern)]
        for event in sorted(fresh, key=lambda e: (e.at, e.event_id)):
            key = (event.group, event.event_id)
            if key not in seen:
                seen[key] = event.at
                yield event
        start = max(start, now() - _LATE)
        seen = {key: at for key, at in seen.items() if at >= start}
        sleep(POLL_INTERVAL_S)


def read(
    reader: LogReader, groups: list[str], *, start: datetime, end: datetime | None = None, pattern: str | None = None
) -> Iterator[LogEvent]:
    """Yield the lines of several groups in the order of time, holding one of each group."""
    found = [reader.events(group, start=start, end=end, pattern=pattern) for group in groups]
    return merge(*found, key=lambda e: e.at)
