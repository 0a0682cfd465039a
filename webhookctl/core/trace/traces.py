"""Traces: finding them, reading them whole. What a trace looks like is in `tree` and `waterfall`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import nlargest
from itertools import chain
from typing import Any, ClassVar, Protocol

from webhookctl.errors import NotFoundError

WINDOW = timedelta(hours=6)
"""The longest time range that GetTraceSummaries takes."""
_FIRST_WINDOW, _GROWTH = timedelta(minutes=1), 4
"""What a list of the newest reads first, and how much longer each further window is."""
BATCH = 5
"""The most ids of one BatchGetTraces."""
FIND_BACK = timedelta(days=30)
"""X-Ray keeps traces so long."""

_DONE = frozenset({"processed", "already_processed"})
"""Outcomes after which nothing is left to do; the latter of a message about what another one carried out."""
_AT_THE_GATEWAY = '(annotation.provider OR service(id(type: "AWS::ApiGateway::Stage")))'
"""Leaves out the traces that the Lambda service begins for queue and stream invocations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSummary:
    """What a trace is about, without its segments. `annotations`: key -> values, of all segments together."""

    trace_id: str
    started_at: datetime
    duration_s: float
    response_s: float | None
    status: int | None
    fault: bool
    error: bool
    throttle: bool
    partial: bool
    annotations: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def first(self, key: str) -> Any:  # noqa: ANN401 - an annotation is text, a number or a boolean
        """Return an annotation's first value, None where there is none."""
        return next(iter(self.annotations.get(key, ())), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceDocuments:
    """A whole trace: its segment documents as X-Ray gives them back."""

    trace_id: str
    segments: tuple[Mapping[str, Any], ...]
    limit_exceeded: bool = False


class ReasonReader(Protocol):
    """Knows why X-Ray shows less than there is."""

    def hidden_reason(self) -> str | None:
        """Say why traces can't be read though they exist (Transaction Search took them over), None when all can."""
        ...


class TraceReader(ReasonReader, Protocol):
    """Reads X-Ray."""

    def summaries(self, start: datetime, end: datetime, expression: str | None) -> Iterator[TraceSummary]:
        """Yield the summaries of one window of at most six hours."""
        ...

    def traces(self, trace_ids: Sequence[str]) -> list[TraceDocuments]:
        """Return at most five whole traces; unknown ids are left out."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceRow:
    """One line of `trace list`. `response_ms` is the gateway's answer, `total_ms` until the last segment ended.

    `name` is what `trace show` takes: the webhook's id, or the trace's where no webhook came of the request.
    """

    TABLE: ClassVar = (
        "started_at",
        "name",
        "result",
        "status",
        "response_ms",
        "total_ms",
        "attempts",
        "trace_id",
    )
    WHOLE: ClassVar = ("started_at", "name", "trace_id")
    SPARE: ClassVar = ("trace_id", "response_ms", "attempts", "status", "total_ms")
    started_at: datetime
    name: str
    trace_id: str
    result: str
    status: int | None
    response_ms: float | None
    total_ms: float
    attempts: int | None
    provider: str | None
    event_type: str | None
    webhook_id: str | None
    outcomes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceFilter:
    """What `trace list` keeps; None keeps all. `slow`: the gateway's answer took at least so long."""

    errors: bool = False
    slow: timedelta | None = None
    provider: str | None = None
    event_type: str | None = None

    def expression(self) -> str:
        """Return X-Ray's filter expression."""
        terms = [_AT_THE_GATEWAY]
        if self.errors:
            terms.append("service() { fault OR error OR throttle }")
        if self.slow is not None:
            terms.append(f"responsetime >= {self.slow.total_seconds():g}")
        terms += [annotation(k, v) for k, v in (("provider", self.provider), ("event_type", self.event_type)) if v]
        return " AND ".join(terms)


def annotation(key: str, value: str) -> str:
    """Return the filter expression for an annotation's value."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'annotation[{key}] = "{escaped}"'


def windows(start: datetime, end: datetime, *, first: timedelta = WINDOW) -> Iterator[tuple[datetime, datetime]]:
    """Yield the range in pieces that X-Ray takes, the newest first: one as long as `first`, then longer ones."""
    width = first
    while end > start:
        begin = max(start, end - width)
        yield begin, end
        end, width = begin, min(width * _GROWTH, WINDOW)


def list_traces(
    reader: TraceReader, wanted: TraceFilter, *, start: datetime, end: datetime, limit: int
) -> list[TraceRow]:
    """Return the newest traces of webhooks, newest first. Raises NotFoundError when X-Ray can't show any.

    X-Ray answers in no promised order, so each window is read whole: short ones first, not to read much too much.
    """
    newest: dict[str, TraceSummary] = {}
    for begin, until in windows(max(start, end - FIND_BACK), end, first=_FIRST_WINDOW):
        found = reader.summaries(begin, until, wanted.expression())
        others = (summary for summary in found if summary.trace_id not in newest)  # both windows have what is between
        read = nlargest(limit, chain(newest.values(), others), key=lambda summary: summary.started_at)
        newest = {summary.trace_id: summary for summary in read}
        if len(newest) >= limit:
            break
    if not newest:
        explain_nothing(reader)
    return [_row(summary) for summary in newest.values()]


def find_by(reader: TraceReader, expression: str, *, start: datetime, end: datetime) -> list[TraceSummary]:
    """Return the summaries that satisfy an expression, oldest first."""
    found = (s for begin, until in windows(start, end) for s in reader.summaries(begin, until, expression))
    return sorted(found, key=lambda s: s.started_at)


def readable(reader: TraceReader, trace_ids: Iterable[str]) -> list[TraceDocuments]:
    """Return those whole traces that X-Ray has, in batches."""
    ids = list(dict.fromkeys(trace_ids))
    return [t for at in range(0, len(ids), BATCH) for t in reader.traces(ids[at : at + BATCH])]


def read_traces(reader: TraceReader, trace_ids: Iterable[str]) -> list[TraceDocuments]:
    """Return whole traces in batches. Raises NotFoundError when none is there."""
    ids = list(dict.fromkeys(trace_ids))
    found = readable(reader, ids)
    if not found:
        explain_nothing(reader)
        raise NotFoundError(
            f"X-Ray has no trace {', '.join(ids)}", hint="it was not sampled, is older than 30 days, or not there yet"
        )
    return found


def explain_nothing(reader: ReasonReader) -> None:
    """Raise NotFoundError with the reason why traces that exist can't be read, if there is one."""
    reason = reader.hidden_reason()
    if reason is not None:
        raise NotFoundError(reason, hint="docs/aws.md says how to read traces with Transaction Search")


def _row(summary: TraceSummary) -> TraceRow:
    attempts = [value for value in summary.annotations.get("attempt", ()) if isinstance(value, int | float)]
    outcomes = tuple(str(value) for value in summary.annotations.get("outcome", ()))
    return TraceRow(
        started_at=summary.started_at,
        name=summary.first("webhook_id") or summary.trace_id,
        trace_id=summary.trace_id,
        result=_result(summary, outcomes),
        status=summary.status,
        response_ms=None if summary.response_s is None else round(summary.response_s * 1000, 1),
        total_ms=round(summary.duration_s * 1000, 1),
        attempts=int(max(attempts)) if attempts else None,
        provider=summary.first("provider"),
        event_type=summary.first("event_type"),
        webhook_id=summary.first("webhook_id"),
        outcomes=outcomes,
    )


def _result(summary: TraceSummary, outcomes: tuple[str, ...]) -> str:
    flags = (
        (summary.throttle, "throttle"),
        (summary.fault, "fault"),
        (summary.error, "error"),
        (summary.partial, "in progress"),
        (not _DONE.isdisjoint(outcomes), "processed"),
        ("failed" in outcomes, "failed"),
    )
    return next((name for flag, name in flags if flag), "ok")


def moment(seconds: float) -> datetime:
    """Return the aware UTC time of epoch seconds."""
    return datetime.fromtimestamp(seconds, UTC)


def begun(trace_id: str) -> datetime:
    """Return when a trace began: its id says so, to the second."""
    return moment(int(trace_id.split("-")[1], 16))
