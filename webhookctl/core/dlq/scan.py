"""Going through the dead-letter queue once: receive, join with the webhooks, hold back, give back.

SQS has no way to look without receiving. A scan therefore hides what it has seen (and keeps it hidden while it runs),
so that each message is seen once, and gives back all that was not deleted when it closes. A message that turns up
again, because SQS delivers at least once or a renewal came late, is known: only its newer receipt counts from then on.
Nothing but ones put aside, several times in a row, means that the scan cannot hide them: it stops there, incomplete.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext, suppress
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
_KNOWN_ANSWERS: Final = 3
"""Answers in a row with nothing but messages that were put aside: then the queue goes round."""
_QUIET_S: Final = 3.0
"""A wait for other readers' messages that is shorter than this is not worth a word."""

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
    not the end, because a killed run may still hide messages. `settle_s`: for so long after the last message an empty
    queue is not the end while its own count tells of messages that this scan does not hide: another reader does, or the
    count is late.
    """

    visibility_s: int = 60
    run_for_s: float = 3600.0
    wait_s: int = 1
    portion: int = 100
    patience_s: float = 0.0
    settle_s: float = 0.0


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
        waits_for: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Start a pass. `waits_for` is told, once, how many hidden messages a longer wait is for."""
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
        self._kept: dict[str, QueueMessage] = {}
        self._held: set[str] = set()
        self._known_in_a_row = 0
        self._last_at = monotonic()
        self._waits_for = waits_for
        self._has_told = False
        self._keeper = _Keeper(self._renew, every_s=limits.visibility_s / 3)
        self.end: ScanEnd | None = None

    @property
    def seen(self) -> int:
        """How many different messages were received."""
        return len(self._seen)

    def next(self, most: int | None = None) -> list[DeadLetter]:
        """Receive the next portion, of `most` at most. Empty at the end; then `end` says why. Raises WebhookctlError.

        What it returns stays hidden, too, until it is deleted or the scan closes.
        """
        messages: list[QueueMessage] = []
        empties = 0
        portion = self._limits.portion if most is None else min(most, self._limits.portion)
        while len(messages) < portion and self._may_go_on():
            wanted = min(BATCH, portion - len(messages))
            wait_s = 0 if messages else self._limits.wait_s
            is_patient = self._monotonic() <= self._patient_until
            received = self._queue.receive(limit=wanted, visibility_s=self._limits.visibility_s, wait_s=wait_s)
            fresh = self._first_seen(received)
            messages += fresh
            if messages and not fresh:
                break
            empties = 0 if received or is_patient else empties + 1
            if empties and self._is_at_its_end(empties):
                self._finish(ScanEnd.EMPTY)
        return self._join(messages)

    def hold(self, letters: Iterable[DeadLetter]) -> None:
        """Put these aside until the scan closes: they are not to be deleted."""
        with self._lock:
            self._held |= {letter.message.message_id for letter in letters}

    def take(self, letters: Iterable[DeadLetter]) -> None:
        """Take held letters back into hand: the caller deletes them or holds them again."""
        with self._lock:
            self._held -= {letter.message.message_id for letter in letters}

    def held_ids(self) -> set[str]:
        """Return the ids of the messages that were put aside."""
        with self._lock:
            return set(self._held)

    def delete(self, messages: Sequence[QueueMessage]) -> list[QueueMessage]:
        """Delete these, each by its newest receipt; return those that the queue refused. Raises WebhookctlError."""
        refused: list[QueueMessage] = []
        for start in range(0, len(messages), BATCH):
            batch = self._newest(messages[start : start + BATCH])
            while batch:
                failed = self._queue.delete(batch).failed
                refused += [message for message in batch if message.message_id in failed]
                with self._lock:
                    self._held |= failed.keys()
                batch = self._let_go([message for message in batch if message.message_id not in failed])
        return refused

    def unseen(self) -> int:
        """Return how many messages are in the queue, by its own approximate count, that the scan does not hide.

        Exact only while no other thread receives or deletes.
        """
        held = self._queue.depth().held
        with self._lock:
            return max(0, held - len(self._kept))

    def close(self) -> None:
        """Give back everything that was not deleted: visible again at once."""
        self._keeper.stop()
        self._hide_all(visibility_s=0)
        with self._lock:
            self._kept.clear()
            self._held.clear()

    def __enter__(self) -> Self:
        self._keeper.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(WebhookctlError) if error is not None else nullcontext():  # the first error says more
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

    def _is_at_its_end(self, empties: int) -> bool:
        """Say whether so many empty answers in a row are the end."""
        depth = self._queue.depth()
        if empties < _EMPTY_ANSWERS and depth.visible:
            return False
        with self._lock:
            quiet_s = self._monotonic() - self._last_at
            others = depth.held - len(self._kept)
            is_over = quiet_s >= self._limits.settle_s or others <= 0
            is_to_tell = not is_over and quiet_s >= _QUIET_S and not self._has_told
            self._has_told = self._has_told or is_to_tell
        if is_to_tell:
            self._waits_for(others)
        return is_over

    def _first_seen(self, received: Sequence[QueueMessage]) -> list[QueueMessage]:
        """Keep the messages not seen before. Take the new receipt of a known one; delete one that had to be gone."""
        fresh, ghosts = [], []
        with self._lock:
            for message in received:
                if message.message_id not in self._seen:
                    fresh.append(message)
                elif message.message_id not in self._kept:
                    ghosts.append(message)
                    continue
                self._seen.add(message.message_id)
                self._kept[message.message_id] = message
            if fresh:
                self._known_in_a_row, self._last_at = 0, self._monotonic()
            elif received and all(message.message_id in self._held for message in received):
                self._known_in_a_row += 1
            is_round = self._known_in_a_row >= _KNOWN_ANSWERS
        if ghosts:
            self._queue.delete(ghosts)
        if is_round:
            self._finish(ScanEnd.REPEAT)
        return fresh

    def _newest(self, messages: Sequence[QueueMessage]) -> list[QueueMessage]:
        with self._lock:
            return [self._kept.get(message.message_id, message) for message in messages]

    def _let_go(self, deleted: Sequence[QueueMessage]) -> list[QueueMessage]:
        """Forget what was deleted; return those that came in once more meanwhile: only their new receipt deletes."""
        with self._lock:
            again = [self._kept.get(message.message_id, message) for message in deleted]
            again = [new for new, old in zip(again, deleted, strict=True) if new.receipt != old.receipt]
            for message_id in {message.message_id for message in deleted} - {new.message_id for new in again}:
                self._kept.pop(message_id, None)
                self._held.discard(message_id)
        return again

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
            kept = list(self._kept.values())
        for start in range(0, len(kept), BATCH):
            self._queue.hide(kept[start : start + BATCH], visibility_s=visibility_s)


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
            with suppress(WebhookctlError):  # what is not renewed comes back early and is known
                self._renew()
