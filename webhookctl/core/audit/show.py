"""One webhook's timeline: each audit record with what it changed."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from webhookctl.core.audit.records import OPERATOR, AuditRecord
from webhookctl.errors import NotFoundError


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One moment of a webhook's life.

    `changed` lists `field: before → after`; the first step what is worth telling of the first state.
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

    def draw(self, width: int, style: Callable[..., str]) -> Iterator[str]:
        """Yield the timeline for a terminal: a line per write, its changes below."""
        yield style(f"{self.webhook_id}  {self.event_type or ''}".rstrip(), "bold")
        for step in self.steps:
            number = "" if step.seq is None else f"#{step.seq}"
            odd = "" if step.is_chained is not False else style("  not chained: written around the project", "red")
            told = f"{step.at:%Y-%m-%d %H:%M:%S}Z  {number:<3} {step.change:<7} {step.status or '-':<10} {step.actor}"
            yield told.rstrip() + odd
            for change in step.changed:
                yield style(_cut(f"{'':24}{change}", width), "dim")


_OPERATOR = ("user", "reason", "note")


def timeline(webhook_id: str, found: Iterable[AuditRecord]) -> Timeline:
    """Return the timeline. Raises NotFoundError when the log holds nothing of the webhook."""
    ordered = sorted(found, key=lambda r: (r.at, r.seq or 0))
    if not ordered:
        raise NotFoundError(
            f"the audit log holds nothing of {webhook_id!r} in this window",
            hint="an id reads <provider>:<event id>; --since reaches further back",
        )
    steps = [_step(record) for record in ordered]
    provider = next((r.provider for r in ordered if r.provider), None)
    event_type = next((r.event_type for r in ordered if r.event_type), None)
    return Timeline(webhook_id=webhook_id, provider=provider, event_type=event_type, steps=steps)


def _step(record: AuditRecord) -> Step:
    more = [f"{key}: {record.line[key]}" for key in _OPERATOR if key in record.line] if record.kind == OPERATOR else []
    return Step(
        at=record.at,
        seq=record.seq,
        change=record.change,
        status=record.status,
        actor=record.actor,
        changed=[*record.changed, *more],
        trace_id=record.trace_id,
        is_chained=record.line.get("isChained"),
    )


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
