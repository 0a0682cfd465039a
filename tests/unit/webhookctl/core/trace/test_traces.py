"""Traces: one picture of a webhook's whole way, whatever is missing; searches that keep to X-Ray's limits."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.fakes_audit import AuditWorld
from webhookctl.core.audit.records import AuditRecord, parse
from webhookctl.core.logs import LogEvent
from webhookctl.core.trace.traces import (
    TraceDocuments,
)
from webhookctl.core.trace.tree import build
from webhookctl.core.trace.waterfall import Waterfall

BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)
TRACE = "1-69a42a40-000000000000000000000001"
GATEWAY, LAMBDA, FUNCTION, INVOCATION, RECEIVER = (f"{n:016x}" for n in range(1, 6))
_ids = count(100)


def _document(name: str, start_ms: float, took_ms: float | None, **more: Any) -> dict[str, Any]:
    start = BEGIN.timestamp() + start_ms / 1000
    ends = {"in_progress": True} if took_ms is None else {"end_time": start + took_ms / 1000}
    return {"id": f"{next(_ids):016x}", "name": name, "start_time": start, **ends, **more}


def _attempt(number: int, start_ms: float, took_ms: float, *, passes: bool) -> dict[str, Any]:
    fault = {} if passes else {"fault": True}
    return _document(
        "payment-processor-dev",
        start_ms,
        took_ms,
        parent_id=RECEIVER,
        annotations={"attempt": number, "outcome": "processed" if passes else "failed", "webhook_id": "stripe:evt_1"},
        subsegments=[
            _document("load", start_ms + 1, took_ms / 2),
            _document("normalise", start_ms + 1 + took_ms / 2, took_ms / 2 - 2, **fault),
        ],
        **fault,
    )


def _audited(seq: int, status: str, start_ms: float) -> dict[str, Any]:
    annotations = {"webhook_id": "stripe:evt_1", "outcome": "recorded", "seq": seq, "status": status}
    return _document("audit-logger-dev", start_ms, 2, parent_id=RECEIVER, annotations=annotations)


def _received(*later: dict[str, Any]) -> TraceDocuments:
    """Return the trace of a webhook that was received, and what happened later."""
    receiver = _document(
        "webhook-receiver-dev",
        22,
        48,
        id=RECEIVER,
        parent_id=INVOCATION,
        annotations={
            "provider": "stripe",
            "webhook_id": "stripe:evt_1",
            "event_id": "evt_1",
            "event_type": "payment_intent.succeeded",
            "outcome": "accepted",
        },
        subsegments=[
            _document("verify", 23, 2),
            _document("store", 26, 20, subsegments=[_document("DynamoDB", 26, 20, namespace="aws")]),
            _document("enqueue", 47, 20, subsegments=[_document("SQS", 47, 20, namespace="aws")]),
        ],
    )
    gateway = _document(
        "payment-webhooks-dev/prod",
        0,
        90,
        id=GATEWAY,
        origin="AWS::ApiGateway::Stage",
        http={"response": {"status": 200}},
    )
    service = _document("webhook-receiver-dev", 12, 70, id=LAMBDA, parent_id=GATEWAY, origin="AWS::Lambda")
    function = _document(
        "webhook-receiver-dev",
        14,
        66,
        id=FUNCTION,
        parent_id=LAMBDA,
        origin="AWS::Lambda::Function",
        subsegments=[_document("Invocation", 14, 66, id=INVOCATION)],
    )
    return TraceDocuments(trace_id=TRACE, segments=(gateway, service, function, receiver, *later))


def _failing_twice() -> TraceDocuments:
    """Return the trace of a webhook that failed twice and then passed."""
    return _received(
        _audited(1, "RECEIVED", 300),
        _attempt(1, 120, 40, passes=False),
        _attempt(2, 1170, 30, passes=False),
        _attempt(3, 3210, 60, passes=True),
        _audited(2, "PROCESSED", 3290),
    )


def _redriven() -> Waterfall:
    """Return the picture of a webhook that failed for good and passed after its redrive."""
    world = AuditWorld(at=BEGIN + timedelta(milliseconds=301))
    failed = world.receive("evt_1")
    world.at = BEGIN + timedelta(milliseconds=7301)
    failed = world.fail(failed)
    world.at = BEGIN + timedelta(milliseconds=20_201)
    world.process(failed)
    starts = (120, 1170, 3210, 5250, 7000)
    documents = _received(
        *(_attempt(number, start, 40, passes=False) for number, start in enumerate(starts, start=1)),
        _attempt(1, 20_000, 60, passes=True),
        _audited(1, "RECEIVED", 300),
        _audited(2, "FAILED", 7300),
        _audited(2, "FAILED", 7900),
        _audited(3, "PROCESSED", 20_200),
    )
    return Waterfall(trace=build(documents, _records(world)))


def _records(world: AuditWorld) -> list[AuditRecord]:
    return [record for event in world.log if (record := parse(event)) is not None]


def _drawn(picture: Waterfall, width: int) -> list[str]:
    return list(picture.draw(width, lambda text, *_: text))


def _picture(*, with_logs: bool = False) -> Waterfall:
    world = AuditWorld(at=BEGIN + timedelta(milliseconds=301))
    received = world.receive("evt_1")
    world.at = BEGIN + timedelta(milliseconds=3291)
    world.process(received)
    logs = [
        (whose, LogEvent(at=BEGIN + timedelta(milliseconds=at), group="g", stream="s", message=text, event_id=text))
        for whose, at, text in (
            ("receiver", 71, '{"type":"webhook","outcome":"accepted","durationMs":48,"traceId":"x"}'),
            ("processor", 161, '{"type":"processing","attempt":1,"outcome":"retried","reason":"injected"}'),
            ("processor", 3271, '{"type":"processing","attempt":3,"outcome":"processed"}'),
        )
    ]
    return Waterfall(trace=build(_failing_twice(), _records(world)), logs=tuple(logs) if with_logs else ())


@pytest.mark.parametrize("width", [80, 120])
def test_all_attempts_of_a_webhook_stand_in_one_picture(width: int, snapshot: SnapshotAssertion) -> None:
    """Failed twice, then passed: every attempt, every wait, every audit line, within the terminal's width."""
    lines = _drawn(_picture(), width)
    assert max(map(len, lines)) <= width
    assert sum("payment-processor-dev" in line for line in lines) == 3
    assert sum("✗" in line for line in lines) == 4
    assert "\n".join(lines) == snapshot


@pytest.mark.parametrize("width", [80, 120])
def test_failed_and_redriven_attempts_stand_in_one_picture(width: int, snapshot: SnapshotAssertion) -> None:
    """Five attempts, the time in the DLQ, the attempt after the redrive; an audit line delivered twice stands once."""
    picture = _redriven()
    assert (picture.trace.attempts, picture.trace.outcome) == (6, "processed")
    names = [span.name for span in picture.trace.spans]
    assert names.index("in the DLQ") > names.index("audit line 2: FAILED")
    assert names.count("audit line 2: FAILED") == names.count("in the DLQ") == names.count("in the queue") == 1
    lines = _drawn(picture, width)
    assert max(map(len, lines)) <= width
    assert "\n".join(lines) == snapshot


def test_log_lines_stand_between_the_bars_by_time(snapshot: SnapshotAssertion) -> None:
    """Each after the bar that it came with."""
    assert "\n".join(_drawn(_picture(with_logs=True), 100)) == snapshot


@pytest.mark.parametrize("width", [40, 60, 200])
def test_a_picture_never_exceeds_its_width(width: int) -> None:
    """Narrow terminals cut names, not bars."""
    assert max(map(len, _drawn(_picture(with_logs=True), width))) <= max(width, 45)


def test_the_wait_in_the_queue_is_told_before_each_attempt() -> None:
    """From enqueue, or the attempt before, until the processor began."""
    waits = [span for span in _picture().trace.spans if span.kind == "wait"]
    assert [span.name for span in waits] == ["in the queue", "in the queue again", "in the queue again"]
    assert [round(span.took_s * 1000) for span in waits] == [53, 1010, 2010]


def test_an_audit_line_that_the_log_lacks_is_marked() -> None:
    """The audit logger says that it wrote it."""
    spans = build(_failing_twice(), []).spans
    notes = {span.name: span.note for span in spans if span.kind == "audit"}
    assert notes == dict.fromkeys(("audit line 1: RECEIVED", "audit line 2: PROCESSED"), "not in the log")


def test_a_clock_that_runs_slow_is_clamped_and_said() -> None:
    """A child can't begin before its parent: it is moved there, and marked."""
    parent = _document("receiver", 100, 50, id=RECEIVER)
    child = _document("processor", 40, 80, parent_id=RECEIVER)
    spans = build(TraceDocuments(trace_id=TRACE, segments=(parent, child))).spans
    assert spans[1].start_s >= spans[0].start_s
    assert spans[1].note == "clock -60 ms"


@pytest.mark.parametrize("off_ms", [-3_600_000, -60, 0, 60])
def test_a_childs_clock_never_stretches_the_picture(off_ms: int) -> None:
    """Whatever Lambda's clock says, it works within the gateway's time; its steps move with it, and last as long."""
    gateway = _document("stage", 0, 50, id=GATEWAY, origin="AWS::ApiGateway::Stage")
    verify, store = _document("verify", off_ms + 12, 5), _document("store", off_ms + 20, 15)
    receiver = _document("receiver", off_ms + 10, 30, parent_id=GATEWAY, subsegments=[verify, store])
    tree = build(TraceDocuments(trace_id=TRACE, segments=(gateway, receiver)))
    assert tree.started_at == BEGIN
    assert tree.duration_s == pytest.approx(0.05)
    _, moved, *steps = tree.spans
    assert 0 <= moved.start_s <= moved.end_s <= tree.duration_s + 1e-6
    assert moved.took_s == pytest.approx(0.03)
    told = [(round(1000 * (step.start_s - moved.start_s)), round(1000 * step.took_s), step.note) for step in steps]
    assert told == [(2, 5, ""), (10, 15, "")]
    assert moved.note == {-3_600_000: "clock -1:00:00", -60: "clock -50 ms", 0: "", 60: "clock +50 ms"}[off_ms]


def test_what_a_queue_delivers_later_is_no_clocks_fault() -> None:
    """The receiver does not wait for the processor: it may begin any time after."""
    receiver = _document("receiver", 0, 50, id=RECEIVER)
    processor = _document("processor", 60_000, 20, parent_id=RECEIVER)
    tree = build(TraceDocuments(trace_id=TRACE, segments=(receiver, processor)))
    assert tree.duration_s == pytest.approx(60.02)
    assert tree.spans[1].note == ""


def test_a_processor_whose_clock_runs_slow_still_stands_behind_its_queue() -> None:
    """When it began is not known; that the message was sent before is."""
    tree = build(_received(_attempt(1, -500, 40, passes=True)))
    names = [span.name for span in tree.spans]
    assert names.index("enqueue") < names.index("in the queue") < names.index("payment-processor-dev")
    assert tree.spans[names.index("in the queue")].took_s == 0
    assert tree.spans[names.index("payment-processor-dev")].note == "clock -522 ms"


def test_a_segment_that_ends_before_it_starts_is_marked() -> None:
    """It takes no time, and the picture is no longer for it."""
    backwards = _document("processor", 100, -4000, parent_id=RECEIVER)
    tree = build(TraceDocuments(trace_id=TRACE, segments=(_document("receiver", 0, 500, id=RECEIVER), backwards)))
    assert tree.started_at == BEGIN
    assert tree.duration_s == pytest.approx(0.5)
    assert (tree.spans[1].took_s, tree.spans[1].note) == (0.0, "ends before start")
    assert "  pro… [ends before start]" in "\n".join(_drawn(Waterfall(trace=tree), 66))


def test_an_audit_line_never_stands_before_its_trace_or_its_bar() -> None:
    """The audit logger's clock runs slow: its bar is marked, and the line stands in it; without a bar the line is."""
    world = AuditWorld(at=BEGIN - timedelta(seconds=60))
    world.receive("evt_1")
    bar, line = build(_received(_audited(1, "RECEIVED", -60_000)), _records(world)).spans[-2:]
    assert (bar.note, line.name, line.note) == ("clock -60.02 s", "audit line 1: RECEIVED", "")
    assert line.start_s == bar.start_s
    alone = build(_received(), _records(world)).spans[-1]
    assert (alone.start_s, alone.note) == (0.0, "clock -60.00 s")


def test_a_segment_in_progress_reaches_to_the_end_and_is_marked() -> None:
    """It has no end yet."""
    documents = (_document("receiver", 0, 500, id=RECEIVER), _document("processor", 100, None, parent_id=RECEIVER))
    span = build(TraceDocuments(trace_id=TRACE, segments=documents)).spans[1]
    assert span.note == "in progress"
    assert span.end_s == pytest.approx(0.5)


def test_what_hangs_from_a_missing_segment_is_shown_below_a_mark() -> None:
    """A subsegment without its segment is not lost."""
    orphan = _document("store", 10, 20, parent_id="f" * 16, type="subsegment")
    spans = build(TraceDocuments(trace_id=TRACE, segments=(orphan,))).spans
    assert [(span.name, span.note) for span in spans] == [("(segment missing)", "missing"), ("store", "")]


def test_a_segment_whose_parent_never_came_is_shown_below_a_mark() -> None:
    """Only above the gateway stands the caller, who is in no trace of ours."""
    lost = _document("processor", 10, 20, parent_id="f" * 16)
    spans = build(TraceDocuments(trace_id=TRACE, segments=(lost,))).spans
    assert [(span.name, span.note) for span in spans] == [("(segment missing)", "missing"), ("processor", "")]
    called = _document("stage", 10, 20, parent_id="f" * 16, origin="AWS::ApiGateway::Stage")
    assert [span.note for span in build(TraceDocuments(trace_id=TRACE, segments=(called,))).spans] == [""]


def test_a_loop_of_parents_still_gives_a_picture() -> None:
    """Absurd documents are drawn, each once."""
    a = _document("a", 0, 10, id=LAMBDA, parent_id=RECEIVER)
    b = _document("b", 0, 10, id=RECEIVER, parent_id=LAMBDA)
    assert len(build(TraceDocuments(trace_id=TRACE, segments=(a, b))).spans) == 2
    assert build(TraceDocuments(trace_id=TRACE, segments=())).spans == ()
