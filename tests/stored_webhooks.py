"""Stored webhooks of Stripe, as the questions about many of them need: an id, a status and an age."""

from datetime import UTC, datetime, timedelta

from lambdas.shared.webhook import Status, StoredWebhook

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)


def stored_webhook(
    name: str,
    status: Status = Status.PROCESSED,
    *,
    age_min: float = 10,
    event_type: str = "charge.refunded",
    body: bytes = b"",
) -> StoredWebhook:
    """Return a webhook that was received `age_min` minutes before `NOW`."""
    at = NOW - timedelta(minutes=age_min)
    return StoredWebhook(
        webhook_id=f"stripe:{name}",
        provider="stripe",
        event_type=event_type,
        event_created_at=at,
        received_at=at,
        status=status,
        body=body,
        body_sha256="0",
    )
