"""Which traces belong to a webhook, an event or a payment: all of them, not only the first delivery's.

A webhook has one trace from each delivery: the provider's retries and an operator's resend begin their own. The table
knows the first one's id; the others are found by their annotation, from the receipt on.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from lambdas.shared.webhook import StoredWebhook
from stack.outputs import PROVIDERS
from webhookctl.core.events.payments import PaymentIndex
from webhookctl.core.events.stored import WebhookTable
from webhookctl.core.trace.traces import FIND_BACK, TraceReader, annotation, explain_nothing, find_by
from webhookctl.errors import NotFoundError, UsageError

TRACE_ID = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_EARLIER = timedelta(minutes=1)
"""The gateway begins a trace before the receiver notes the receipt, by another clock."""
_RETRIES = timedelta(days=3)
"""No provider delivers an event again for longer (Stripe and PayPal 3 days, Square 24 hours)."""
_AT_ONCE = 10
"""How many webhooks one filter expression names."""


def trace_ids_of(
    reader: TraceReader,
    table: WebhookTable,
    payments: PaymentIndex,
    *,
    now: datetime,
    webhook_id: str | None = None,
    event_id: str | None = None,
    payment_id: str | None = None,
) -> list[str]:
    """Return the traces of a webhook, a provider's event or a payment's processed events, oldest first.

    Raises NotFoundError, and UsageError when not exactly one thing is asked for.
    """
    if [webhook_id, event_id, payment_id].count(None) != 2:  # noqa: PLR2004 - all but one
        raise UsageError("name one thing to find", hint="--webhook-id, --event-id or --payment-id")
    if payment_id is not None:
        rows = _rows(table, [fact.webhook_id for fact in payments.facts(payment_id)])
        return traces_of(reader, rows, now=now) or _nothing(reader, payment_id)
    if webhook_id is not None:
        return webhook_traces(reader, table.get(checked(webhook_id)), webhook_id, now=now) or _nothing(
            reader, webhook_id
        )
    rows = _rows(table, [f"{provider}:{event_id}" for provider in PROVIDERS])
    found = traces_of(reader, rows, now=now) or _searched(reader, "event_id", str(event_id), now)
    return found or _nothing(reader, event_id)


def checked(webhook_id: str) -> str:
    """Return a webhook's id as it is. Raises UsageError when it can be none, and is no trace's id either."""
    if ":" not in webhook_id:
        raise UsageError(
            f"{webhook_id!r} is neither a webhook id nor a trace id",
            hint="a webhook id reads <provider>:<event id>, a trace id 1-<8 hex digits>-<24 hex digits>",
        )
    return webhook_id


def webhook_traces(reader: TraceReader, row: StoredWebhook | None, webhook_id: str, *, now: datetime) -> list[str]:
    """Return the ids of all traces of one webhook, also where its row is gone. The first one may not be sampled."""
    return traces_of(reader, [row], now=now) if row else _searched(reader, "webhook_id", webhook_id, now)


def traces_of(reader: TraceReader, rows: Sequence[StoredWebhook], *, now: datetime) -> list[str]:
    """Return the ids of all traces of stored webhooks, oldest first: what the rows name, and what X-Ray knows."""
    begun = {row.trace_id: row.received_at for row in rows if row.trace_id}
    known = sorted(rows, key=lambda row: row.received_at)
    for some in (known[at : at + _AT_ONCE] for at in range(0, len(known), _AT_ONCE)):
        start = max(min(map(_first_delivery, some)) - _EARLIER, now - FIND_BACK)
        wanted = " OR ".join(annotation("webhook_id", row.webhook_id) for row in some)
        begun |= {summary.trace_id: summary.started_at for summary in find_by(reader, wanted, start=start, end=now)}
    return sorted(begun, key=lambda trace_id: (begun[trace_id], trace_id))


def _first_delivery(row: StoredWebhook) -> datetime:
    """Return the earliest time of a delivery: those before the one that was stored were answered with a 503."""
    return min(row.received_at, max(row.event_created_at, row.received_at - _RETRIES))


def _rows(table: WebhookTable, webhook_ids: Iterable[str]) -> list[StoredWebhook]:
    return list(_present(table, webhook_ids))


def _present(table: WebhookTable, webhook_ids: Iterable[str]) -> Iterator[StoredWebhook]:
    for webhook_id in webhook_ids:
        row = table.get(webhook_id)
        if row is not None:
            yield row


def _searched(reader: TraceReader, key: str, value: str, now: datetime) -> list[str]:
    return [s.trace_id for s in find_by(reader, annotation(key, value), start=now - FIND_BACK, end=now)]


def _nothing(reader: TraceReader, what: str | None) -> list[str]:
    explain_nothing(reader)
    raise NotFoundError(
        f"no trace of {what} is known", hint="webhookctl trace list; a webhook id reads <provider>:<event id>"
    )
