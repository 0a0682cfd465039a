"""One dead letter as operators see it: a row of `dlq list --each`, or the whole of `dlq show`."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, ClassVar

from webhookctl.core.audit import AuditRecord
from webhookctl.core.dead_letter import DeadLetter
from webhookctl.core.dlq_groups import error_of
from webhookctl.core.logs import LogEvent
from webhookctl.core.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterRow:
    """A dead letter in one line. `status` is the webhook's: PROCESSED means that only the message is left over."""

    TABLE: ClassVar = ("webhook_id", "event_type", "status", "amount", "error", "received_at")

    webhook_id: str | None
    message_id: str
    provider: str | None
    event_type: str | None
    status: str | None
    payment_id: str | None
    amount: str | None
    fingerprint: str
    error: str
    attempts: int
    received_at: datetime | None
    sent_at: datetime
    receive_count: int
    trace_id: str | None


def row(letter: DeadLetter) -> DeadLetterRow:
    """Return the row of a dead letter."""
    webhook = letter.webhook
    fingerprint, error = error_of(letter)
    return DeadLetterRow(
        webhook_id=letter.message.webhook_id,
        message_id=letter.message.message_id,
        provider=webhook.provider if webhook is not None else None,
        event_type=webhook.event_type if webhook is not None else None,
        status=webhook.status.value if webhook is not None else None,
        payment_id=letter.event.payment_id if letter.event is not None else None,
        amount=_amount(letter),
        fingerprint=fingerprint,
        error=error,
        attempts=webhook.attempts if webhook is not None else 0,
        received_at=webhook.received_at if webhook is not None else None,
        sent_at=letter.message.sent_at,
        receive_count=letter.message.receive_count,
        trace_id=webhook.trace_id if webhook is not None else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try of the processor, as its log line tells. `outcome`: `retried`, `failed` (the last one), `processed`."""

    at: str
    attempt: int | None
    outcome: str
    error: str | None
    trace_id: str | None
    duration_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One audit record of the webhook, or of an operator about it."""

    at: datetime
    change: str
    status: str | None
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterView(DeadLetterRow):
    """A dead letter with what happened to it. `tries` come from the processor's log, `audit` from the audit log."""

    tries: tuple[Attempt, ...]
    audit: tuple[Change, ...]


def view(letter: DeadLetter, *, log: Iterable[LogEvent], trail: Iterable[AuditRecord]) -> DeadLetterView:
    """Put together a dead letter, the processor's log lines and the audit records since the webhook came in."""
    wanted = letter.message.webhook_id
    lines = (event.fields() for event in log)
    tries = tuple(_attempt(line) for line in lines if line.get("webhookId") == wanted and "attempt" in line)
    changes = tuple(Change(at=r.at, change=r.change, status=r.status, actor=r.actor) for r in trail)
    return DeadLetterView(**asdict(row(letter)), tries=tries, audit=changes)


def _attempt(line: Mapping[str, Any]) -> Attempt:
    error = f"{line['errorClass']}: {line.get('error', '')}" if "errorClass" in line else None
    return Attempt(
        at=str(line.get("time", "")),
        attempt=line.get("attempt"),
        outcome=str(line.get("outcome", "")),
        error=error,
        trace_id=line.get("traceId"),
        duration_ms=line.get("durationMs"),
    )


def _amount(letter: DeadLetter) -> str | None:
    event = letter.event
    if event is None or event.amount_minor is None or event.currency is None:
        return None
    return str(Money(amount_minor=event.amount_minor, currency=event.currency))
