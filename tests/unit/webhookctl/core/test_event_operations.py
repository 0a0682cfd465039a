"""Telling and reconciling stored webhooks."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from lambdas.shared.webhook import Status, StoredWebhook
from tests.stored_webhooks import NOW, stored_webhook
from tests.trace_summaries import trace_summary
from webhookctl.core.audit.records import AuditRecord
from webhookctl.core.dlq.dead_letter import BatchOutcome, OutgoingMessage
from webhookctl.core.event_story import HIDDEN, payload_of, tell, traces_of, unheard
from webhookctl.core.logs import LogEvent
from webhookctl.core.reconcile.stuck import find_stuck, requeue
from webhookctl.core.trace.traces import TraceDocuments, TraceSummary
from webhookctl.errors import PartialError


def webhook(name: str, status: Status = Status.RECEIVED, *, age_min: float = 60) -> StoredWebhook:
    """Return a stored webhook of that age, with a body."""
    return stored_webhook(name, status, age_min=age_min, body=b'{"id":"evt","data":{"email":"a@b.example","amount":3}}')


def test_stuck_is_what_is_old_unprocessed_and_no_dead_letter() -> None:
    """Young, processed and dead-lettered webhooks are left alone; marks beside webhooks too."""
    webhooks = [
        webhook("old"),
        webhook("young", age_min=1),
        webhook("done", Status.PROCESSED),
        webhook("dead", Status.FAILED),
        webhook("lost", Status.FAILED),
        webhook("mark", Status.DELIVERY),
    ]
    stuck = find_stuck(webhooks, dead=["stripe:dead"], now=NOW, older_than=timedelta(minutes=5))
    assert [one.webhook_id for one in stuck] == ["stripe:lost", "stripe:old"]


class Queue:
    """Takes every message but those refused."""

    def __init__(self, *refused: str) -> None:
        self.sent: list[OutgoingMessage] = []
        self._refused = refused

    def send(self, messages: Sequence[OutgoingMessage]) -> BatchOutcome:
        """Send up to ten."""
        assert len(messages) <= 10
        self.sent += messages
        failed = {m.key: "no" for m in messages if m.key in self._refused}
        return BatchOutcome(done={m.key: "id" for m in messages if m.key not in failed}, failed=failed)


def test_what_is_stuck_is_queued_again_and_a_refusal_is_told() -> None:
    """Batches of ten; what the queue refuses makes the run partial."""
    stuck = find_stuck([webhook(f"e{n:02}") for n in range(25)], dead=(), now=NOW, older_than=timedelta())
    queue = Queue("stripe:e07")
    done = requeue(stuck, queue)
    assert (done.found, done.requeued, done.failed) == (25, 24, ("stripe:e07",))
    assert queue.sent[0].body == '{"webhookId":"stripe:e00","v":1}'
    with pytest.raises(PartialError):
        done.require_complete()


def test_the_story_tells_tries_in_order_and_hides_personal_text() -> None:
    """Log lines of other webhooks are left out; texts of unknown members are hidden unless asked for."""
    lines = [
        {
            "type": "processing",
            "webhookId": "stripe:a",
            "attempt": 2,
            "outcome": "processed",
            "time": "2026-01-02T12:00Z",
        },
        {
            "type": "processing",
            "webhookId": "stripe:a",
            "attempt": 1,
            "outcome": "retried",
            "time": "2026-01-02T11:00Z",
        },
        {"type": "processing", "webhookId": "stripe:b", "attempt": 1, "outcome": "retried"},
    ]
    log = [
        ("processor", LogEvent(at=NOW, group="g", stream="s", message=json.dumps(line), event_id=str(n)))
        for n, line in enumerate(lines)
    ]
    story = tell(webhook("a"), log=log, trail=[], in_dlq=False)
    assert [moment.what for moment in story.timeline] == ["attempt 1: retried", "attempt 2: processed"]
    assert story.payload == {"id": "evt", "data": {"email": HIDDEN, "amount": 3}}
    assert payload_of(b'{"email":"x"}', is_masked=False) == {"email": "x"}
    assert "body" not in story.members()


class Traces:
    """X-Ray with one segment in each trace, found by the webhook's annotation."""

    def __init__(self, **begun: datetime) -> None:
        self._begun = {f"1-{int(at.timestamp()):08x}-{name:0>24}": at for name, at in begun.items()}
        self.ids = list(self._begun)

    def summaries(self, start: datetime, end: datetime, expression: str | None) -> Iterator[TraceSummary]:
        """Yield those of the window."""
        assert expression == 'annotation[webhook_id] = "stripe:a"'
        for trace_id, at in self._begun.items():
            if start <= at < end:
                yield trace_summary(trace_id, at)

    def traces(self, trace_ids: Sequence[str]) -> list[TraceDocuments]:
        """Return whole traces."""
        return [TraceDocuments(trace_id=i, segments=(_segment(self._begun[i]),)) for i in trace_ids if i in self._begun]

    def hidden_reason(self) -> None:
        """Nothing is hidden."""


def _segment(at: datetime) -> dict[str, object]:
    start = at.timestamp()
    return {"id": "a" * 16, "name": "receiver", "start_time": start, "end_time": start + 0.02}


def test_the_story_has_the_traces_of_all_deliveries() -> None:
    """A 503 before the webhook was stored, the delivery that stored it, a resend: each line names its trace."""
    stored = replace(webhook("a"), event_created_at=NOW - timedelta(hours=3))
    ages = {"a": timedelta(hours=2), "b": timedelta(minutes=60), "c": timedelta(minutes=5)}
    reader = Traces(**{name: NOW - age for name, age in ages.items()})
    traced = replace(stored, trace_id=reader.ids[1])
    story = tell(traced, log=[], trail=[], in_dlq=None, traces=traces_of(traced, reader, now=NOW))
    assert [(m.source, m.what, m.detail[:5], m.trace_id) for m in story.timeline] == [
        ("trace", "receiver", "20 ms", trace_id) for trace_id in reader.ids
    ]
    assert list(story.trace_ids) == reader.ids
    assert [moment.trace for moment in story.timeline] == ["0000000a", "0000000b", "0000000c"]
    assert story.timeline[0].when == "01-02 10:00:00.000"


def test_a_webhook_without_any_trace_has_a_story_too() -> None:
    """Nothing was sampled."""
    assert traces_of(webhook("a"), Traces(), now=NOW) == []
    assert tell(webhook("a"), log=[], trail=[], in_dlq=None).trace_ids == ()


def line_of(**members: object) -> tuple[str, LogEvent]:
    """Return a line of the receiver."""
    line = {"type": "webhook", "time": f"{NOW:%Y-%m-%dT%H:%M:%SZ}", **members}
    return "receiver", LogEvent(at=NOW, group="g", stream="s", message=json.dumps(line), event_id=str(members))


def test_a_delivery_that_was_not_taken_is_told_with_its_reason() -> None:
    """Its line names the trace alone; a line of another webhook in that trace is left out."""
    reader = Traces(a=NOW - timedelta(minutes=9), b=NOW - timedelta(minutes=5))
    refused, taken = reader.ids
    traces = traces_of(webhook("a"), reader, now=NOW)
    log = [line_of(webhookId="stripe:a", traceId=taken, outcome="accepted")]
    assert [tree.trace_id for tree in unheard(traces, log)] == [refused]
    log += [
        line_of(traceId=refused, outcome="unavailable", error="throttled", durationMs=5),
        line_of(traceId=refused, outcome="accepted", webhookId="stripe:b"),
        line_of(traceId="1-00000000-000000000000000000000000", outcome="unavailable"),
    ]
    story = tell(webhook("a"), log=log, trail=[], in_dlq=None, traces=traces)
    assert [(m.what, m.detail, m.trace_id) for m in story.timeline if m.source == "receiver"] == [
        ("delivery: accepted", "", taken),
        ("delivery: unavailable", "throttled, 5 ms", refused),
    ]


def test_a_change_stands_where_it_came_about() -> None:
    """The stream tells of it to the second only; what it tells is kept where the state says something else."""
    at = NOW + timedelta(milliseconds=407)
    for told, expected in ((at, at), (NOW - timedelta(seconds=9), NOW), (NOW + timedelta(seconds=2), NOW)):
        line = {"receivedAt": told.isoformat()}
        record = AuditRecord(
            at=NOW, written_at=NOW, kind="audit", change="INSERT", actor="receiver", status="RECEIVED", line=line
        )
        (moment,) = tell(webhook("a"), log=[], trail=[record], in_dlq=None).timeline
        assert moment.at == expected
