"""Stored webhooks: one by id, or many by filter."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Protocol

from lambdas.shared.webhook import Status, StoredWebhook
from webhookctl.errors import NotFoundError


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
    """What `events list` keeps; None keeps everything but delivery records. Times are of receipt."""

    provider: str | None = None
    event_type: str | None = None
    status: Status | None = None
    since: datetime | None = None
    until: datetime | None = None

    def matches(self, webhook: StoredWebhook) -> bool:
        """Whether the webhook passes every condition."""
        return (
            (self.status is Status.DELIVERY or webhook.status is not Status.DELIVERY)
            and self.provider in (None, webhook.provider)
            and self.event_type in (None, webhook.event_type)
            and self.status in (None, webhook.status)
            and (self.since is None or webhook.received_at >= self.since)
            and (self.until is None or webhook.received_at < self.until)
        )


def show_event(table: WebhookTable, webhook_id: str) -> StoredWebhook:
    """Return one stored webhook. Raises NotFoundError."""
    found = table.get(webhook_id)
    if found is None:
        raise NotFoundError(
            f"no webhook {webhook_id!r} is stored",
            hint="webhookctl events list; an id reads <provider>:<event id>",
        )
    return found


def list_events(table: WebhookTable, keep: EventFilter, *, limit: int) -> list[StoredWebhook]:
    """Return the newest `limit` webhooks that pass, newest first."""
    return list(islice(_newest_first(w for w in table.scan() if keep.matches(w)), limit))


def _newest_first(webhooks: Iterable[StoredWebhook]) -> list[StoredWebhook]:
    return sorted(webhooks, key=lambda w: (w.received_at, w.webhook_id), reverse=True)
