"""The domain's dataclasses: a request as it arrived, what it says, and the stored webhook."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """Where a stored webhook stands: RECEIVED -> PROCESSED, or RECEIVED -> FAILED -> PROCESSED."""

    RECEIVED = "RECEIVED"
    FAILED = "FAILED"
    PROCESSED = "PROCESSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRequest:
    """One HTTP delivery, exactly as the sender's bytes arrived.

    `headers` has lower-case names; values are verbatim. `body` is never decoded or re-serialised
    before its signature is verified. `received_at` is an aware UTC datetime.
    """

    provider: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    received_at: datetime
    source_ip: str = ""
    request_id: str = ""
    trace_header: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventIdentity:
    """Which provider event a verified body is. `event_id` is the provider's own, unique per provider."""

    event_id: str
    event_type: str
    created_at: datetime | None = None
    api_version: str | None = None
    livemode: bool | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentEvent:
    """A provider event in canonical words.

    `kind` is one of the canonical kinds (`payment.succeeded`, `refund.succeeded`, `dispute.opened`, ... or `other`).
    `amount_minor` counts the currency's smallest unit; `currency` is ISO 4217 in upper case.
    `object_id` names the refund, dispute, payout, invoice or subscription that the event is about,
    so that a payment's refunds and disputes can be told apart. `is_cumulative`: the amount is a running
    total, not an increment. `is_secondary`: another event already carries this amount; never count it twice.
    """

    kind: str
    payment_id: str | None = None
    object_id: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    is_cumulative: bool = False
    is_secondary: bool = False


def webhook_id(provider: str, event_id: str) -> str:
    """Return the table key of a provider's event: `<provider>:<provider event id>`."""
    return f"{provider}:{event_id}"
