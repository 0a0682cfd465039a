"""Which stored webhooks answer a question, at the least cost: an index, the audit log, or the whole table."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from heapq import nlargest
from typing import Final, Protocol

from lambdas.shared.clock import parse_iso
from lambdas.shared.webhook import Status, StoredWebhook
from webhookctl.core.audit.records import AuditFilter, AuditLog, AuditRecord, query
from webhookctl.core.events.payments import PaymentIndex
from webhookctl.core.events.stored import EventFilter, WebhookTable, age_of

AUDIT_LAG: Final = timedelta(minutes=15)
"""How long after a receipt its audit line is still looked for, where a question has an end."""
_CLOCKS: Final = timedelta(seconds=5)
"""How far the clocks of receiver and audit logger may differ."""
_MOST_AT_ONCE, _FEWEST_AT_ONCE = 100, 10


class Source(StrEnum):
    """Where the answer comes from."""

    PAYMENT_INDEX = "the payment index"
    AUDIT_LOG = "the audit log"
    SCAN = "a scan of the whole table"


class ManyWebhooks(Protocol):
    """Reads webhooks by id."""

    def rows(self, webhook_ids: Sequence[str], *, is_consistent: bool = False) -> Mapping[str, StoredWebhook]:
        """Return those that exist, without their bodies. Bills each as a whole; half where not consistent."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSources:
    """Everything that can answer."""

    table: WebhookTable
    by_id: ManyWebhooks
    payments: PaymentIndex
    audit: AuditLog


@dataclass(frozen=True, slots=True)
class _Told:
    """Which changes in the audit log name the candidates, and which rule one out again: it stands elsewhere now."""

    by: tuple[Status, ...]
    unless: tuple[Status, ...] = ()


_TOLD: Final[Mapping[Status | None, _Told]] = {
    None: _Told((Status.RECEIVED, Status.CONFLICT)),
    Status.RECEIVED: _Told((Status.RECEIVED,), (Status.FAILED, Status.PROCESSED)),
    Status.FAILED: _Told((Status.FAILED,), (Status.PROCESSED,)),
    Status.PROCESSED: _Told((Status.RECEIVED,)),
    Status.CONFLICT: _Told((Status.CONFLICT,)),
    Status.DELIVERY: _Told((Status.DELIVERY,)),
}
_OPEN: Final = _Told((Status.RECEIVED, Status.FAILED), (Status.PROCESSED,))


def source_of(keep: EventFilter, *, payment_id: str | None) -> Source:
    """Return where a question is answered from: only one without payment and without start costs a scan."""
    if payment_id is not None:
        return Source.PAYMENT_INDEX
    return Source.SCAN if keep.since is None else Source.AUDIT_LOG


def find_events(
    sources: EventSources, keep: EventFilter, *, payment_id: str | None = None, limit: int | None = None
) -> list[StoredWebhook]:
    """Return the newest `limit` webhooks that pass, newest first and without bodies; all without a limit.

    From the audit log comes what it has told so far: a webhook of the last seconds may still be on its way there. Of
    the webhooks that it names only as many are read as the limit needs.
    """
    if payment_id is not None:
        ids = sorted({fact.webhook_id for fact in sources.payments.facts(payment_id)})
        return _newest(sources.by_id.rows(ids).values(), keep, limit)
    if keep.since is None:
        return _newest(sources.table.scan(), keep, limit)
    return _read(sources.by_id, keep, _candidates(sources.audit, keep, _TOLD[keep.status], keep.since), limit)


def find_open(sources: EventSources, keep: EventFilter) -> list[StoredWebhook]:
    """Return the webhooks that stand at RECEIVED or FAILED, newest first; `keep` says of what time."""
    if keep.since is None:
        found = _newest(sources.table.scan(), keep, None)
    else:
        found = _read(sources.by_id, keep, _candidates(sources.audit, keep, _OPEN, keep.since), None)
    return [webhook for webhook in found if webhook.status in _OPEN.by]


def _candidates(audit: AuditLog, keep: EventFilter, told: _Told, since: datetime) -> dict[str, datetime]:
    """Return the ids that may pass, with the latest moment at which each can have been received."""
    latest: dict[str, datetime] = {}
    for status in told.by:
        for record in _records(audit, keep, status, since):
            received, webhook_id = _received(record), str(record.webhook_id)
            if received is None or keep.covers(received, webhook_id):
                at = received or record.written_at + _CLOCKS
                latest[webhook_id] = min(at, latest.get(webhook_id, at))
    for status in told.unless if latest else ():
        for record in _records(audit, keep, status, since):
            latest.pop(str(record.webhook_id), None)
    return latest


def _records(audit: AuditLog, keep: EventFilter, status: Status, since: datetime) -> Iterator[AuditRecord]:
    """Yield the changes to a status since the start. Only the first write of an item tells when it was received."""
    is_first = status not in (Status.FAILED, Status.PROCESSED)
    provider = None if status is Status.DELIVERY else keep.provider  # its id begins with another word
    wanted = AuditFilter(provider=provider, event_type=keep.event_type, status=status)
    end = keep.until + AUDIT_LAG if is_first and keep.until else None
    found = query(audit, wanted, start=since, end=end)
    return (record for record in found if record.webhook_id is not None)


def _received(record: AuditRecord) -> datetime | None:
    try:
        return parse_iso(str(record.line["receivedAt"]))
    except (KeyError, ValueError):
        return None


def _read(
    rows: ManyWebhooks, keep: EventFilter, latest: Mapping[str, datetime], limit: int | None
) -> list[StoredWebhook]:
    """Read the candidates, the newest first, until none that is left can be newer than the `limit` found."""
    order = sorted(latest, key=lambda webhook_id: (latest[webhook_id], webhook_id), reverse=True)
    size = _MOST_AT_ONCE if limit is None else min(_MOST_AT_ONCE, max(limit, _FEWEST_AT_ONCE))
    kept: list[StoredWebhook] = []
    for start in range(0, len(order), size):
        if limit is not None and len(kept) >= limit:
            kept = nlargest(limit, kept, key=age_of)
            if kept[-1].received_at > latest[order[start]]:
                break
        found = rows.rows(order[start : start + size])
        kept += (webhook for webhook in found.values() if keep.matches(webhook))
    return _newest(kept, keep, limit)


def _newest(webhooks: Iterable[StoredWebhook], keep: EventFilter, limit: int | None) -> list[StoredWebhook]:
    passing = (webhook for webhook in webhooks if keep.matches(webhook))
    return sorted(passing, key=age_of, reverse=True) if limit is None else nlargest(limit, passing, key=age_of)
