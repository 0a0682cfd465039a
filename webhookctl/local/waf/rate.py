"""How AWS WAF enforces a rate-based rule: a sliding window, looked at now and then, acted on late.

Source: AWS WAF developer guide, "Rate-based rule statement" and its caveats: the rate is estimated about every ten
seconds, blocking and unblocking lag behind, blocked requests keep counting, every aggregation key is counted by
itself, at most 10,000 keys are limited at once, and changing a rate setting resets the counts.
"""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from stack.limits import WAF_CHECK_INTERVAL_S

MAX_LIMITED_KEYS: Final = 10_000
_RESOLUTION_S: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class RateSettings:
    """A rate-based rule's numbers. Lags are seconds between AWS's look at the rate and the effect on requests."""

    limit: int
    window_s: int
    block_lag_s: float = 0.0
    unblock_lag_s: float = 0.0
    check_interval_s: float = WAF_CHECK_INTERVAL_S


@dataclass(slots=True)
class _Key:
    """One aggregation key: its requests in the window, and the decisions that have yet to take effect."""

    buckets: deque[tuple[float, int]] = field(default_factory=deque)
    total: int = 0
    is_over: bool = False
    is_blocked: bool = False
    pending: deque[tuple[float, bool]] = field(default_factory=deque)

    def count(self, now: float) -> None:
        """Add one request at `now`, in buckets of a tenth of a second."""
        bucket = now - now % _RESOLUTION_S
        if self.buckets and self.buckets[-1][0] == bucket:
            self.buckets[-1] = (bucket, self.buckets[-1][1] + 1)
        else:
            self.buckets.append((bucket, 1))
        self.total += 1

    def expire(self, before: float) -> None:
        """Forget requests older than `before`."""
        while self.buckets and self.buckets[0][0] <= before:
            self.total -= self.buckets.popleft()[1]

    def settle(self, now: float) -> None:
        """Let the decisions whose lag has passed take effect."""
        while self.pending and self.pending[0][0] <= now:
            self.is_blocked = self.pending.popleft()[1]

    @property
    def is_idle(self) -> bool:
        """Whether nothing is left to remember."""
        return not (self.buckets or self.pending or self.is_blocked or self.is_over)


class RateLimiter:
    """The state of one rate-based rule. Time is an argument (seconds on any monotonic scale), so a test owns it."""

    def __init__(self, settings: RateSettings, *, start: float, phase: Callable[[], float] = random.random) -> None:
        self.settings = settings
        self._keys: dict[str, _Key] = {}
        self._next_check = start + phase() * settings.check_interval_s

    def observe(self, key: str, now: float) -> bool:
        """Count one request of `key` and say whether it is blocked."""
        self._run_checks(now)
        state = self._keys.get(key)
        if state is None:
            state = self._keys[key] = _Key()
        state.settle(now)
        state.count(now)
        return state.is_blocked

    def limited_keys(self, now: float) -> list[str]:
        """Return the keys that are blocked at `now`."""
        self._run_checks(now)
        for state in self._keys.values():
            state.settle(now)
        return [key for key, state in self._keys.items() if state.is_blocked]

    def _run_checks(self, now: float) -> None:
        while self._next_check <= now:
            if not self._keys:
                behind = (now - self._next_check) // self.settings.check_interval_s + 1
                self._next_check += behind * self.settings.check_interval_s
                return
            self._check(self._next_check)
            self._next_check += self.settings.check_interval_s

    def _check(self, at: float) -> None:
        settings = self.settings
        limited = sum(state.is_over for state in self._keys.values())
        for key in list(self._keys):
            state = self._keys[key]
            state.expire(at - settings.window_s)
            state.settle(at)
            is_over = state.total > settings.limit
            if is_over and not state.is_over:
                if limited >= MAX_LIMITED_KEYS:
                    continue
                limited += 1
                state.pending.append((at + settings.block_lag_s, True))
            elif state.is_over and not is_over:
                state.pending.append((at + settings.unblock_lag_s, False))
            state.is_over = is_over
            if state.is_idle:
                del self._keys[key]
