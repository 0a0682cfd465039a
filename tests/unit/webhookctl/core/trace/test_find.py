"""Finding traces: searches that keep to X-Ray's limits, and none where the table knows the trace."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas.shared.webhook import PaymentEvent, StoredWebhook
from tests.fakes_audit import AuditWorld
from tests.trace_summaries import trace_summary
from webhookctl.core.events.parts import PaymentFact
from webhookctl.core.trace.search import trace_ids_of, traces_of
from webhookctl.core.trace.traces import (
    TraceDocuments,
    TraceFilter,
    TraceSummary,
    find_by,
    list_traces,
    read_traces,
    windows,
)
from webhookctl.errors import NotFoundError, UsageError

BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class FakeTraces:
    """Holds summaries; remembers what was asked."""

    found: list[TraceSummary] = field(default_factory=list)
    asked: list[tuple[datetime, datetime, str | None]] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    reason: str | None = None

    def summaries(self, start: datetime, end: datetime, expression: str | None) -> Iterator[TraceSummary]:
        assert end - start <= timedelta(hours=6)
        self.asked.append((start, end, expression))
        return (s for s in self.found if start <= s.started_at < end)

    def traces(self, trace_ids: Sequence[str]) -> list[TraceDocuments]:
        self.batches.append(len(trace_ids))
        return [TraceDocuments(trace_id=trace_id, segments=()) for trace_id in trace_ids if "missing" not in trace_id]

    def hidden_reason(self) -> str | None:
        return self.reason


def _summary(hours_ago: float, **annotations: Any) -> TraceSummary:
    return trace_summary(f"1-{hours_ago}", BEGIN - timedelta(hours=hours_ago), **annotations)


def test_a_long_range_is_read_in_windows_of_six_hours_newest_first() -> None:
    """X-Ray takes no longer ones; the newest are looked for in short ones first. Together they are the whole range."""
    reader = FakeTraces([_summary(h, attempt=1) for h in (20, 1, 7)])
    rows = list_traces(reader, TraceFilter(), start=BEGIN - timedelta(hours=25), end=BEGIN, limit=10)
    assert [row.trace_id for row in rows] == ["1-1", "1-7", "1-20"]
    assert [round((end - start).total_seconds() / 60) for start, end, _ in reader.asked[:6]] == [1, 4, 16, 64, 256, 360]
    assert [end for _, end, _ in reader.asked] == [BEGIN, *(start for start, _, _ in reader.asked[:-1])]
    assert reader.asked[-1][0] == BEGIN - timedelta(hours=25)
    assert list(windows(BEGIN, BEGIN)) == []


def test_the_newest_are_listed_whatever_order_x_ray_answers_in() -> None:
    """It promises none."""
    minutes = (0.4, 0.1, 0.3, 0.2)
    reader = FakeTraces([_summary(minute / 60) for minute in minutes])
    rows = list_traces(reader, TraceFilter(), start=BEGIN - timedelta(hours=1), end=BEGIN, limit=3)
    assert [row.trace_id for row in rows] == [f"1-{minute / 60}" for minute in (0.1, 0.2, 0.3)]


def test_a_trace_that_two_windows_tell_of_is_listed_once() -> None:
    """It began where they meet."""

    class Overlapping(FakeTraces):
        def summaries(self, start: datetime, end: datetime, expression: str | None) -> Iterator[TraceSummary]:
            return super().summaries(start - timedelta(minutes=1), end, expression)

    reader = Overlapping([_summary(1 / 60 + 1 / 3600)])
    rows = list_traces(reader, TraceFilter(), start=BEGIN - timedelta(hours=1), end=BEGIN, limit=3)
    assert len(rows) == 1


@pytest.mark.parametrize(
    ("outcomes", "result"),
    [
        (("accepted", "failed", "failed", "processed"), "processed"),
        (("duplicate", "failed", "already_processed"), "processed"),
        (("accepted", "failed"), "failed"),
        (("duplicate",), "ok"),
    ],
)
def test_a_trace_that_ended_well_is_not_listed_as_failed(outcomes: tuple[str, ...], result: str) -> None:
    """Attempts that failed before are counted, not the result; a duplicate may find its work done."""
    reader = FakeTraces([replace(_summary(1), annotations={"outcome": outcomes})])
    (row,) = list_traces(reader, TraceFilter(), start=BEGIN - timedelta(hours=2), end=BEGIN, limit=5)
    assert row.result == result


def test_no_list_asks_for_more_than_x_ray_keeps() -> None:
    """Thirty days are 120 windows and five short ones; a start in another century adds none."""
    reader = FakeTraces([_summary(1)])
    list_traces(reader, TraceFilter(), start=datetime(1970, 1, 1, tzinfo=UTC), end=BEGIN, limit=5)
    assert len(reader.asked) == 125
    assert min(start for start, _, _ in reader.asked) == BEGIN - timedelta(days=30)


def test_a_list_stops_asking_when_it_is_full() -> None:
    """The newest are enough."""
    reader = FakeTraces([_summary(h) for h in (1, 2, 20)])
    rows = list_traces(reader, TraceFilter(), start=BEGIN - timedelta(days=30), end=BEGIN, limit=2)
    assert len(rows) == 2
    assert len(reader.asked) == 5


def test_whole_traces_are_read_five_at_a_time() -> None:
    """BatchGetTraces takes no more."""
    reader = FakeTraces()
    read_traces(reader, [f"1-{n}" for n in range(12)])
    assert reader.batches == [5, 5, 2]


def test_filters_become_one_expression() -> None:
    """Each option is a term; quotes in values can't end the term."""
    wanted = TraceFilter(errors=True, slow=timedelta(milliseconds=500), provider="stripe", event_type='a"b')
    expression = wanted.expression()
    assert "service() { fault OR error OR throttle } AND responsetime >= 0.5" in expression
    assert expression.endswith('annotation[provider] = "stripe" AND annotation[event_type] = "a\\"b"')


def test_transaction_search_is_named_as_the_reason_for_nothing() -> None:
    """Traces that X-Ray can't show are not reported as absent."""
    reader = FakeTraces(reason="Transaction Search is on")
    with pytest.raises(NotFoundError, match="Transaction Search"):
        list_traces(reader, TraceFilter(), start=BEGIN - timedelta(hours=1), end=BEGIN, limit=5)
    with pytest.raises(NotFoundError, match="Transaction Search"):
        read_traces(reader, ["missing"])


@dataclass
class FakeTable:
    """Knows two webhooks, and which of them a payment's are; a scan would be a mistake."""

    asked: list[str] = field(default_factory=list)

    def get(self, webhook_id: str) -> StoredWebhook | None:
        self.asked.append(webhook_id)
        number = {"stripe:evt_1": 1, "stripe:evt_2": 2}.get(webhook_id)
        row = AuditWorld().receive("evt_1")
        return replace(row, webhook_id=webhook_id, trace_id=f"1-{number}") if number else None

    def scan(self) -> Iterator[StoredWebhook]:
        raise AssertionError

    def facts(self, payment_id: str) -> list[PaymentFact]:
        ids = {"pi_1": ("stripe:evt_2", "stripe:evt_1", "stripe:evt_gone")}.get(payment_id, ())
        event = PaymentEvent(kind="payment.succeeded", payment_id=payment_id)
        return [PaymentFact(webhook_id=id_, provider="stripe", event_type="t", at=BEGIN, event=event) for id_ in ids]


def test_a_payments_traces_come_from_its_index_without_a_scan() -> None:
    """One query for the payment's webhooks; then X-Ray is asked at once for all of them, from the first receipt on."""
    reader, table = FakeTraces(), FakeTable()
    found = trace_ids_of(reader, table, table, now=BEGIN, payment_id="pi_1")
    assert sorted(found) == ["1-1", "1-2"]
    assert table.asked == ["stripe:evt_2", "stripe:evt_1", "stripe:evt_gone"]
    ((start, end, expression),) = reader.asked
    assert (BEGIN - start < timedelta(minutes=2), end) == (True, BEGIN)
    assert expression == 'annotation[webhook_id] = "stripe:evt_2" OR annotation[webhook_id] = "stripe:evt_1"'
    with pytest.raises(NotFoundError, match="pi_2"):
        trace_ids_of(reader, table, table, now=BEGIN, payment_id="pi_2")


def test_traces_of_one_second_stand_in_the_order_of_their_beginning() -> None:
    """Ids tell the second only; which of two comes first in the alphabet is chance."""
    times = {"1-69a42a40-f": 0.1, "1-69a42a40-0": 0.5, "1-69a42a40-8": 0.9}
    found = [replace(_summary(0), trace_id=id_, started_at=BEGIN + timedelta(seconds=s)) for id_, s in times.items()]
    row = replace(AuditWorld(at=BEGIN).receive("evt_1"), trace_id="1-69a42a40-f")
    assert traces_of(FakeTraces(found), [row], now=BEGIN + timedelta(minutes=1)) == [*times]


def test_where_the_row_is_gone_the_annotation_finds_the_trace() -> None:
    """X-Ray is searched over the 30 days that it keeps."""
    reader = FakeTraces([_summary(7)])
    assert trace_ids_of(reader, FakeTable(), FakeTable(), now=BEGIN, event_id="evt_9") == ["1-7"]
    assert reader.asked[0][2] == 'annotation[event_id] = "evt_9"'
    assert len(reader.asked) == 120


@pytest.mark.parametrize("asked", [{}, {"event_id": "evt_1", "payment_id": "pi_1"}])
def test_exactly_one_thing_is_looked_for(asked: dict[str, str]) -> None:
    """None, or two that may contradict each other, is a mistake in the command line."""
    with pytest.raises(UsageError, match="one thing"):
        trace_ids_of(FakeTraces(), FakeTable(), FakeTable(), now=BEGIN, **asked)


def test_the_summaries_found_are_in_order_of_time() -> None:
    """Windows are asked newest first; the answer is oldest first."""
    reader = FakeTraces([_summary(h) for h in (1, 20, 7)])
    found = find_by(reader, "ok", start=BEGIN - timedelta(days=1), end=BEGIN)
    assert [s.trace_id for s in found] == ["1-20", "1-7", "1-1"]
