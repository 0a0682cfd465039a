"""Receive one webhook: verify, store, queue. Nothing unverified is written, nothing acknowledged is lost."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from lambdas.shared.body import is_same_event
from lambdas.shared.card_data import mask, redact
from lambdas.shared.errors import MalformedError, TooLargeError, VerificationError
from lambdas.shared.event_store import Written
from lambdas.shared.providers.base import Provider, ProviderSecret, Reason, Verification
from lambdas.shared.tracing import Span, TraceHeader
from lambdas.shared.webhook import EventIdentity, Status, StoredWebhook, WebhookRequest, webhook_id

CLAIM_LIFETIME = timedelta(days=4)
"""How long a delivery id stays claimed: longer than PayPal's signed time may lie back."""

PLAUSIBLE_SINCE = datetime(2009, 1, 1, tzinfo=UTC)
"""Square, whose signature has no time, began then. Events of its own documentation are dated 1970: no date at all."""

MAX_NAME_LENGTH = 255
"""Longest event id or type that is taken; the providers' are below 100. DynamoDB's key limit is 2,048 bytes."""


class Outcome(StrEnum):
    """What became of a verified webhook."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A webhook that is safe with us: the answer is 200."""

    webhook: StoredWebhook
    outcome: Outcome
    key_id: str


class Secrets(Protocol):
    """Provider secrets by provider name."""

    def get(self, provider: str) -> ProviderSecret:
        """Return the secret. Raises UnavailableError."""
        ...

    def refresh(self, provider: str) -> ProviderSecret | None:
        """Return a newer secret than `get` did, if there is one."""
        ...


class Events(Protocol):
    """Where webhooks are stored."""

    def put(self, webhook: StoredWebhook) -> Written:
        """Store unless the id is taken; say what stands there then. Raises UnavailableError."""
        ...


class Queue(Protocol):
    """Where stored webhooks wait for processing."""

    def send(self, message: str, *, trace_header: str | None = None) -> None:
        """Queue one message. Raises UnavailableError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """The collaborators of `receive`."""

    get_provider: Callable[[str], Provider]
    secrets: Secrets
    events: Events
    queue: Queue
    now: Callable[[], datetime]
    max_body_bytes: int
    retention: timedelta
    refuses_outlived: bool
    """Whether an event is refused that is older than its item would live, and has no signed time."""

    def receive(self, request: WebhookRequest, span: Span) -> Receipt:
        """Verify, store and queue one delivery.

        Raises UnknownProviderError (404), TooLargeError (413), MalformedError (400), VerificationError (401) or
        UnavailableError (503: the provider must deliver again).
        """
        if len(request.body) > self.max_body_bytes:
            raise TooLargeError(f"the body has more than {self.max_body_bytes} bytes")
        provider = self.get_provider(request.provider)
        with span.step("verify"):
            verification, secret = self._verify(provider, request)
            identity = _checked(provider.identify(request.body))
            self._refuse_outlived(identity, verification)
        parent = TraceHeader.parse(span.header)
        webhook = _first_state(request, identity, verification, secret, parent.parent if parent.is_sampled else None)
        span.annotate(webhook_id=webhook.webhook_id, event_id=identity.event_id, event_type=webhook.event_type)
        with span.step("store"):
            if verification.delivery_id is not None:
                self._claim(verification.delivery_id, webhook)
            existing = self.events.put(webhook).existing
        outcome = Outcome.ACCEPTED if existing is None else self._outcome_beside(existing, webhook)
        current = existing or webhook
        if not current.is_terminal:
            with span.step("enqueue"):
                self.queue.send(current.message(), trace_header=span.header)
        return Receipt(webhook=current, outcome=outcome, key_id=verification.key_id)

    def _verify(self, provider: Provider, request: WebhookRequest) -> tuple[Verification, ProviderSecret]:
        """Verify with the cached secret, and once more with a newer one: keys may have rotated since."""
        secret = self.secrets.get(request.provider)
        try:
            return provider.verify(request, secret, now=self.now()), secret
        except VerificationError:
            newer = self.secrets.refresh(request.provider)
            if newer is None:
                raise
            return provider.verify(request, newer, now=self.now()), newer

    def _refuse_outlived(self, identity: EventIdentity, verification: Verification) -> None:
        """Refuse an event whose item may have expired, so that it would count as new, where no signed time did so.

        An item lives for the retention after it was processed, so the event is older by then; no provider still
        retries it.
        """
        created_at = identity.created_at
        if (
            not self.refuses_outlived
            or verification.signed_at is not None
            or created_at is None
            or created_at < PLAUSIBLE_SINCE
        ):
            return
        if self.now() - created_at > self.retention:
            raise VerificationError("the event is older than webhooks are kept: a replay", reason=Reason.OUTLIVED)

    def _outcome_beside(self, existing: StoredWebhook, webhook: StoredWebhook) -> Outcome:
        """Tell a duplicate from another body under the same id; the latter is kept beside the first, unprocessed."""
        if is_same_event(existing.body, webhook.body) and not _differs_in_card_data(existing, webhook):
            return Outcome.DUPLICATE
        self.events.put(_conflict(webhook, expires_at=self.now() + self.retention))
        return Outcome.CONFLICT

    def _claim(self, delivery_id: str, webhook: StoredWebhook) -> None:
        """Hold a signed delivery id for this body. PayPal signs a CRC32 only: a second body under the id is forged."""
        claim = _claim(delivery_id, webhook, expires_at=self.now() + CLAIM_LIFETIME)
        existing = self.events.put(claim).existing
        if existing is None:
            return
        if existing.body_sha256 != claim.body_sha256 or _differs_in_card_data(existing, claim):
            raise VerificationError("the delivery id was used for another body", reason="delivery_reused")


def _checked(identity: EventIdentity) -> EventIdentity:
    """Refuse ids that can't be keys, or that would carry card data into one. Raises MalformedError."""
    for name in (identity.event_id, identity.event_type):
        if not 0 < len(name) <= MAX_NAME_LENGTH or not name.isprintable():
            raise MalformedError("the event's id or type is empty, too long or not printable")
    if mask(identity.event_id) != identity.event_id:
        raise MalformedError("the event's id looks like a card number")
    return identity


def _first_state(
    request: WebhookRequest,
    identity: EventIdentity,
    verification: Verification,
    secret: ProviderSecret,
    trace_parent: str | None,
) -> StoredWebhook:
    redacted = redact(request.body)
    has_card_data = redacted.count > 0
    return StoredWebhook(
        webhook_id=webhook_id(request.provider, identity.event_id),
        provider=request.provider,
        event_type=mask(identity.event_type),
        event_created_at=identity.created_at or request.received_at,
        received_at=request.received_at,
        status=Status.RECEIVED,
        body=redacted.body,
        body_sha256=hashlib.sha256(redacted.body).hexdigest(),
        redactions=redacted.count if has_card_data else None,
        original_hmac=_original_hmac(request.body, verification, secret) if has_card_data else None,
        original_hmac_key=verification.key_id if has_card_data else None,
        api_version=mask(identity.api_version),
        livemode=identity.livemode,
        account=mask(identity.account),
        trace_id=request.trace_id,
        trace_parent=trace_parent,
    ).sealed()


def _original_hmac(body: bytes, verification: Verification, secret: ProviderSecret) -> str:
    """Return the keyed hash of a body with card data. A bare hash could be searched for the few digits that it hides.

    PCI DSS 4.0 requirement 3.5.1.1 asks for a keyed hash for the same reason.
    """
    value = next(key.value for key in secret.keys if key.id == verification.key_id)
    return hmac.new(value.encode(), body, hashlib.sha256).hexdigest()


def _differs_in_card_data(existing: StoredWebhook, webhook: StoredWebhook) -> bool:
    """Say whether two bodies of which the same is stored were not the same: what one key's hashes tell."""
    is_comparable = existing.body == webhook.body and existing.original_hmac_key == webhook.original_hmac_key
    return is_comparable and existing.original_hmac != webhook.original_hmac


def _conflict(webhook: StoredWebhook, *, expires_at: datetime) -> StoredWebhook:
    return replace(
        webhook,
        webhook_id=f"{webhook.webhook_id}#{(webhook.original_hmac or webhook.body_sha256)[:16]}",
        status=Status.CONFLICT,
        trace_parent=None,
        expires_at=int(expires_at.timestamp()),
    ).sealed()


def _claim(delivery_id: str, webhook: StoredWebhook, *, expires_at: datetime) -> StoredWebhook:
    return replace(
        webhook,
        webhook_id=f"delivery:{webhook.provider}:{delivery_id}",
        status=Status.DELIVERY,
        trace_parent=None,
        body=b"",
        expires_at=int(expires_at.timestamp()),
    ).sealed()
