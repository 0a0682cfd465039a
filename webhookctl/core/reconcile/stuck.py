"""Stored, but on no way to being processed: find such webhooks and put them back into the queue."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Protocol

from lambdas.shared.webhook import Status, StoredWebhook
from webhookctl.core.dlq.dead_letter import BatchOutcome, OutgoingMessage, trace_header
from webhookctl.errors import PartialError

BATCH = 10
"""SQS takes this many messages in one call."""


class Sender(Protocol):
    """Sends to the processing queue."""

    def send(self, messages: Sequence[OutgoingMessage]) -> BatchOutcome:
        """Send up to ten messages."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """A webhook that is neither processed nor in the dead-letter queue, and old enough to be given up on."""

    TABLE: ClassVar = ("webhook_id", "event_type", "status", "received_at", "age_s")
    SPARE: ClassVar = ("received_at",)
    WHOLE: ClassVar = ("status",)
    webhook_id: str
    event_type: str
    status: Status
    received_at: datetime
    age_s: int
    message: OutgoingMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Requeued:
    """What a reconciliation did. `failed` names what the queue refused."""

    found: int
    requeued: int
    failed: tuple[str, ...] = ()

    def require_complete(self) -> None:
        """Raise PartialError unless all were sent."""
        if self.failed:
            raise PartialError(
                f"{len(self.failed)} of {self.found} could not be sent",
                hint="run it again: what was sent twice takes effect once",
            )


def find_stuck(
    webhooks: Iterable[StoredWebhook], *, dead: Iterable[str], now: datetime, older_than: timedelta
) -> list[Stuck]:
    """Return what is stuck, oldest first. `dead` are the webhook ids in the dead-letter queue: `dlq redrive`'s matter.

    A message of it may still be on its way; a second one does no harm, since processing is once only.
    """
    dead_ids = set(dead)
    found = [
        _stuck(webhook, now)
        for webhook in webhooks
        if webhook.status in (Status.RECEIVED, Status.FAILED)
        and now - webhook.received_at >= older_than
        and webhook.webhook_id not in dead_ids
    ]
    return sorted(found, key=lambda stuck: (stuck.received_at, stuck.webhook_id))


def requeue(stuck: Sequence[Stuck], queue: Sender) -> Requeued:
    """Send each one's reference to the processing queue. Raises WebhookctlError when a call fails as a whole."""
    failed: list[str] = []
    for start in range(0, len(stuck), BATCH):
        outcome = queue.send([one.message for one in stuck[start : start + BATCH]])
        failed += outcome.failed
    return Requeued(found=len(stuck), requeued=len(stuck) - len(failed), failed=tuple(failed))


def _stuck(webhook: StoredWebhook, now: datetime) -> Stuck:
    return Stuck(
        webhook_id=webhook.webhook_id,
        event_type=webhook.event_type,
        status=webhook.status,
        received_at=webhook.received_at,
        age_s=int((now - webhook.received_at).total_seconds()),
        message=OutgoingMessage(key=webhook.webhook_id, body=webhook.message(), trace_header=trace_header(webhook)),
    )
