"""A trace's documents as a flat list of spans in the order of a picture, with what lies between them.

Incomplete traces are normal: a parent that never came is a span of its own (`missing`), a span without end reaches to
the end of the trace (`in_progress`), and one that begins before its parent, because another machine's clock runs
slow, is moved to the parent's start (`clamped`).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from webhookctl.core.audit.records import AuditRecord
from webhookctl.core.trace.traces import TraceDocuments, moment

_GATEWAY = "AWS::ApiGateway::Stage"
"""The outermost segment of ours: what it names as its parent is the caller's own, and never in the trace."""
_LAYERS = {_GATEWAY: "API Gateway", "AWS::Lambda": "Lambda"}
_PLUMBING = frozenset({"Invocation", "Overhead"})
"""Subsegments of the Lambda service that repeat the bar above them; as one for an AWS call repeats its step's."""
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


@dataclass(slots=True)
class _Raw:
    document: Mapping[str, Any]
    is_segment: bool
    parent_id: str | None
    children: list["_Raw"] = field(default_factory=list)

    @property
    def start(self) -> float:
        return float(self.document.get("start_time") or 0.0)


def build(trace: TraceDocuments, audit: Iterable[AuditRecord] = ()) -> TraceTree:
    """Return the tree of a trace. An audit record stands below the audit logger's bar, at the moment of writing.

    Where the audit logger left no bar, its records stand at the end.
    """
    roots, everything = _forest(trace)
    times = [raw.start for raw in everything] + [float(raw.document.get("end_time") or raw.start) for raw in everything]
    begin, end = (min(times), max(times)) if times else (0.0, 0.0)
    spans: list[Span] = []
    for root in roots:
        spans += _spans(root, begin=begin, end=end, depth=0, floor=begin)
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


def _forest(trace: TraceDocuments) -> tuple[list[_Raw], list[_Raw]]:
    by_id: dict[str, _Raw] = {}
    for document in trace.segments:
        _collect(document, document.get("parent_id"), by_id, is_segment=document.get("type") != "subsegment")
    waiting: dict[str, list[_Raw]] = defaultdict(list)
    roots: list[_Raw] = []
    for raw in sorted(by_id.values(), key=lambda raw: raw.start):
        parent = by_id.get(raw.parent_id or "")
        if parent is not None and not _is_above(raw, parent, by_id):
            parent.children.append(raw)
        elif raw.parent_id and parent is None and raw.document.get("origin") != _GATEWAY:
            waiting[raw.parent_id].append(raw)
        else:
            roots.append(raw)
    roots += [_Raw({"id": id_, "name": "(segment missing)"}, True, None, children) for id_, children in waiting.items()]
    return sorted(roots, key=_first_start), list(by_id.values())


def _collect(document: Mapping[str, Any], parent_id: str | None, by_id: dict[str, _Raw], *, is_segment: bool) -> None:
    raw = _Raw(document, is_segment, parent_id)
    by_id[str(document.get("id"))] = raw
    for child in document.get("subsegments") or ():
        _collect(child, str(document.get("id")), by_id, is_segment=False)


def _is_above(raw: _Raw, parent: _Raw, by_id: Mapping[str, _Raw]) -> bool:
    """Return whether `raw` lies above `parent`, so that hanging it below would close a loop."""
    seen: set[int] = set()
    current: _Raw | None = parent
    while current is not None and id(current) not in seen:
        if current is raw:
            return True
        seen.add(id(current))
        current = by_id.get(current.parent_id or "")
    return False


def _first_start(raw: _Raw) -> float:
    return raw.start or min((child.start for child in raw.children), default=0.0)


def _spans(raw: _Raw, *, begin: float, end: float, depth: int, floor: float) -> Iterator[Span]:
    """Yield a span and what lies in it. `floor`: the parent's start, before which nothing can have begun."""
    document = raw.document
    if _is_plumbing(raw):
        for child in raw.children:
            yield from _spans(child, begin=begin, end=end, depth=depth, floor=floor)
        return
    notes, start = [], _first_start(raw)
    if not document.get("start_time"):
        notes.append("missing")
    if start < floor:
        notes.append(f"clock {1000 * (start - floor):+.0f} ms")
    shown = max(start, floor)
    if document.get("in_progress"):
        notes.append("in progress")
    last = document.get("end_time") or (end if document.get("in_progress") else start)
    response = (document.get("http") or {}).get("response") or {}
    yield Span(
        id=str(document.get("id")),
        name=_name(document),
        kind="segment" if raw.is_segment else "step",
        depth=depth,
        start_s=round(shown - begin, 6),
        took_s=round(max(float(last) - shown, 0.0), 6),
        result=_result(document),
        note=", ".join(notes),
        status=response.get("status"),
        annotations=document.get("annotations") or {},
    )
    for child in sorted(raw.children, key=lambda child: child.start):
        yield from _spans(child, begin=begin, end=end, depth=depth + 1, floor=shown)


def _is_plumbing(raw: _Raw) -> bool:
    """Return whether a bar only repeats what the one above it says: Lambda's function within Lambda."""
    if not raw.is_segment:
        return raw.document.get("name") in _PLUMBING or raw.document.get("namespace") == "aws"
    return raw.document.get("origin") == "AWS::Lambda::Function" and bool(raw.parent_id) and bool(raw.children)


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
            yield _audit_span(record, begin, depth=span.depth + 1) if record else _absent(span)
    yield from (_audit_span(record, begin) for seq, record in records.items() if seq not in told)


def _audit_span(record: AuditRecord, begin: float, depth: int = 0) -> Span:
    at = max(record.written_at.timestamp() - begin, 0.0)
    return Span(
        id=record.event_id,
        name=f"audit line {record.seq}: {record.status}",
        kind="audit",
        depth=depth,
        start_s=round(at, 6),
        took_s=0.0,
        result="ok",
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
