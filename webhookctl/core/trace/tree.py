"""A trace's documents as a flat list of spans in the order of a picture, with what lies between them.

Incomplete traces are normal: a parent that never came is a span of its own (`missing`), a span without end reaches to
the end of the trace (`in_progress`), and one that another machine's clock puts where it can't have been is moved
(`clock`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from webhookctl.core.audit.records import AuditRecord
from webhookctl.core.trace.clock import Bar, bars, clock_note
from webhookctl.core.trace.forest import GATEWAY, forest
from webhookctl.core.trace.traces import TraceDocuments, moment

_LAYERS = {GATEWAY: "API Gateway", "AWS::Lambda": "Lambda"}
_SEND = "enqueue"
_WORK, _RECORD = "attempt", "seq"
"""Annotations that only the processor's and the audit logger's segments have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One bar. Times are seconds from the trace's start; `depth` is how far it is indented.

    `kind`: segment, step, wait (in the queue) or audit. `note` says what is odd: missing, in progress, clock.
    """

    TABLE: ClassVar = ("name", "start_s", "took_s", "result", "note")
    id: str
    name: str
    kind: str
    depth: int
    start_s: float
    took_s: float
    result: str
    note: str = ""
    status: int | None = None
    annotations: Mapping[str, Any] = field(default_factory=dict)

    @property
    def end_s(self) -> float:
        """Return the seconds from the trace's start to its end."""
        return self.start_s + self.took_s


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceTree:
    """A whole trip: spans in drawing order, and what all of them share."""

    trace_id: str
    started_at: datetime
    duration_s: float
    webhook_id: str | None
    event_type: str | None
    outcome: str | None
    attempts: int
    spans: tuple[Span, ...]
    limit_exceeded: bool = False


def build(trace: TraceDocuments, audit: Iterable[AuditRecord] = ()) -> TraceTree:
    """Return the tree of a trace. An audit record stands below the audit logger's bar, at the moment of writing.

    Where the audit logger left no bar, its records stand at the end.
    """
    drawn = list(bars(forest(trace.segments)))
    begin = min((bar.start for bar in drawn), default=0.0)
    end = max((bar.end or bar.start for bar in drawn), default=0.0)
    spans = [_span(bar, begin, end) for bar in drawn]
    found = {key: value for span in spans if _RECORD not in span.annotations for key, value in span.annotations.items()}
    spans = list(_with_records(_with_waits(spans), {record.seq: record for record in audit}, begin))
    attempts = [span for span in spans if _WORK in span.annotations]
    return TraceTree(
        trace_id=trace.trace_id,
        started_at=moment(begin),
        duration_s=max([end - begin, *(span.end_s for span in spans)]),
        webhook_id=found.get("webhook_id"),
        event_type=found.get("event_type"),
        outcome=str(attempts[-1].annotations.get("outcome")) if attempts else found.get("outcome"),
        attempts=len(attempts),
        spans=tuple(spans),
        limit_exceeded=trace.limit_exceeded,
    )


def _span(bar: Bar, begin: float, end: float) -> Span:
    document = bar.node.document
    response = (document.get("http") or {}).get("response") or {}
    return Span(
        id=str(document.get("id")),
        name=_name(document),
        kind="segment" if bar.node.is_segment else "step",
        depth=bar.depth,
        start_s=round(bar.start - begin, 6),
        took_s=round((end if bar.end is None else bar.end) - bar.start, 6),
        result=_result(document),
        note=bar.note,
        status=response.get("status"),
        annotations=document.get("annotations") or {},
    )


def _name(document: Mapping[str, Any]) -> str:
    layer = _LAYERS.get(str(document.get("origin")))
    return f"{document.get('name')} ({layer})" if layer else str(document.get("name"))


def _result(document: Mapping[str, Any]) -> str:
    return next((flag for flag in ("throttle", "fault", "error") if document.get(flag)), "ok")


def _with_waits(spans: list[Span]) -> Iterator[Span]:
    """Yield the spans with the time that the webhook lay in a queue before each attempt to process it.

    A redriven message is a new one, whose attempts are counted from 1 again.
    """
    since: float | None = None
    tried = False
    for span in spans:
        if _WORK in span.annotations and since is not None:
            is_first = span.annotations[_WORK] == 1
            yield Span(
                id=f"{span.id}-wait",
                name=("in the DLQ" if tried else "in the queue") if is_first else "in the queue again",
                kind="wait",
                depth=span.depth,
                start_s=since,
                took_s=round(max(span.start_s - since, 0.0), 6),
                result="ok",
            )
        if span.name == _SEND or _WORK in span.annotations:
            since = span.end_s
            tried = _WORK in span.annotations
        yield span


def _with_records(spans: Iterable[Span], records: dict[int | None, AuditRecord], begin: float) -> Iterator[Span]:
    """Yield the spans with each audit line below the bar of its writing, once: a record delivered again has two bars.

    A line that the audit logger says it wrote, but that the log does not hold, is marked.
    """
    told: set[Any] = set()
    for span in spans:
        seq = span.annotations.get(_RECORD)
        if seq is None:
            yield span
        elif seq not in told:
            told.add(seq)
            yield span
            record = records.get(seq)
            yield _audit_span(record, begin, below=span) if record else _absent(span)
    yield from (_audit_span(record, begin) for seq, record in records.items() if seq not in told)


def _audit_span(record: AuditRecord, begin: float, *, below: Span | None = None) -> Span:
    """Return the span of an audit line, never before the bar of its writing, nor before the trace."""
    written = record.written_at.timestamp() - begin
    return Span(
        id=record.event_id,
        name=f"audit line {record.seq}: {record.status}",
        kind="audit",
        depth=below.depth + 1 if below else 0,
        start_s=round(max(written, below.start_s if below else 0.0), 6),
        took_s=0.0,
        result="ok",
        note="" if below else clock_note(min(written, 0.0)),
    )


def _absent(span: Span) -> Span:
    return Span(
        id=f"{span.id}-line",
        name=f"audit line {span.annotations[_RECORD]}: {span.annotations.get('status')}",
        kind="audit",
        depth=span.depth + 1,
        start_s=span.end_s,
        took_s=0.0,
        result="ok",
        note="not in the log",
    )
