"""What a stored webhook means, read from its body: also for those that were never processed."""

from lambdas.shared.errors import WebhookError
from lambdas.shared.providers import get_provider
from lambdas.shared.webhook import PaymentEvent, StoredWebhook


def meaning(webhook: StoredWebhook) -> PaymentEvent | None:
    """Return the event in canonical words; None when the body cannot be read (that may be why it failed)."""
    try:
        return get_provider(webhook.provider).normalise(webhook.body)
    except WebhookError:
        return None
