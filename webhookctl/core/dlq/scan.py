"""Going through the dead-letter queue once: receive, join with the webhooks, hold back, give back.

SQS has no way to look without receiving. A scan therefore hides what it has seen (and keeps it hidden while it runs),
so that each message is seen once, and gives back all that was not deleted when it closes. A message that turns up
twice means that the queue came round: the scan stops there. It never trusts approximate counts alone.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Final, Self

from lambdas.shared.webhook import PaymentEvent, StoredWebhook
from webhookctl.core.dlq.dead_letter import DeadLetter, Queue, QueueMessage, Webhooks
from webhookctl.errors import WebhookctlError

BATCH: Final = 10
"""Entries in one SQS batch call."""
_EMPTY_ANSWERS: Final = 2
"""Empty long polls in a row before the queue counts as empty. One is enough where the queue's own count is zero."""

Normalise = Callable[[StoredWebhook], PaymentEvent | None]
"""Says in canonical words what a stored webhook means; None when its body cannot be read."""


class ScanEnd(StrEnum):
    """Why a scan ended."""

    EMPTY = "empty"
    REPEAT = "repeat"
    DEADLINE = "deadline"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanLimits:
    """How a scan runs. `visibility_s`: how long a received message stays hidden unless the scan renews it.

    `run_for_s` bounds the whole scan. `wait_s` is the long poll that an empty queue costs. `portion` is how many
    messages one `next` may take (a portion shares one read of the table). `patience_s`: for so long an empty queue is
    not the end, because a killed run may still hide messages.
    """

    visibility_s: int = 60
    run_for_s: float = 3600.0
    wait_s: int = 1
    portion: int = 100
    patience_s: float = 0.0


class Scan:
    """One pass over a dead-letter queue, shared by any number of threads."""

    def __init__(
        self,
        queue: Queue,
        webhooks: Webhooks,
        normalise: Normalise,
        *,
        limits: ScanLimits,
        monotonic: Callable[[], float],
        stop: threading.Event,
    ) -> None:
        self._queue = queue
        self._webhooks = webhooks
        self._normalise = normalise
        self._limits = limits
        self._monotonic = monotonic
        self._stop = stop
        self._deadline = monotonic() + limits.run_for_s
        self._patient_until = monotonic() + limits.patience_s
        self._lock = threading.Lock()
        self._seen: set[str] = set()
        self._held: dict[str, QueueMessage] = {}
        self._keeper = _Keeper(self._renew, every_s=limits.visibility_s / 3)
        self.end: ScanEnd | None = None
        self.repeated = 0

    @property
    def seen(self) -> int:
        """How many different messages were received."""
        return len(self._seen)

    def next(self) -> list[DeadLetter]:
        """Receive the next portion. Empty at the end; then `end` says why. Raises WebhookctlError."""
        messages: list[QueueMessage] = []
        empties = 0
        while len(messages) < self._limits.portion and self._may_go_on():
            wanted = min(BATCH, self._limits.portion - len(messages))
            wait_s = 0 if messages else self._limits.wait_s
            is_patient = self._monotonic() <= self._patient_until
            received = self._queue.receive(limit=wanted, visibility_s=self._limits.visibility_s, wait_s=wait_s)
            messages += self._first_seen(received)
            if messages and not received:
                break
            empties = 0 if received or is_patient else empties + 1
            if empties >= _EMPTY_ANSWERS or (empties and self._queue.depth().visible == 0):
                self._finish(ScanEnd.EMPTY)
        return self._join(messages)

    def hold(self, letters: Iterable[DeadLetter]) -> None:
        """Keep these hidden until the scan closes: they are not to be deleted."""
        with self._lock:
            self._held.update({letter.message.message_id: letter.message for letter in letters})

    def take(self, letters: Iterable[DeadLetter]) -> None:
        """Take held letters back into hand: the caller deletes them or holds them again."""
        with self._lock:
            for letter in letters:
                self._held.pop(letter.message.message_id, None)

    def held_ids(self) -> set[str]:
        """Return the ids of the messages that the scan keeps hidden now."""
        with self._lock:
            return set(self._held)

    def close(self) -> None:
        """Give back everything that is held: visible again at once."""
        self._keeper.stop()
        self._hide_all(visibility_s=0)
        with self._lock:
            self._held.clear()

    def __enter__(self) -> Self:
        self._keeper.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _may_go_on(self) -> bool:
        if self._stop.is_set():
            self._finish(ScanEnd.STOPPED)
        elif self._monotonic() >= self._deadline:
            self._finish(ScanEnd.DEADLINE)
        return self.end is None

    def _finish(self, end: ScanEnd) -> None:
        with self._lock:
            self.end = self.end or end

    def _first_seen(self, received: Sequence[QueueMessage]) -> list[QueueMessage]:
        """Keep the messages not seen before. A repeated one ends the scan; its new receipt is the good one."""
        fresh = []
        with self._lock:
            for message in received:
                if message.message_id in self._seen:
                    self.repeated += 1
                    self.end = self.end or ScanEnd.REPEAT
                    self._held[message.message_id] = message
                else:
                    self._seen.add(message.message_id)
                    fresh.append(message)
        return fresh

    def _join(self, messages: Sequence[QueueMessage]) -> list[DeadLetter]:
        ids = {named for message in messages if (named := message.webhook_id) is not None}
        found: Mapping[str, StoredWebhook] = self._webhooks.get_many(sorted(ids)) if ids else {}
        return [self._letter(message, found.get(message.webhook_id or "")) for message in messages]

    def _letter(self, message: QueueMessage, webhook: StoredWebhook | None) -> DeadLetter:
        event = webhook.event or self._normalise(webhook) if webhook is not None else None
        return DeadLetter(message=message, webhook=webhook, event=event)

    def _renew(self) -> None:
        self._hide_all(visibility_s=self._limits.visibility_s)

    def _hide_all(self, *, visibility_s: int) -> None:
        with self._lock:
            held = list(self._held.values())
        for start in range(0, len(held), BATCH):
            self._queue.hide(held[start : start + BATCH], visibility_s=visibility_s)


class _Keeper:
    """Calls `renew` regularly on a thread of its own, so that held messages stay hidden however long a scan takes."""

    def __init__(self, renew: Callable[[], None], *, every_s: float) -> None:
        self._renew = renew
        self._every_s = every_s
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="dlq-visibility", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(self._every_s):
            with suppress(WebhookctlError):  # what is not renewed comes back early: then the scan ends on the repeat
                self._renew()
