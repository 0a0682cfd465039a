"""Send stored webhooks again: their bytes, signed with the present secret at the present time."""

from collections.abc import Iterator, Sequence

from webhookctl.core.events.stored import WebhookTable, show_event
from webhookctl.core.send.request import Draft, draft
from webhookctl.errors import UsageError, WebhookctlError


def drafts_of(webhook_ids: Sequence[str], table: WebhookTable, *, allow_redacted: bool = False) -> list[Draft]:
    """Return the drafts of stored webhooks, all or none.

    The stack answers such a delivery as a duplicate, and queues it again unless it is PROCESSED. A body whose card
    data was redacted is another body: the stack would keep it as a conflict, so it needs `allow_redacted`.
    Raises NotFoundError, UsageError.
    """
    return list(_drafts(webhook_ids, table, allow_redacted=allow_redacted))


def _drafts(webhook_ids: Sequence[str], table: WebhookTable, *, allow_redacted: bool) -> Iterator[Draft]:
    for webhook_id in dict.fromkeys(webhook_ids):
        stored = show_event(table, webhook_id)
        if not stored.body:
            raise WebhookctlError(f"{webhook_id} is stored without a body")
        if stored.redactions and not allow_redacted:
            raise UsageError(
                f"{webhook_id} had card data, which is not stored: sent again it is another body",
                hint="--allow-redacted sends it as it is stored",
            )
        yield draft(stored.provider, stored.body)
