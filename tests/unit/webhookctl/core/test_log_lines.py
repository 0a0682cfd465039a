"""Log lines for people: merged by time, without noise."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from webhookctl.core.log_lines import lines
from webhookctl.core.logs import LogEvent, follow, read

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOURCES = {"r": "receiver", "p": "processor"}


def _event(group: str, second: float, message: str) -> LogEvent:
    at = NOON + timedelta(seconds=second)
    return LogEvent(at=at, group=group, stream="s", message=message, event_id=f"{group}{second}")


class FakeLogs:
    """Two groups of lines, each in order; ends the test when more is read than is needed."""

    def events(
        self, group: str, *, start: datetime, end: datetime | None = None, pattern: str | None = None
    ) -> Iterator[LogEvent]:
        del start, end, pattern
        offset = 0.0 if group == "r" else 0.5
        return (_event(group, offset + n, f'{{"n":{n},"level":"ERROR"}}') for n in range(3))


def test_groups_are_merged_by_time() -> None:
    """One stream, oldest first, whichever group a line is from."""
    found = [event.group for event in read(FakeLogs(), ["r", "p"], start=NOON)]
    assert found == ["r", "p", "r", "p", "r", "p"]


class _EnoughError(Exception):
    """Ends a test of what never ends."""


@dataclass
class ArrivingLogs:
    """Two groups that each have a line of the same id; a third line arrives, late, after the first look."""

    looks: int = 0

    def events(
        self, group: str, *, start: datetime, end: datetime | None = None, pattern: str | None = None
    ) -> Iterator[LogEvent]:
        del end, pattern
        self.looks += group == "r"
        late = [replace(_event(group, 1, "late"), event_id="b")] if group == "p" and self.looks > 1 else []
        found = [replace(_event(group, 0, "same id"), event_id="a"), *late]
        return (event for event in found if event.at >= start)


def test_following_prints_each_line_once_also_one_that_comes_late() -> None:
    """An id is unique in its group only; what comes after a later line's time is still printed."""
    logs, now = ArrivingLogs(), NOON + timedelta(seconds=2)

    def wait(_: float) -> None:
        if logs.looks == 4:
            raise _EnoughError

    found = follow(logs, ["r", "p"], start=NOON, now=lambda: now, sleep=wait)
    printed = [f"{event.group} {event.message}" for event in islice(found, 3)]
    assert printed == ["r same id", "p same id", "p late"]
    with pytest.raises(_EnoughError):
        next(found)


def test_the_platforms_lines_are_left_out_unless_asked_for() -> None:
    """START, END and REPORT say nothing about a webhook, nor does a line of metrics alone."""
    texts = ("START RequestId: 1", '{"outcome":"accepted"}', '{"type":"metric","TimeToProcessed":[1]}')
    events = [_event("r", second, text) for second, text in enumerate(texts)]
    assert [line.message for line in lines(events, SOURCES)] == ['{"outcome":"accepted"}']
    assert len(list(lines(events, SOURCES, platform=True))) == 3


def test_grep_keeps_the_lines_that_hold_the_text() -> None:
    """Plain text, anywhere in the line."""
    events = [_event("r", 0, "one"), _event("p", 1, "two")]
    assert [line.source for line in lines(events, SOURCES, grep="two")] == ["processor"]


def test_a_json_line_is_laid_out_and_any_other_is_told_as_it_is() -> None:
    """Time, whose, level where it matters, then key=value."""
    first, second = lines([_event("r", 0.25, '{"level":"ERROR","ok":true,"n":1}'), _event("p", 1, "boom")], SOURCES)
    plain = [next(iter(line.draw(80, lambda text, *_: text))) for line in (first, second)]
    assert plain == ["12:00:00.250 receiver  ERROR ok=true n=1", "12:00:01.000 processor boom"]


def test_what_a_json_line_nests_is_json_and_what_is_empty_is_left_out() -> None:
    """So that a part of the line can be copied into a query; the firewall's lines begin with what was done."""
    text = '{"timestamp":1,"formatVersion":1,"action":"BLOCK","labels":[],"note":null,"by":[{"key":"IP","of":"a b"}]}'
    (line,) = lines([_event("r", 0, text)], SOURCES)
    assert next(line.draw(80, lambda text, *_: text)) == (
        '12:00:00.000 receiver  action=BLOCK by=[{"key":"IP","of":"a b"}]'
    )
