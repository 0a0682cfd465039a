"""All traces of a webhook in one picture: what is there, in time order, and what is not, with the reason."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from lambdas.shared.webhook import Status, StoredWebhook
from tests.fakes_audit import AuditWorld
from tests.trace_summaries import trace_summary
from webhookctl.core.logs import LogEvent
from webhookctl.core.trace.find import TraceLines, picture
from webhookctl.core.trace.journey import Journey
from webhookctl.core.trace.traces import TraceDocuments, TraceSummary
from webhookctl.core.trace.waterfall import Waterfall
from webhookctl.errors import NotFoundError, UsageError

BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)
ID = "stripe:evt_1"
FIRST, SECOND, THIRD = BEGIN, BEGIN + timedelta(hours=2, minutes=13, seconds=5), BEGIN + timedelta(days=1)


def _trace_id(at: datetime) -> str:
    return f"1-{int(at.timestamp()):08x}-{1:024x}"


def _delivery(at: datetime, *attempts: tuple[int, float, bool], status: int = 200) -> TraceDocuments:
    """Return the trace of one delivery. `attempts`: (number, seconds after the delivery, whether it passed)."""

    def document(name: str, start_s: float, took_s: float, **more: Any) -> dict[str, Any]:
        start = at.timestamp() + start_s
        return {"id": f"{name}{start}", "name": name, "start_time": start, "end_time": start + took_s, **more}

    gateway = document(
        "payment-webhooks-dev/prod", 0, 0.09, origin="AWS::ApiGateway::Stage", http={"response": {"status": status}}
    )
    told = {"webhook_id": ID, "event_type": "payment_intent.succeeded", "outcome": "accepted"}
    receiver = document("webhook-receiver-dev", 0.02, 0.05, parent_id=gateway["id"], annotations=told)
    receiver["subsegments"] = [document("enqueue", 0.04, 0.02)]
    tries = [
        document(
            "payment-processor-dev",
            start_s,
            0.04,
            parent_id=receiver["id"],
            annotations={"attempt": number, "outcome": "processed" if passed else "failed", "webhook_id": ID},
            **({} if passed else {"fault": True}),
        )
        for number, start_s, passed in attempts
    ]
    return TraceDocuments(trace_id=_trace_id(at), segments=(gateway, receiver, *tries))


TWICE = _delivery(FIRST, (1, 0.1, False), (2, 1.2, False))
AGAIN = _delivery(SECOND, (1, 0.1, True))


@dataclass
class FakeStory:
    """X-Ray with some traces, the table with one row, logs and audit with nothing but what is given."""

    traces_there: list[TraceDocuments]
    row: StoredWebhook | None
    lines: list[LogEvent] = field(default_factory=list)
    asked: list[str | None] = field(default_factory=list)

    def get(self, webhook_id: str) -> StoredWebhook | None:
        return self.row if webhook_id == ID else None

    def scan(self) -> Iterator[StoredWebhook]:
        raise AssertionError

    def summaries(self, start: datetime, end: datetime, expression: str | None) -> Iterator[TraceSummary]:
        self.asked.append(expression)
        for trace in self.traces_there if f'"{ID}"' in (expression or "") else ():
            at = datetime.fromtimestamp(trace.segments[0]["start_time"], UTC)
            if start <= at < end:
                yield trace_summary(trace.trace_id, at)

    def traces(self, trace_ids: Sequence[str]) -> list[TraceDocuments]:
        return [trace for trace in self.traces_there if trace.trace_id in trace_ids]

    def hidden_reason(self) -> str | None:
        return None

    def events(
        self, group: str, *, start: datetime, end: datetime | None = None, pattern: str | None = None
    ) -> Iterator[LogEvent]:
        del group, pattern
        return (line for line in self.lines if start <= line.at and (end is None or line.at < end))

    def shown(self, name: str = ID, *, with_logs: bool = False, now: datetime = THIRD) -> Journey | Waterfall:
        world = AuditWorld()
        lines = TraceLines(logs=self, groups={"g": "processor"}, audit=world)
        return picture(self, self, lines, name, now=now, with_logs=with_logs)

    def journey(self, *, now: datetime = THIRD) -> Journey:
        shown = self.shown(now=now)
        assert isinstance(shown, Journey)
        return shown


def _row(*, sampled: bool = True, attempts: int = 3) -> StoredWebhook:
    row = AuditWorld(at=FIRST).receive("evt_1")
    return replace(
        row,
        status=Status.PROCESSED,
        trace_id=_trace_id(FIRST),
        trace_parent="p" if sampled else None,
        attempts=attempts,
    )


def _drawn(picture: Journey | Waterfall, width: int) -> list[str]:
    return list(picture.draw(width, lambda text, *_: text))


@pytest.mark.parametrize("width", [80, 120])
def test_failed_twice_and_delivered_again_is_one_picture_of_all_attempts(
    width: int, snapshot: SnapshotAssertion
) -> None:
    """Two traces in time order, each with its id and the time between; the names stand in one column."""
    lines = _drawn(FakeStory([AGAIN, TWICE], _row()).journey(), width)
    assert max(map(len, lines)) <= width
    assert sum("payment-processor-dev" in line for line in lines) == 3
    starts = [next(n for n, line in enumerate(lines) if line == f"trace {_trace_id(at)}") for at in (FIRST, SECOND)]
    assert starts == sorted(starts)
    assert "\n".join(lines) == snapshot


def test_a_single_trace_of_a_webhook_is_drawn_as_the_trace_itself() -> None:
    """There is nothing to tell apart."""
    story = FakeStory([TWICE], _row(attempts=2))
    assert _drawn(story.journey(), 100) == _drawn(story.shown(TWICE.trace_id), 100)
    assert story.asked == ['annotation[webhook_id] = "stripe:evt_1"'] * 5  # a day and a minute, by six hours


@pytest.mark.parametrize(
    ("row", "now", "says"),
    [
        (_row(sampled=False), THIRD, f"trace {_trace_id(FIRST)} was not sampled"),
        (_row(), THIRD, f"trace {_trace_id(FIRST)} is not in X-Ray, or not there yet"),
        (_row(), FIRST + timedelta(days=30, hours=1), f"trace {_trace_id(FIRST)} is gone: X-Ray keeps traces"),
    ],
)
def test_a_trace_that_is_missing_is_named_with_the_reason(row: StoredWebhook, now: datetime, says: str) -> None:
    """Not sampled, too old, or not there; and how many attempts are therefore not in the picture."""
    journey = FakeStory([AGAIN], row).journey(now=now)
    assert [waterfall.trace.trace_id for waterfall in journey.traces] == [AGAIN.trace_id]
    assert journey.notes[0].startswith(says)
    assert journey.notes[1] == "2 attempts are in no trace: not sampled, or gone"
    assert "note: 2 attempts are in no trace: not sampled, or gone" in _drawn(journey, 80)


def test_a_webhook_none_of_whose_traces_is_there_says_why() -> None:
    """The error names the reason: it was not sampled."""
    with pytest.raises(NotFoundError, match=f"{ID}; trace {_trace_id(FIRST)} was not sampled"):
        FakeStory([], _row(sampled=False)).shown()


def test_a_webhook_whose_row_is_gone_still_has_its_traces() -> None:
    """The annotation finds them; the last attempt tells the outcome."""
    journey = FakeStory([TWICE, AGAIN], None).journey()
    assert (len(journey.traces), journey.outcome, journey.notes) == (2, "processed", ())


@pytest.mark.parametrize("name", ["evt_1", "1-5f84c7a5", "", "1-ZZZZZZZZ-000000000000000000000001"])
def test_what_is_neither_trace_id_nor_webhook_id_is_refused_at_once(name: str) -> None:
    """Nothing is searched for it."""
    story = FakeStory([TWICE], _row())
    with pytest.raises(UsageError, match="neither"):
        story.shown(name)
    assert not story.asked


def test_log_lines_stand_in_the_trace_that_they_name() -> None:
    """Each delivery's lines carry its own trace id."""
    line = LogEvent(
        at=SECOND,
        group="g",
        stream="s",
        message=f'{{"traceId":"{AGAIN.trace_id}","outcome":"processed"}}',
        event_id="1",
    )
    shown = FakeStory([TWICE, AGAIN], _row(), lines=[line]).shown(with_logs=True)
    assert isinstance(shown, Journey)
    assert [len(waterfall.logs) for waterfall in shown.traces] == [0, 1]
