"""Ctrl-C that loses nothing: the first one asks for an end in good order, the second one ends at once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from webhookctl.console import Console


@contextmanager
def stopping(console: Console, *, after: str) -> Iterator[threading.Event]:
    """Yield an event that the first Ctrl-C sets. `after` says what is still finished: "the batch in hand"."""
    stop = threading.Event()
    before = signal.getsignal(signal.SIGINT)

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        console.say(f"\nstopping after {after}; Ctrl-C again to stop at once")

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
