"""The audit log as records: one line parsed, filtered, without the duplicates of at-least-once delivery."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, ClassVar, Final, Protocol

from lambdas.shared import audit_wire, operator_line
from lambdas.shared.audit_record import MEANING, sets_meaning
from lambdas.shared.clock import parse_iso
from webhookctl.core.audit.seen import SpillingSet
from webhookctl.core.audit.spilling import storable
from webhookctl.core.audit.state import States
from webhookctl.core.logs import POLL_INTERVAL_S, LogEvent

WEBHOOK, OPERATOR = audit_wire.LINE_TYPE, operator_line.LINE_TYPE
"""The `type` of a line: a change of a stored webhook, or something that an operator did."""
_FIRST = ("status", "eventType", "bodySha256", "redactions")
_LATE = timedelta(seconds=30)
"""A line can become readable this much after its own time; following looks back so far."""


_TOLD: Final = ("filter", "file", "counts", "stoppedBy", "error", "paths", "provider", "keyId", "members")
"""Members of an operator's line that say what was done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field that a write changed; None where it was or is not set."""

    field: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.field}: {_shown(self.before)} \u2192 {_shown(self.after)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """One audit line. `line` is the whole of it, completed from the lines before as far as those were read.

    `at` is when the change happened, `written_at` when the line was written.
    `kind` is `audit` or `operator`; `change` is INSERT, MODIFY or REMOVE, or the operator's action. `changed` says
    what: `field: before → after` of the allow-listed fields, or the operation's outcome.
    """

    TABLE: ClassVar = ("at", "webhook_id", "seq", "change", "actor", "changed")
    WHOLE: ClassVar = ("at", "webhook_id")
    SPARE: ClassVar = ("seq", "change")
    at: datetime
    written_at: datetime
    kind: str
    change: str
    actor: str
    webhook_id: str | None = None
    seq: int | None = None
    status: str | None = None
    previous_status: str | None = None
    changed: tuple[str, ...] = ()
    provider: str | None = None
    event_type: str | None = None
    trace_id: str | None = None
    event_id: str = ""
    line: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which records to keep; None keeps all. `actor` matches the whole actor or its part before the colon."""

    webhook_id: str | None = None
    provider: str | None = None
    event_type: str | None = None
    status: str | None = None
    actor: str | None = None

    def keeps(self, record: AuditRecord) -> bool:
        """Return whether a record satisfies every condition."""
        return (
            self.webhook_id in (None, record.webhook_id)
            and self.provider in (None, record.provider)
            and self.event_type in (None, record.event_type)
            and self.status in (None, record.status)
            and self.actor in (None, record.actor, record.actor.partition(":")[0])
        )


class AuditLog(Protocol):
    """Reads the audit log of one environment."""

    def lines(self, wanted: AuditFilter, *, start: datetime, end: datetime | None = None) -> Iterator[LogEvent]:
        """Yield the raw lines of a time window, oldest first. `wanted` only narrows: callers filter again."""
        ...


def parse(event: LogEvent, states: States | None = None) -> AuditRecord | None:
    """Return the record of a log line, None for a line that is not an audit line (the platform writes some too).

    `states` completes it from the lines before.
    """
    line = event.fields()
    kind = line.get("type")
    if kind not in (WEBHOOK, OPERATOR):
        return None
    is_webhook = kind == WEBHOOK
    line = states.complete(line) if is_webhook and states is not None else line
    return AuditRecord(
        at=_moment(line.get("changedAt" if is_webhook else "at"), event.at),
        written_at=event.at,
        kind=kind,
        change=str(line.get("change" if is_webhook else "action", "")),
        actor=str(line.get("actor", "unknown")),
        webhook_id=_text(line.get("webhookId")),
        seq=line["seq"] if isinstance(line.get("seq"), int) else None,
        status=_text(line.get("status" if is_webhook else "outcome")),
        previous_status=_text(line.get("previousStatus")),
        changed=_changed(line) if is_webhook else _done(line),
        provider=_text(line.get("provider")),
        event_type=_text(line.get("eventType")),
        trace_id=_text(line.get("traceId")),
        event_id=str(line.get("streamEventId" if is_webhook else "lineId", event.event_id)),
        line=line,
    )


def records(events: Iterable[LogEvent], wanted: AuditFilter) -> Iterator[AuditRecord]:
    """Yield the wanted records, each once: a stream record that was delivered again has the same event id."""
    with SpillingSet() as seen, States() as states:
        for event in events:
            record = parse(event, states)
            if record is not None and wanted.keeps(record) and seen.add(_key(record)):
                yield record


def _key(record: AuditRecord) -> str:
    """Return what tells a record from others, as a text that can be stored whatever stands in the line."""
    return storable(f"{record.webhook_id}\0{record.event_id}")


def query(
    log: AuditLog, wanted: AuditFilter, *, start: datetime, end: datetime | None = None, limit: int | None = None
) -> Iterator[AuditRecord]:
    """Yield the wanted records of a window, oldest first; the last `limit` of them where it is given."""
    found = records(log.lines(wanted, start=start, end=end), wanted)
    if limit is None:
        return found
    return iter(_last(found, limit))


def follow(
    log: AuditLog,
    wanted: AuditFilter,
    *,
    start: datetime,
    now: Callable[[], datetime],
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[AuditRecord]:
    """Yield the wanted records since `start`, then for ever what arrives, each once."""
    seen: dict[str, datetime] = {}
    while True:
        for record in records(log.lines(wanted, start=start), wanted):
            key = _key(record)
            if key not in seen:
                yield record
            seen[key] = record.at
        start = max(start, now() - _LATE)
        seen = {key: at for key, at in seen.items() if at >= start - _LATE}
        sleep(POLL_INTERVAL_S)


def _changed(line: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a line changed; of a first state what is worth telling."""
    previous = line.get("previous")
    if isinstance(previous, Mapping):
        first_set = MEANING if sets_meaning(line.get("previousStatus"), line.get("status")) else ()
        before = {**previous, **{name: None for name in first_set if name in line and name not in previous}}
        return tuple(str(Change(field=name, before=old, after=line.get(name))) for name, old in before.items())
    shown = _FIRST if line.get("change") == "INSERT" else ("status",)
    return tuple(f"{name}: {line[name]}" for name in shown if name in line)


def _done(line: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what an operator's action came to: outcome, the run that it belongs to, what was meant, how many."""
    told = (f"{name}: {_listed(line[name])}" for name in _TOLD if line.get(name))
    return str(line.get("outcome", "")), *((str(line["actionId"]),) if "actionId" in line else ()), *told


def _listed(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_listed(each)}" for name, each in value.items() if each not in (None, [], {}))
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _last(found: Iterator[AuditRecord], limit: int) -> list[AuditRecord]:
    kept: list[AuditRecord] = []
    while chunk := list(islice(found, limit)):
        kept = [*kept, *chunk][-limit:]
    return kept


def _moment(text: object, otherwise: datetime) -> datetime:
    try:
        return parse_iso(text) if isinstance(text, str) else otherwise
    except ValueError:
        return otherwise


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _shown(value: object) -> str:
    if isinstance(value, Mapping) and {"class", "message"} <= value.keys():  # a last error
        return f"{value['class']}: {value['message']}"
    if isinstance(value, bool):
        return str(value).lower()
    return "-" if value is None else str(value)
