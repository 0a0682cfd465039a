"""Waiting for what happens in its own time, without a pause longer than it takes."""

import time
from collections.abc import Callable


def eventually(condition: Callable[[], bool], *, within_s: float) -> bool:
    """Poll a condition until it holds or the time is over."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return condition()
