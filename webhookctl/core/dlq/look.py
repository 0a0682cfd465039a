"""Looking into the dead-letter queue without taking anything out."""

import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime

from webhookctl.core.dlq.dead_letter import DeadLetter, Queue, QueueDepth, Webhooks
from webhookctl.core.dlq.filter import DeadLetterFilter
from webhookctl.core.dlq.groups import DeadLetterSummary, summarise
from webhookctl.core.dlq.scan import Normalise, Scan, ScanEnd, ScanLimits
from webhookctl.errors import NotFoundError


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterQueue:
    """The dead-letter queue of an environment, and what its messages are joined with."""

    environment: str
    queue: Queue
    webhooks: Webhooks
    normalise: Normalise
    now: Callable[[], datetime]
    monotonic: Callable[[], float] = time.monotonic
    stop: threading.Event = field(default_factory=threading.Event)

    def scan(self, limits: ScanLimits) -> Scan:
        """Return one pass over the queue; use it as a context manager, so that all is given back."""
        return Scan(self.queue, self.webhooks, self.normalise, limits=limits, monotonic=self.monotonic, stop=self.stop)

    def look(self, filters: DeadLetterFilter, *, limits: ScanLimits, most: int) -> "Look":
        """Start looking at up to `most` messages."""
        return Look(self, filters, limits=limits, most=most)

    def find_all(self, filters: DeadLetterFilter, *, limits: ScanLimits, most: int) -> "Found":
        """Look at up to `most` messages and keep the dead letters that the filters mean."""
        depth = self.queue.depth()
        look = self.look(filters, limits=limits, most=most)
        letters = tuple(look)
        return Found(
            environment=self.environment, letters=letters, seen=look.seen, is_complete=look.is_complete, depth=depth
        )

    def find(self, wanted: str, *, limits: ScanLimits, most: int) -> "Found":
        """Find the dead letter with this webhook id, event id or message id. Raises NotFoundError."""
        depth = self.queue.depth()
        look = self.look(DeadLetterFilter(ids=(wanted,)), limits=limits, most=most)
        with closing(iter(look)) as letters:
            first = next(letters, None)
        if first is None:
            raise NotFoundError(f"no dead letter {wanted!r} among those visible now", hint="webhookctl dlq list --each")
        return Found(environment=self.environment, letters=(first,), seen=look.seen, is_complete=False, depth=depth)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a look found. `seen` messages were received for it and given back; `depth` is from before the look."""

    environment: str
    letters: Sequence[DeadLetter]
    seen: int
    is_complete: bool
    depth: QueueDepth

    def summary(self, now: datetime) -> DeadLetterSummary:
        """Sum it up, with ages and clocks as of now."""
        return summarise(
            self.letters,
            environment=self.environment,
            seen=self.seen,
            depth=self.depth,
            now=now,
            is_complete=self.is_complete,
        )


class Look:
    """Iterates over the dead letters that the filters mean; gives all back at the end, or when closed early."""

    def __init__(self, queue: DeadLetterQueue, filters: DeadLetterFilter, *, limits: ScanLimits, most: int) -> None:
        self._scan = queue.scan(limits)
        self._filters = filters
        self._most = most

    @property
    def seen(self) -> int:
        """How many messages were received."""
        return self._scan.seen

    @property
    def is_complete(self) -> bool:
        """Whether the queue came to its end: nothing visible was left out."""
        return self._scan.end is ScanEnd.EMPTY

    def __iter__(self) -> Generator[DeadLetter]:
        with self._scan as scan:
            while scan.end is None and scan.seen < self._most:
                letters = scan.next(self._most - scan.seen)
                scan.hold(letters)
                yield from (letter for letter in letters if self._filters.matches(letter))
