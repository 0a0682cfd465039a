"""After a deployment: one signed webhook through the whole trip."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from webhookctl.core.events.stored import WebhookTable
from webhookctl.core.outputs import StackOutputs
from webhookctl.core.samples.ids import IdSource
from webhookctl.core.secrets.provider import SecretStore, read_secret
from webhookctl.core.send.compose import Recipe, compose
from webhookctl.core.send.dispatch import Sender
from webhookctl.core.send.wait import check, follow
from webhookctl.errors import WebhookctlError

NOT_RUN: Final = "not run"
SMOKE_PROVIDERS: Final = ("stripe", "square")
"""Whose webhooks anybody who holds the key can sign. PayPal's are signed with PayPal's own certificate."""
_PATIENCE_S: Final = 60.0


def smoke_provider(store: SecretStore, outputs: StackOutputs) -> str | None:
    """Return the first provider that a webhook can be signed for; None as long as no key is set."""
    return next(
        (
            name
            for name in SMOKE_PROVIDERS
            if any(key.get("value") for key in read_secret(store, outputs, name).get("keys", []))
        ),
        None,
    )


def smoke_test(
    provider: str, sender: Sender, table: WebhookTable, *, now: Callable[[], datetime], window_s: float = 0.0
) -> str:
    """Send a signed webhook and wait until it is processed; return what happened in a few words.

    `window_s` is how long the queue's pollers may gather a batch.

    Raises WebhookctlError when it is refused, PartialError when it fails, WaitTimeoutError when it takes too long.
    """
    delivery = sender.deliver(compose(Recipe(provider=provider), ids=IdSource(), now=now))
    if not delivery.is_accepted:
        raise WebhookctlError(
            f"the smoke test's webhook was answered {delivery.status or delivery.problem}: {delivery.answer}",
            hint="webhookctl logs tail receiver",
        )
    timelines = follow([delivery], table, timeout_s=_PATIENCE_S + window_s)
    check(timelines, may_fail=False)
    return f"{delivery.webhook_id} processed after {timelines[0].hops[-1].after_ms} ms"
