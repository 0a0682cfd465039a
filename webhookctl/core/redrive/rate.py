"""A rate limit shared by threads: at most so many messages a second, evenly."""

import threading
from collections.abc import Callable


class Rate:
    """Hands out permission at `per_s` a second; None means no limit."""

    def __init__(self, per_s: float | None, *, monotonic: Callable[[], float], stop: threading.Event) -> None:
        self._per_s = per_s
        self._monotonic = monotonic
        self._stop = stop
        self._lock = threading.Lock()
        self._next_at = monotonic()

    def acquire(self, count: int) -> bool:
        """Wait until `count` more may go. False when the run was stopped meanwhile: then nothing may go."""
        if self._per_s is None:
            return not self._stop.is_set()
        with self._lock:
            now = self._monotonic()
            turn = max(now, self._next_at)
            self._next_at = turn + count / self._per_s
        return not self._stop.wait(max(0.0, turn - now))
