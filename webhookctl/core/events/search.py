"""Which stored webhooks answer a question, at the least cost: an index, the audit log, or the whole table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from lambdas.shared.webhook import Status, StoredWebhook
from webhookctl.core.audit.records import AuditFilter, AuditLog, query
from webhookctl.core.events.payments import PaymentIndex
from webhookctl.core.events.stored import EventFilter, WebhookTable


class Source(StrEnum):
    """Where the answer comes from."""

    PAYMENT_INDEX = "the payment index"
    AUDIT_LOG = "the audit log"
    SCAN = "a scan of the whole table"


class ManyWebhooks(Protocol):
    """Reads webhooks by id."""

    def get_many(self, webhook_ids: Iterable[str]) -> Mapping[str, StoredWebhook]:
        """Return those that exist, by consistent reads."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSources:
    """Everything that can answer."""

    table: WebhookTable
    by_id: ManyWebhooks
    payments: PaymentIndex
    audit: AuditLog


def source_of(keep: EventFilter, *, payment_id: str | None) -> Source:
    """Return where a question is answered from: only one without payment and without start costs a scan."""
    if payment_id is not None:
        return Source.PAYMENT_INDEX
    return Source.SCAN if keep.since is None else Source.AUDIT_LOG


def find_events(
    sources: EventSources, keep: EventFilter, *, payment_id: str | None = None, limit: int | None = None
) -> list[StoredWebhook]:
    """Return the newest `limit` webhooks that pass, newest first; all without a limit.

    From the audit log comes what it has told so far: a webhook of the last seconds may still be on its way there.
    """
    found = _candidates(sources, keep, payment_id)
    kept = sorted((w for w in found if keep.matches(w)), key=lambda w: (w.received_at, w.webhook_id), reverse=True)
    return kept[:limit]


def _candidates(sources: EventSources, keep: EventFilter, payment_id: str | None) -> Iterable[StoredWebhook]:
    if payment_id is not None:
        ids = {fact.webhook_id for fact in sources.payments.facts(payment_id)}
    elif keep.since is None:
        return sources.table.scan()
    else:
        has_failed = keep.status is Status.FAILED  # a webhook that stands at FAILED failed after it was received
        wanted = AuditFilter(
            provider=keep.provider, event_type=keep.event_type, status="FAILED" if has_failed else "RECEIVED"
        )
        until = None if has_failed else keep.until
        told = query(sources.audit, wanted, start=keep.since, end=until)
        ids = {record.webhook_id for record in told if record.webhook_id is not None}
    return sources.by_id.get_many(sorted(ids)).values()
