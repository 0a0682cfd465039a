"""Stored webhooks: one by id, or many by filter."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final, Protocol

from lambdas.shared.webhook import Status, StoredWebhook
from webhookctl.core.audit.records import WEBHOOK, AuditRecord
from webhookctl.core.money import Money
from webhookctl.errors import NotFoundError, UsageError

_LONGEST_KEY: Final = 2048
"""Bytes of a partition key (DynamoDB quotas)."""


class WebhookTable(Protocol):
    """Reads the table of webhooks."""

    def get(self, webhook_id: str) -> StoredWebhook | None:
        """Return one webhook with its body (a consistent read), or None."""
        ...

    def scan(self) -> Iterator[StoredWebhook]:
        """Yield every webhook without its body, in no order. Reads, and bills, the whole table."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """What `events list` keeps; None keeps everything but delivery records. Times are of receipt.

    `after` is the last webhook of the page before, newest first: only what stands after it is kept.
    """

    provider: str | None = None
    event_type: str | None = None
    status: Status | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: StoredWebhook | None = None

    def matches(self, webhook: StoredWebhook) -> bool:
        """Whether the webhook passes every condition."""
        return (
            (self.status is Status.DELIVERY or webhook.status is not Status.DELIVERY)
            and self.provider in (None, webhook.provider)
            and self.event_type in (None, webhook.event_type)
            and self.status in (None, webhook.status)
            and self.covers(webhook.received_at, webhook.webhook_id)
        )

    def covers(self, received_at: datetime, webhook_id: str) -> bool:
        """Whether a webhook of this time and id can pass."""
        return (
            (self.since is None or received_at >= self.since)
            and (self.until is None or received_at < self.until)
            and (self.after is None or (received_at, webhook_id) < age_of(self.after))
        )


def age_of(webhook: StoredWebhook) -> tuple[datetime, str]:
    """Return what lists are ordered by."""
    return webhook.received_at, webhook.webhook_id


def checked_key(text: str, name: str = "id") -> str:
    """Return an id that the table can be asked for as it is. Raises UsageError that calls it `name`."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise UsageError(f"this {name} is not text in UTF-8") from error
    if not text.strip():
        raise UsageError(f"the {name} is empty")
    if size > _LONGEST_KEY:
        raise UsageError(f"this {name} has {size:,} bytes; none has more than {_LONGEST_KEY:,}")
    return text


def show_event(table: WebhookTable, webhook_id: str) -> StoredWebhook:
    """Return one stored webhook. Raises NotFoundError, and UsageError for what can't be an id."""
    found = table.get(checked_key(webhook_id))
    if found is None:
        raise NotFoundError(
            f"no webhook {webhook_id!r} is stored",
            hint="webhookctl events list; an id reads <provider>:<event id>",
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One change of a webhook, as it passes by."""

    TABLE: ClassVar = ("at", "status", "webhook_id", "event_type", "amount", "error")
    at: datetime
    status: str | None
    webhook_id: str | None
    event_type: str | None
    kind: str | None
    payment_id: str | None
    amount: str | None
    attempts: int | None
    error: str | None


def happenings(records: Iterable[AuditRecord]) -> Iterator[Happening]:
    """Yield what audit records tell of webhooks, as they come."""
    return (_happening(record) for record in records if record.kind == WEBHOOK)


def _happening(record: AuditRecord) -> Happening:
    line = record.line
    amount, currency, error = line.get("amountMinor"), line.get("currency"), line.get("lastError")
    return Happening(
        at=record.at,
        status=record.status if record.change != "REMOVE" else "removed",
        webhook_id=record.webhook_id,
        event_type=record.event_type,
        kind=line.get("kind"),
        payment_id=line.get("paymentId"),
        amount=str(Money(amount_minor=amount, currency=currency)) if amount is not None and currency else None,
        attempts=line.get("attempts"),
        error=error.get("message") if isinstance(error, Mapping) else None,
    )
