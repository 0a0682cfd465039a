"""How much time an invocation has left: what might not end within it is not begun, so that it can still answer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf
from typing import Final

from lambdas.shared.errors import UnavailableError

ANSWER_S: Final = 0.5
"""What is kept back to write the log line and the answer."""

_remaining_s: ContextVar[Callable[[], float]] = ContextVar("remaining_s", default=lambda: inf)


@contextmanager
def within(remaining_s: Callable[[], float]) -> Iterator[None]:
    """Bound what happens inside by the seconds that `remaining_s` says are left. Without it there is no bound."""
    token = _remaining_s.set(remaining_s)
    try:
        yield
    finally:
        _remaining_s.reset(token)


def require(seconds: float) -> None:
    """Raise UnavailableError unless something that may take so long leaves time to answer."""
    if _remaining_s.get()() < seconds + ANSWER_S:
        raise UnavailableError("too little time is left to answer after another call", reason="out_of_time")
