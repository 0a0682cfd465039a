"""Log lines for people: merged by time, without noise."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from webhookctl.core.log_lines import lines
from webhookctl.core.logs import LogEvent, read

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


def test_the_platforms_lines_are_left_out_unless_asked_for() -> None:
    """START, END and REPORT say nothing about a webhook."""
    events = [_event("r", 0, "START RequestId: 1"), _event("r", 1, '{"outcome":"accepted"}')]
    assert [line.message for line in lines(events, SOURCES)] == ['{"outcome":"accepted"}']
    assert len(list(lines(events, SOURCES, platform=True))) == 2


def test_grep_keeps_the_lines_that_hold_the_text() -> None:
    """Plain text, anywhere in the line."""
    events = [_event("r", 0, "one"), _event("p", 1, "two")]
    assert [line.source for line in lines(events, SOURCES, grep="two")] == ["processor"]


def test_a_json_line_is_laid_out_and_any_other_is_told_as_it_is() -> None:
    """Time, whose, level where it matters, then key=value."""
    first, second = lines([_event("r", 0.25, '{"level":"ERROR","ok":true,"n":1}'), _event("p", 1, "boom")], SOURCES)
    plain = [next(iter(line.draw(80, lambda text, *_: text))) for line in (first, second)]
    assert plain == ["12:00:00.250 receiver  ERROR ok=true n=1", "12:00:01.000 processor boom"]
