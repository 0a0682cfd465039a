"""A dead letter: the message in the dead-letter queue, joined with the webhook that it points to."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol, Self

from lambdas.shared.tracing import TraceHeader
from lambdas.shared.webhook import PaymentEvent, StoredWebhook

_WEBHOOK_ID: Final = re.compile(r"[a-z0-9_-]+:.+", re.DOTALL)
_LONGEST_KEY: Final = 2048
"""Bytes of a partition key (Amazon DynamoDB developer guide, service quotas)."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """A message attribute: its SQS data type (`String`, `Number`, `Binary`, or with a label) and its value."""

    data_type: str
    value: str | bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMessage:
    """One received SQS message.

    `receipt` is good until the visibility timeout of this receive ends. `sent_at` is the first enqueue, which SQS
    keeps when it moves a message to the dead-letter queue; retention counts from it. `attributes` are the message's
    own, as SQS tells them.
    """

    message_id: str
    receipt: str = field(repr=False)
    body: str = field(repr=False)
    sent_at: datetime
    receive_count: int
    trace_header: str | None = None
    attributes: Mapping[str, Attribute] = field(default_factory=dict)

    @property
    def webhook_id(self) -> str | None:
        """The webhook that the message names, or None when the body is not one of ours.

        Anybody who may send to the queue can write anything: no text that the table would refuse as a key is an id.
        """
        try:
            parsed = json.loads(self.body)
            named = parsed.get("webhookId") if isinstance(parsed, dict) else None
            is_id = isinstance(named, str) and _WEBHOOK_ID.fullmatch(named) and len(named.encode()) <= _LONGEST_KEY
        except (ValueError, RecursionError):  # a lone surrogate is a ValueError too
            return None
        return named if is_id else None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMessage:
    """A message to send: the same body, attributes and trace header as the one it replaces."""

    key: str
    body: str = field(repr=False)
    trace_header: str | None = None
    attributes: Mapping[str, Attribute] = field(default_factory=dict)

    @classmethod
    def again(cls, letter: "DeadLetter") -> Self:
        """Return what replaces a dead letter's message; its key is that one's id."""
        message = letter.message
        return cls(
            key=message.message_id,
            body=message.body,
            trace_header=message.trace_header or trace_header(letter.webhook),
            attributes=message.attributes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOutcome:
    """What a batch call did for each entry: `done` maps entry key -> new message id (empty on deletes)."""

    done: Mapping[str, str]
    failed: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDepth:
    """Approximate counts of a queue. For showing only: nothing is ever decided on them."""

    visible: int
    in_flight: int
    delayed: int
    retention_s: int
    url: str
    arn: str

    @property
    def held(self) -> int:
        """All that is in the queue; a receive does not change it."""
        return self.visible + self.in_flight + self.delayed


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A dead-lettered message, its webhook (None: not in the table) and the webhook's meaning (None: unreadable)."""

    message: QueueMessage
    webhook: StoredWebhook | None
    event: PaymentEvent | None

    @property
    def received_at(self) -> datetime:
        """When the webhook came in; where it is not known, when its message was first queued."""
        return self.webhook.received_at if self.webhook is not None else self.message.sent_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Sibling:
    """Another processed event of the same payment, as the payment index tells it."""

    webhook_id: str
    created_at: datetime
    kind: str
    object_id: str | None = None
    is_cumulative: bool = False


def trace_header(webhook: StoredWebhook | None) -> str | None:
    """Return the AWSTraceHeader for a new message about a webhook: the webhook's own trace goes on."""
    header = TraceHeader.stored(webhook.trace_id, webhook.trace_parent) if webhook is not None else TraceHeader()
    return str(header) if header.root else None


class Queue(Protocol):
    """An SQS queue. Batches have at most ten entries; both batch calls report each entry's own outcome.

    Every method raises WebhookctlError when the call as a whole fails.
    """

    def receive(self, *, limit: int, visibility_s: int, wait_s: int) -> Sequence[QueueMessage]:
        """Receive up to `limit` (1-10) messages and hide them for `visibility_s`; wait up to `wait_s` for the first."""
        ...

    def send(self, messages: Sequence[OutgoingMessage]) -> BatchOutcome:
        """Send up to ten messages."""
        ...

    def delete(self, messages: Sequence[QueueMessage]) -> BatchOutcome:
        """Delete up to ten received messages, keyed by message id."""
        ...

    def hide(self, messages: Sequence[QueueMessage], *, visibility_s: int) -> BatchOutcome:
        """Hide up to ten received messages for `visibility_s` from now; 0 gives them back."""
        ...

    def depth(self) -> QueueDepth:
        """Return the queue's approximate counts."""
        ...


class Webhooks(Protocol):
    """The table, as far as dead letters need it."""

    def get_many(self, webhook_ids: Iterable[str]) -> Mapping[str, StoredWebhook]:
        """Return the webhooks that exist, read consistently. Raises WebhookctlError."""
        ...

    def of_payment(self, payment_id: str) -> Sequence[Sibling]:
        """Return the processed events of a payment, from the index (eventually consistent)."""
        ...
