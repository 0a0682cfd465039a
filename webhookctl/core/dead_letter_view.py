"""One dead letter as operators see it: a row of `dlq list --each`, or the whole of `dlq show`."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from webhookctl.core.dead_letter import DeadLetter
from webhookctl.core.dlq_groups import error_of
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


def _amount(letter: DeadLetter) -> str | None:
    event = letter.event
    if event is None or event.amount_minor is None or event.currency is None:
        return None
    return str(Money(amount_minor=event.amount_minor, currency=event.currency))
