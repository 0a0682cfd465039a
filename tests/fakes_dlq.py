"""Fakes of the dead-letter ports: a queue with visibility in simulated time, a table, and death at a chosen step."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from lambdas.shared.webhook import LastError, PaymentEvent, Status, StoredWebhook
from webhookctl.core.dlq.dead_letter import Attribute, BatchOutcome, OutgoingMessage, QueueDepth, QueueMessage, Sibling

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Killed(BaseException):
    """The process died here: from now on none of its calls reaches anything."""


@dataclass
class World:
    """Simulated time, and the step at which the process dies.

    `dies_at` counts calls of the queues and the journal: odd half-steps are after the effect. `None`: never.
    """

    seconds: float = 0.0
    dies_at: int | None = None
    half_steps: int = 0
    is_dead: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock)

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def step(self) -> None:
        """Die here, if it is time."""
        if self.is_dead or self.half_steps == self.dies_at:
            self.is_dead = True
            raise Killed
        self.half_steps += 1


@dataclass
class FakeQueue:
    """An SQS queue. `refuses_sends` and `refuses_deletes` name what batch calls fail for, once each.

    `tells_depth`: whether its own count is right; else it is zero.
    """

    world: World
    messages: dict[str, QueueMessage] = field(default_factory=dict)
    visible_at: dict[str, float] = field(default_factory=dict)
    sent: list[OutgoingMessage] = field(default_factory=list)
    refuses_sends: set[str] = field(default_factory=set)
    refuses_deletes: set[str] = field(default_factory=set)
    tells_depth: bool = True

    def add(self, webhook_id: str, *, message_id: str | None = None, body: str | None = None) -> None:
        key = message_id or f"m-{webhook_id}"
        self.messages[key] = QueueMessage(
            message_id=key,
            receipt="",
            body=f'{{"webhookId":"{webhook_id}","v":1}}' if body is None else body,
            sent_at=NOW - timedelta(hours=1),
            receive_count=5,
            trace_header=f"Root=1-{key}",
            attributes={"origin": Attribute("String", "test")},
        )
        self.visible_at[key] = 0.0

    def receive(self, *, limit: int, visibility_s: int, wait_s: int) -> Sequence[QueueMessage]:
        with self.world.lock:
            self.world.step()
            ready = [key for key in self.messages if self.visible_at[key] <= self.world.seconds][:limit]
            for key in ready:
                self.visible_at[key] = self.world.seconds + visibility_s
                old = self.messages[key]
                count = old.receive_count + 1
                self.messages[key] = replace(old, receive_count=count, receipt=f"{key}#{count}")
            if not ready:
                self.world.seconds += wait_s
            self.world.step()
            return [self.messages[key] for key in ready]

    def send(self, messages: Sequence[OutgoingMessage]) -> BatchOutcome:
        with self.world.lock:
            self.world.step()
            refused = {message.key for message in messages} & self.refuses_sends
            self.refuses_sends -= refused
            taken = [message for message in messages if message.key not in refused]
            self.sent += taken
            self.world.step()
            return BatchOutcome(
                done={message.key: f"new-{message.key}" for message in taken},
                failed=dict.fromkeys(refused, "InternalError"),
            )

    def delete(self, messages: Sequence[QueueMessage]) -> BatchOutcome:
        with self.world.lock:
            self.world.step()
            refused = {message.message_id for message in messages} & self.refuses_deletes
            self.refuses_deletes -= refused
            done = [message.message_id for message in messages if message.message_id not in refused]
            for key in done:
                self.messages.pop(key, None)
            self.world.step()
            return BatchOutcome(done=dict.fromkeys(done, ""), failed=dict.fromkeys(refused, "InternalError"))

    def hide(self, messages: Sequence[QueueMessage], *, visibility_s: int) -> BatchOutcome:
        with self.world.lock:
            self.world.step()
            for message in messages:
                self.visible_at[message.message_id] = self.world.seconds + visibility_s
            return BatchOutcome(done={message.message_id: "" for message in messages}, failed={})

    def depth(self) -> QueueDepth:
        visible, held = (len(self.visible), len(self.messages)) if self.tells_depth else (0, 0)
        return QueueDepth(
            visible=visible,
            in_flight=held - visible,
            delayed=0,
            retention_s=14 * 86400,
            url="https://q",
            arn="arn:q",
        )

    @property
    def visible(self) -> set[str]:
        return {key for key in self.messages if self.visible_at[key] <= self.world.seconds}


@dataclass
class FakeWebhooks:
    """The table. `becomes` says what a webhook turns into once it is read a second time after the redrive."""

    stored: dict[str, StoredWebhook] = field(default_factory=dict)
    siblings: dict[str, list[Sibling]] = field(default_factory=dict)

    def get_many(self, webhook_ids: Iterable[str]) -> Mapping[str, StoredWebhook]:
        return {key: self.stored[key] for key in webhook_ids if key in self.stored}

    def of_payment(self, payment_id: str) -> Sequence[Sibling]:
        return self.siblings.get(payment_id, [])

    def add(self, webhook: StoredWebhook) -> StoredWebhook:
        self.stored[webhook.webhook_id] = webhook
        return webhook

    def replace_body(self, before: StoredWebhook, after: StoredWebhook) -> bool:
        if self.stored[before.webhook_id] != before:
            return False
        self.add(after)
        return True

    def end(self, webhook_id: str, status: Status) -> None:
        """Let the processor write a new state."""
        before = self.stored[webhook_id]
        self.stored[webhook_id] = replace(before, status=status, seq=before.seq + 1)


def failed_webhook(
    name: str,
    *,
    provider: str = "stripe",
    event_type: str = "payment_intent.succeeded",
    error: str = "boom",
    status: Status = Status.FAILED,
    received_at: datetime = NOW - timedelta(hours=1),
    event: PaymentEvent | None = None,
    body: bytes = b"{}",
) -> StoredWebhook:
    return StoredWebhook(
        webhook_id=f"{provider}:{name}",
        provider=provider,
        event_type=event_type,
        event_created_at=received_at,
        received_at=received_at,
        status=status,
        body=body,
        body_sha256="0" * 64,
        seq=2,
        attempts=5,
        last_error=LastError(error_class="ProcessingError", message=error, fingerprint=f"fp-{error}", at=received_at)
        if status is Status.FAILED
        else None,
        event=event,
    )


class FakeMoves:
    """An SQS without move tasks. Implements `MoveTasks`."""

    def latest(self, source_arn: str) -> None:
        del source_arn

    def start(self, source_arn: str, *, target_arn: str, rate_per_s: int | None) -> str:
        raise AssertionError((source_arn, target_arn, rate_per_s))

    def cancel(self, handle: str) -> None:
        raise AssertionError(handle)
