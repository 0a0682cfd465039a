"""Process one webhook: say in canonical words what it means, in one conditional write, whatever is redelivered."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from lambdas.shared.card_data import mask
from lambdas.shared.errors import ProcessingError, WebhookError
from lambdas.shared.event_store import Written
from lambdas.shared.providers.base import Provider
from lambdas.shared.webhook import LastError, StoredWebhook

MAX_MESSAGE_LENGTH = 300
_WRITES_BEFORE_GIVING_UP = 2


class Outcome(StrEnum):
    """What a message came to."""

    PROCESSED = "processed"
    ALREADY_PROCESSED = "already_processed"


class Events(Protocol):
    """Where webhooks are stored."""

    def get(self, webhook_id: str) -> StoredWebhook | None:
        """Return the webhook, or an earlier state of it that `update` will refuse. Raises UnavailableError."""
        ...

    def update(self, before: StoredWebhook, after: StoredWebhook) -> Written:
        """Write `after` if `before` still stands. Raises UnavailableError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Processed:
    """A message that is done with."""

    webhook: StoredWebhook
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Processor:
    """The collaborators of `process` and `record_failure`."""

    get_provider: Callable[[str], Provider]
    events: Events
    now: Callable[[], datetime]
    retention: timedelta
    allow_failure_injection: bool = False

    def load(self, webhook_id: str) -> StoredWebhook:
        """Return the stored webhook. Raises ProcessingError when there is none, UnavailableError."""
        webhook = self.events.get(webhook_id)
        if webhook is None:
            raise ProcessingError("no webhook is stored under the message's id", reason="item_missing")
        return webhook

    def process(self, webhook: StoredWebhook, *, receive_count: int) -> Processed:
        """Bring a webhook to PROCESSED, unless it is. The effect and the status are one conditional write.

        `receive_count` is SQS's ApproximateReceiveCount. Raises ProcessingError, MalformedError or UnavailableError:
        the message must come back.
        """
        for _ in range(_WRITES_BEFORE_GIVING_UP):
            if webhook.is_terminal:
                return Processed(webhook=webhook, outcome=Outcome.ALREADY_PROCESSED)
            after = self._processed(webhook, receive_count)
            existing = self.events.update(webhook, after).existing
            if existing is None:
                return Processed(webhook=after, outcome=Outcome.PROCESSED)
            webhook = existing
        if webhook.is_terminal:
            return Processed(webhook=webhook, outcome=Outcome.ALREADY_PROCESSED)
        raise ProcessingError("the webhook changed twice while it was processed", reason="changed_meanwhile")

    def record_failure(self, webhook: StoredWebhook, error: Exception, *, receive_count: int) -> None:
        """Record FAILED with the error, unless the webhook was processed meanwhile. Raises UnavailableError."""
        last_error = describe(error, at=self.now())
        for _ in range(_WRITES_BEFORE_GIVING_UP):
            if webhook.is_terminal:
                return
            existing = self.events.update(webhook, webhook.failed(last_error, attempts=receive_count)).existing
            if existing is None:
                return
            webhook = existing

    def _processed(self, webhook: StoredWebhook, receive_count: int) -> StoredWebhook:
        if self.allow_failure_injection:
            _fail_on_purpose(webhook, receive_count)
        provider = self.get_provider(webhook.provider)
        now = self.now()
        expires_at = int((now + self.retention).timestamp())
        return webhook.processed(
            provider.normalise(webhook.body), at=now, attempts=receive_count, expires_at=expires_at
        )


def describe(error: Exception, *, at: datetime) -> LastError:
    """Return what is kept of an error. Only our own errors' messages are: others' could quote the body."""
    name = type(error).__name__
    message = mask(str(error))[:MAX_MESSAGE_LENGTH] if isinstance(error, WebhookError) else "unforeseen error"
    reason = error.reason if isinstance(error, WebhookError) else "unforeseen"
    pattern = re.sub(r"[0-9]+", "#", f"{name}|{reason}|{message}")
    return LastError(
        error_class=name, message=message, fingerprint=hashlib.sha256(pattern.encode()).hexdigest()[:16], at=at
    )


def _fail_on_purpose(webhook: StoredWebhook, receive_count: int) -> None:
    """Honour the sender's wish to fail `failTimes` times; the table counts earlier rounds through the DLQ."""
    try:
        wish = json.loads(webhook.body)["webhookctl"]["failTimes"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return
    if isinstance(wish, int) and webhook.attempts + receive_count <= wish:
        raise ProcessingError("failure injected by the sender", reason="injected")
