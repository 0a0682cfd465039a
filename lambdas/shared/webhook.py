"""The domain's dataclasses: a request as it arrived, what it says, and the stored webhook with its wire formats."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from lambdas.shared import attributes
from lambdas.shared.audit_record import GENESIS, chain_hash
from lambdas.shared.body import compress, decompress
from lambdas.shared.clock import iso, parse_iso
from lambdas.shared.errors import MalformedError

MESSAGE_VERSION = 1


class Status(StrEnum):
    """Where a stored webhook stands: RECEIVED -> PROCESSED, or RECEIVED -> FAILED -> PROCESSED.

    Two further marks are items beside the webhooks, never processed: CONFLICT is another body that arrived verified
    under a known id; DELIVERY claims a signed delivery id for one body, where a provider signs too little of it.
    """

    RECEIVED = "RECEIVED"
    FAILED = "FAILED"
    PROCESSED = "PROCESSED"
    CONFLICT = "CONFLICT"
    DELIVERY = "DELIVERY"

    @property
    def is_webhook(self) -> bool:
        """This is a webhook's own state, not a mark beside one."""
        return self in (Status.RECEIVED, Status.FAILED, Status.PROCESSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRequest:
    """One HTTP delivery, exactly as the sender's bytes arrived.

    `headers` has lower-case names; values are verbatim. `body` is never decoded or re-serialised
    before its signature is verified. `received_at` is an aware UTC datetime. `trace_id` is the X-Ray trace's.
    """

    provider: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    received_at: datetime
    source_ip: str = ""
    request_id: str = ""
    trace_id: str | None = None


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
    Where these two are false the item does not have them.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class LastError:
    """Why the last try to process a webhook failed. `error_class` is the code's name, `fingerprint` groups alike ones.

    `message` names no value of the body.
    """

    error_class: str
    message: str
    fingerprint: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWebhook:
    """One webhook as the table holds it. Every change of state is a new value with `seq` + 1 and its chain hash.

    `body` is what the provider sent (card data redacted: then `redactions` counts them and `original_hmac` is the
    HMAC-SHA256 of the original under the provider key `original_hmac_key`); it is empty where a query did not ask for
    it. `body_sha256` is over the stored bytes. `trace_parent` is the receiver's segment, where the trace is sampled.
    `actor` wrote the present state: `receiver`, `processor` or `operator:<name>`. `note` is the operator's reason.
    `expires_at` is a Unix time in seconds.
    """

    webhook_id: str
    provider: str
    event_type: str
    event_created_at: datetime
    received_at: datetime
    status: Status
    body_sha256: str
    body: bytes = field(default=b"", repr=False)
    seq: int = 1
    prev_hash: str = GENESIS
    chain_hash: str = ""
    actor: str = "receiver"
    api_version: str | None = None
    livemode: bool | None = None
    account: str | None = None
    trace_id: str | None = None
    trace_parent: str | None = None
    attempts: int = 0
    last_error: LastError | None = None
    event: PaymentEvent | None = None
    processed_at: datetime | None = None
    expires_at: int | None = None
    redactions: int | None = None
    original_hmac: str | None = None
    original_hmac_key: str | None = None
    note: str | None = None

    @property
    def event_id(self) -> str:
        """The provider's own id of the event."""
        return self.webhook_id.partition(":")[2]

    @property
    def is_terminal(self) -> bool:
        """Nothing may change this state any more."""
        return self.status not in (Status.RECEIVED, Status.FAILED)

    def sealed(self) -> Self:
        """Return the first state of an item with its chain hash."""
        return replace(self, chain_hash=chain_hash(self.prev_hash, self._values()))

    def changed(self, *, actor: str, **changes: Any) -> Self:  # noqa: ANN401 - any field, checked by `replace`
        """Return the next state: the changes, `seq` + 1, and the chain extended."""
        after = replace(self, actor=actor, seq=self.seq + 1, prev_hash=self.chain_hash, **changes)
        return after.sealed()

    def processed(self, event: PaymentEvent, *, at: datetime, attempts: int, expires_at: int) -> Self:
        """Return the state after a successful processing: the event in canonical words, the last error gone."""
        return self.changed(
            actor="processor",
            status=Status.PROCESSED,
            event=event,
            processed_at=at,
            attempts=self.attempts + attempts,
            last_error=None,
            expires_at=expires_at,
        )

    def failed(self, error: LastError, *, attempts: int) -> Self:
        """Return the state after the last receive failed."""
        return self.changed(
            actor="processor", status=Status.FAILED, last_error=error, attempts=self.attempts + attempts
        )

    def edited(self, body: bytes, *, operator: str, note: str) -> Self:
        """Return the state after an operator replaced the body. The status stays: only processing changes it."""
        digest = hashlib.sha256(body).hexdigest()
        return self.changed(actor=f"operator:{operator}", body=body, body_sha256=digest, note=note)

    def to_item(self) -> attributes.Item:
        """Return the DynamoDB item (typed attribute values)."""
        values = self._values()
        if self.body:
            values["body"] = compress(self.body)
        if self.status is Status.FAILED and self.last_error is not None:
            values["failedDay"] = iso(self.last_error.at)[:10]
        return attributes.to_item(values)

    @classmethod
    def from_item(cls, item: Mapping[str, Mapping[str, Any]]) -> Self:
        """Read an item, an index projection (without body) or a stream image. Raises MalformedError."""
        try:
            return cls._from_values(attributes.from_item(item))
        except (KeyError, ValueError, TypeError, ArithmeticError) as error:
            raise MalformedError("the item is not a stored webhook", reason="item_malformed") from error

    def message(self) -> str:
        """Return the queue message's body: the id and nothing else."""
        return json.dumps({"webhookId": self.webhook_id, "v": MESSAGE_VERSION}, separators=(",", ":"))

    def _values(self) -> dict[str, Any]:
        values: dict[str, Any] = {
            name: value
            for name, field_name in _PLAIN_FIELDS.items()
            if (value := getattr(self, field_name)) is not None
        }
        values |= {name: iso(value) for name, field_name in _TIMES.items() if (value := getattr(self, field_name))}
        values["status"] = self.status.value
        if self.last_error is not None:
            error = self.last_error
            values["lastError"] = {
                "class": error.error_class,
                "message": error.message,
                "fingerprint": error.fingerprint,
                "at": iso(error.at),
            }
        if self.event is not None:
            values |= {
                name: value
                for name, key in _EVENT_FIELDS.items()
                if (value := getattr(self.event, key)) is not None and value is not False
            }
        return values

    @classmethod
    def _from_values(cls, values: dict[str, Any]) -> Self:
        plain = {key: values[name] for name, key in _PLAIN_FIELDS.items() if name in values}
        times: dict[str, Any] = {key: parse_iso(values[name]) for name, key in _TIMES.items() if name in values}
        event: dict[str, Any] = {key: values[name] for name, key in _EVENT_FIELDS.items() if name in values}
        error = values.get("lastError")
        return cls(
            **plain,
            **times,
            status=Status(values["status"]),
            body=decompress(values["body"]) if "body" in values else b"",
            last_error=_last_error(error) if error else None,
            event=PaymentEvent(**event) if "kind" in event else None,
        )


def message_webhook_id(body: str) -> str:
    """Return the webhook id that a queue message names. Raises MalformedError."""
    try:
        message = json.loads(body)
        webhook_id, version = message["webhookId"], message["v"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise MalformedError("the queue message is not ours", reason="message_malformed") from error
    if version != MESSAGE_VERSION or not isinstance(webhook_id, str):
        raise MalformedError("the queue message has an unknown version", reason="message_malformed")
    return webhook_id


_PLAIN_FIELDS = {
    "webhookId": "webhook_id",
    "provider": "provider",
    "eventType": "event_type",
    "bodySha256": "body_sha256",
    "seq": "seq",
    "prevHash": "prev_hash",
    "chainHash": "chain_hash",
    "actor": "actor",
    "apiVersion": "api_version",
    "livemode": "livemode",
    "account": "account",
    "traceId": "trace_id",
    "traceParent": "trace_parent",
    "attempts": "attempts",
    "expiresAt": "expires_at",
    "redactions": "redactions",
    "originalHmac": "original_hmac",
    "originalHmacKey": "original_hmac_key",
    "note": "note",
}
_TIMES = {"eventCreatedAt": "event_created_at", "receivedAt": "received_at", "processedAt": "processed_at"}
_EVENT_FIELDS = {
    "kind": "kind",
    "paymentId": "payment_id",
    "objectId": "object_id",
    "amountMinor": "amount_minor",
    "currency": "currency",
    "isCumulative": "is_cumulative",
    "isSecondary": "is_secondary",
}


def _last_error(values: Mapping[str, Any]) -> LastError:
    return LastError(
        error_class=values["class"],
        message=values["message"],
        fingerprint=values["fingerprint"],
        at=parse_iso(values["at"]),
    )
