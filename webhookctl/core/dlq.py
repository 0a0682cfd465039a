"""Looking into the dead-letter queue without taking anything out."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from webhookctl.core.dead_letter import DeadLetter, Queue, Webhooks
from webhookctl.core.dlq_filter import DeadLetterFilter
from webhookctl.core.dlq_groups import DeadLetterSummary, summarise
from webhookctl.core.dlq_scan import Normalise, Scan, ScanEnd, ScanLimits
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

    def summary(self, filters: DeadLetterFilter, *, limits: ScanLimits, most: int) -> DeadLetterSummary:
        """Return the groups of all dead letters that the filters mean, among the first `most`."""
        depth = self.queue.depth()
        look = self.look(filters, limits=limits, most=most)
        letters = list(look)
        return summarise(
            letters,
            environment=self.environment,
            seen=look.seen,
            depth=depth,
            now=self.now(),
            is_complete=look.is_complete,
        )

    def find(self, wanted: str, *, limits: ScanLimits, most: int) -> DeadLetter:
        """Return the dead letter with this webhook id, event id or message id. Raises NotFoundError."""
        for letter in self.look(DeadLetterFilter(ids=(wanted,)), limits=limits, most=most):
            return letter
        raise NotFoundError(f"no dead letter {wanted!r} among those visible now", hint="webhookctl dlq list")


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
        return self._scan.end in (ScanEnd.EMPTY, ScanEnd.REPEAT)

    def __iter__(self) -> Iterator[DeadLetter]:
        with self._scan as scan:
            while scan.end is None and scan.seen < self._most:
                letters = scan.next()
                scan.hold(letters)
                yield from (letter for letter in letters if self._filters.matches(letter))
