"""Is it safe and useful to retry a dead letter? The guard's verdict, before anything is sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from lambdas.shared.webhook import PaymentEvent, Status, StoredWebhook
from webhookctl.core.dlq.dead_letter import DeadLetter, Sibling, Webhooks


class Verdict(StrEnum):
    """What is to be done with a dead letter."""

    REDRIVE = "redrive"
    DELETE = "already_processed"
    SUPERSEDED = "superseded"
    IN_FLIGHT = "in_flight"
    NO_RECORD = "no_record"
    UNREADABLE = "unreadable"
    CAME_BACK = "came_back"


REASONS: Final = {
    Verdict.REDRIVE: "to be processed again",
    Verdict.DELETE: "the webhook is processed already: the message is only deleted",
    Verdict.SUPERSEDED: "a later event of the same payment is processed already",
    Verdict.IN_FLIGHT: "another message of the webhook is on its way",
    Verdict.NO_RECORD: "the table has no such webhook",
    Verdict.UNREADABLE: "the message names no webhook",
    Verdict.CAME_BACK: "the message that this redrive sent is back in the dead-letter queue",
}

_SUPERSEDED_BY: Final = {
    "payment.pending": ("payment.authorized", "payment.succeeded", "payment.failed", "payment.canceled"),
    "payment.authorized": ("payment.succeeded", "payment.canceled"),
    "payment.failed": ("payment.succeeded",),
    "refund.pending": ("refund.succeeded", "refund.failed", "refund.canceled"),
    "dispute.opened": ("dispute.won", "dispute.lost", "dispute.closed"),
    "invoice.failed": ("invoice.paid",),
}
"""Kinds that only tell of a step, and the later kinds that make the step history. Kinds that carry final money are
never superseded, except a running total by a later one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """The conditions of a redrive.

    `retry_cycle` is how long the processor may still be trying a message: a webhook that is RECEIVED, without a
    recorded failure and younger than this, has another message on its way. Without `is_on`, only messages that could
    never be processed (no record, unreadable) are held back.
    """

    webhooks: Webhooks
    retry_cycle: timedelta
    is_on: bool = True

    def judge(self, letter: DeadLetter, *, now: datetime) -> Verdict:
        """Return the verdict on one dead letter. Reads the payment's other events only where they could matter."""
        webhook = letter.webhook
        if letter.message.webhook_id is None:
            return Verdict.UNREADABLE
        if webhook is None:
            return Verdict.NO_RECORD
        if not self.is_on:
            return Verdict.REDRIVE
        if webhook.is_terminal:
            return Verdict.DELETE
        if webhook.status is Status.RECEIVED and webhook.last_error is None and self._is_young(webhook, now):
            return Verdict.IN_FLIGHT
        return Verdict.SUPERSEDED if self._is_superseded(webhook, letter.event) else Verdict.REDRIVE

    def _is_young(self, webhook: StoredWebhook, now: datetime) -> bool:
        return now - webhook.received_at < self.retry_cycle

    def _is_superseded(self, webhook: StoredWebhook, event: PaymentEvent | None) -> bool:
        if event is None or event.payment_id is None:
            return False
        if event.kind not in _SUPERSEDED_BY and not event.is_cumulative:
            return False
        return supersedes(self.webhooks.of_payment(event.payment_id), webhook, event) is not None


def supersedes(others: Sequence[Sibling], webhook: StoredWebhook, event: PaymentEvent) -> Sibling | None:
    """Return the processed event that makes this one history, or None.

    It must be about the same object (refund, dispute, ...) and no older; a running total is superseded by a later one.
    """
    later_kinds = _SUPERSEDED_BY.get(event.kind, ())
    for other in others:
        if other.webhook_id == webhook.webhook_id or other.created_at < webhook.event_created_at:
            continue
        is_newer_total = event.is_cumulative and other.is_cumulative and other.kind == event.kind
        if other.object_id == event.object_id and (other.kind in later_kinds or is_newer_total):
            return other
    return None
