"""One webhook's timeline: each audit record with what it changed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from webhookctl.core.audit import WEBHOOK, AuditRecord, changes
from webhookctl.errors import NotFoundError


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One moment of a webhook's life.

    `changed` lists `field: before -> after`; the first step lists what is worth telling of the first state.
    """

    TABLE: ClassVar = ("at", "seq", "change", "status", "actor", "changed")
    at: datetime
    seq: int | None
    change: str
    status: str | None
    actor: str
    changed: list[str]
    trace_id: str | None
    is_chained: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The whole life of a webhook as the audit log tells it."""

    webhook_id: str
    provider: str | None
    event_type: str | None
    steps: list[Step]


_FIRST = ("status", "eventType", "bodySha256", "traceId", "redactions")


def timeline(webhook_id: str, found: Iterable[AuditRecord]) -> Timeline:
    """Return the timeline. Raises NotFoundError when the log holds nothing of the webhook."""
    ordered = sorted(found, key=lambda r: (r.at, r.seq or 0))
    if not ordered:
        raise NotFoundError(
            f"the audit log holds nothing of {webhook_id!r} in this window",
            hint="an id reads <provider>:<event id>; --since reaches further back",
        )
    steps, before = [], None
    for record in ordered:
        steps.append(_step(record, before))
        before = record.line if record.kind == WEBHOOK else before
    provider = next((r.provider for r in ordered if r.provider), None)
    event_type = next((r.event_type for r in ordered if r.event_type), None)
    return Timeline(webhook_id=webhook_id, provider=provider, event_type=event_type, steps=steps)


def _step(record: AuditRecord, before: Any) -> Step:  # noqa: ANN401 - an audit line or None
    if record.kind != WEBHOOK:
        changed = [f"{key}: {value}" for key, value in record.line.items() if key in ("user", "reason", "note")]
    else:
        found = [] if record.change == "REMOVE" else changes(before, record.line)
        changed = [str(change) for change in found if before is not None or change.field in _FIRST]
    return Step(
        at=record.at,
        seq=record.seq,
        change=record.change,
        status=record.status,
        actor=record.actor,
        changed=changed,
        trace_id=record.trace_id,
        is_chained=record.line.get("isChained"),
    )
