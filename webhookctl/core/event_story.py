"""One webhook's whole story: every delivery, every try, every write, where it stands now, and its payload, masked."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from lambdas.shared.clock import parse_iso
from lambdas.shared.webhook import Status, StoredWebhook
from webhookctl.core.audit.records import AuditRecord
from webhookctl.core.logs import LogEvent
from webhookctl.core.trace.search import TRACE_ID, webhook_traces
from webhookctl.core.trace.traces import TraceReader, begun, readable
from webhookctl.core.trace.tree import TraceTree, build

_TOLD_SPANS: Final = ("segment", "wait")
_SHORT: Final = 8
"""Digits of a trace's id that a line has room for."""
_STREAM_PRECISION: Final = timedelta(seconds=1)
HIDDEN: Final = "[hidden]"
SHOWN: Final = frozenset(
    {
        *("id", "object", "type", "status", "state", "reason", "currency", "currency_code", "amount", "value", "total"),
        *("event_id", "event_type", "event_version", "resource_type", "resource_version", "api_version", "merchant_id"),
        *("payment_intent", "payment_id", "charge", "refund_id", "sale_id", "capture_id", "object_id", "order_id"),
        *(
            "created",
            "created_at",
            "create_time",
            "updated_at",
            "update_time",
            "location_id",
            "version",
            "rel",
            "method",
        ),
    }
)
"""Names whose text is no person's and no secret. Everything else that is text is hidden unless asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One thing that happened. `source` is receiver, processor, audit, operator or trace.

    `trace_id` is the trace in which it happened, None where it was not sampled or that is not known.
    """

    TABLE: ClassVar = ("when", "source", "trace", "what", "detail")
    WHOLE: ClassVar = ("when", "source", "trace")
    at: datetime
    source: str
    what: str
    detail: str
    trace_id: str | None = None

    @property
    def when(self) -> str:
        """The time in UTC, short: the year stands above the timeline."""
        return f"{self.at:%m-%d %H:%M:%S}.{self.at.microsecond // 1000:03}"

    @property
    def trace(self) -> str | None:
        """The end of the trace's id, which tells it from the others in `trace_ids`."""
        return self.trace_id[-_SHORT:] if self.trace_id else None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStory:
    """The webhook's state, whether its message is a dead letter (None: not looked), its timeline and its payload.

    `trace_ids` are those of all deliveries, oldest first: `trace show` takes each.
    """

    state: Mapping[str, Any]
    in_dlq: bool | None
    trace_ids: tuple[str, ...]
    timeline: tuple[Moment, ...]
    payload: Any = field(repr=False)

    def members(self) -> dict[str, Any]:
        """Return it all as one mapping, the state's members first."""
        return {
            **self.state,
            "in_dlq": self.in_dlq,
            "trace_ids": list(self.trace_ids),
            "timeline": list(self.timeline),
            "payload": self.payload,
        }


def traces_of(webhook: StoredWebhook, reader: TraceReader, *, now: datetime) -> list[TraceTree]:
    """Return the webhook's traces, one from each delivery; without those that were not sampled, or are gone."""
    ids = webhook_traces(reader, webhook, webhook.webhook_id, now=now)
    return [build(found) for found in readable(reader, ids)]


def unheard(trees: Iterable[TraceTree], log: Iterable[tuple[str, LogEvent]]) -> list[TraceTree]:
    """Return the traces that no line of the webhook names.

    The receiver's line of a delivery that it could not take (503) names the trace and not the webhook.
    """
    heard = {event.fields().get("traceId") for _, event in log}
    return [tree for tree in trees if tree.trace_id not in heard]


def may_be_dead(webhook: StoredWebhook) -> bool:
    """Say whether it is worth looking into the dead-letter queue."""
    return webhook.status in (Status.RECEIVED, Status.FAILED)


def tell(
    webhook: StoredWebhook,
    *,
    log: Iterable[tuple[str, LogEvent]],
    trail: Iterable[AuditRecord],
    in_dlq: bool | None,
    traces: Iterable[TraceTree] = (),
    with_payload: bool = False,
) -> EventStory:
    """Put the story together. `log` are (function, line) pairs that may concern other webhooks too."""
    trees = list(traces)
    ids = {tree.trace_id for tree in trees}
    lines = [(source, event, event.fields()) for source, event in log]
    moments = [_told(source, event, line) for source, event, line in lines if _is_about(line, webhook, ids)]
    moments += [_written(record) for record in trail]
    moments += [moment for tree in trees for moment in _traced(tree)]
    moments.sort(key=lambda moment: moment.at)
    named = [_trace_id(webhook.trace_id), *(moment.trace_id for moment in moments)]
    return EventStory(
        state=state_of(webhook),
        in_dlq=in_dlq,
        trace_ids=tuple(dict.fromkeys(sorted((name for name in named if name), key=begun))),
        timeline=tuple(moments),
        payload=payload_of(webhook.body, is_masked=not with_payload),
    )


def state_of(webhook: StoredWebhook) -> dict[str, Any]:
    """Return the stored state without the body, the event's meaning beside the other members."""
    state: dict[str, Any] = {}
    for member in fields(webhook):
        value = getattr(webhook, member.name)
        if member.name == "body":
            state["body_bytes"] = len(value)
        elif member.name == "event":
            state |= {f.name: getattr(value, f.name) for f in fields(value)} if value is not None else {}
        else:
            state[member.name] = value
    return state


def payload_of(body: bytes, *, is_masked: bool) -> Any:  # noqa: ANN401 - any JSON
    """Return the parsed payload; masked, only what `SHOWN` names keeps its text. None when it is not JSON."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return _masked(parsed, "") if is_masked else parsed


def _masked(value: object, name: str) -> object:
    if isinstance(value, dict):
        return {key: _masked(member, key) for key, member in value.items()}
    if isinstance(value, list):
        return [_masked(member, name) for member in value]
    return HIDDEN if isinstance(value, str) and value and name not in SHOWN else value


def _is_about(line: Mapping[str, Any], webhook: StoredWebhook, trace_ids: Collection[str]) -> bool:
    is_named = line.get("webhookId") == webhook.webhook_id
    is_refused = "webhookId" not in line and line.get("traceId") in trace_ids
    return (is_named or is_refused) and line.get("type") in ("webhook", "processing")


def _told(source: str, event: LogEvent, line: Mapping[str, Any]) -> Moment:
    attempt = f"attempt {line['attempt']}: " if "attempt" in line else "delivery: "
    error = ": ".join(str(line[name]) for name in ("errorClass", "error") if name in line)
    again = f"again in {line['delayS']} s" if line.get("outcome") == "retried" and "delayS" in line else ""
    told = [error, again, f"{line['durationMs']} ms" if "durationMs" in line else ""]
    at = parse_iso(str(line["time"])) if "time" in line else event.at
    return Moment(
        at=at,
        source=source,
        what=attempt + str(line.get("outcome", "")),
        detail=", ".join(filter(None, told)),
        trace_id=_trace_id(line.get("traceId")),
    )


def _written(record: AuditRecord) -> Moment:
    chained = {True: "", False: "NOT in the chain", None: ""}[record.line.get("isChained")]
    detail = ", ".join(filter(None, [*record.changed, f"by {record.actor}", chained]))
    what = f"seq {record.seq}: {record.status}" if record.seq is not None else record.change
    is_receipt = record.change == "INSERT"  # later lines repeat the first delivery's trace, whoever wrote
    return Moment(
        at=_written_at(record),
        source="audit" if record.kind == "audit" else "operator",
        what=what,
        detail=detail,
        trace_id=_trace_id(record.trace_id) if is_receipt else None,
    )


def _written_at(record: AuditRecord) -> datetime:
    """Return when a change was written: the stream tells that to the second, the state itself when it came about."""
    error = record.line.get("lastError")
    told = {
        Status.RECEIVED.value: record.line.get("receivedAt"),
        Status.PROCESSED.value: record.line.get("processedAt"),
        Status.FAILED.value: error.get("at") if isinstance(error, Mapping) else None,
    }.get(record.status or "")
    try:
        at = parse_iso(str(told))
    except ValueError:
        return record.at
    return at if timedelta(0) < at - record.at < _STREAM_PRECISION else record.at


def _trace_id(value: object) -> str | None:
    return value if isinstance(value, str) and TRACE_ID.fullmatch(value) else None


def _traced(tree: TraceTree) -> Iterator[Moment]:
    """Tell of each service that took part; the steps within stand in `trace show`."""
    for span in tree.spans:
        if span.kind in _TOLD_SPANS:
            took = f"{span.took_s * 1000:.0f} ms"
            yield Moment(
                at=tree.started_at + timedelta(seconds=span.start_s),
                source="trace",
                what=span.name,
                detail=", ".join(filter(None, [took, span.result, span.note])),
                trace_id=tree.trace_id,
            )
