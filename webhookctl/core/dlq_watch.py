"""Watching the dead-letter queue without wearing it out: look inside only when the depth changes."""

import time
from collections.abc import Callable, Iterator

from webhookctl.core.dlq import DeadLetterQueue
from webhookctl.core.dlq_filter import DeadLetterFilter
from webhookctl.core.dlq_groups import DeadLetterSummary
from webhookctl.core.dlq_scan import ScanLimits


def watch(
    queue: DeadLetterQueue,
    filters: DeadLetterFilter,
    *,
    limits: ScanLimits,
    most: int,
    every_s: float,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[DeadLetterSummary]:
    """Yield the summary now, and again whenever the queue's depth has changed, for ever."""
    shown: int | None = None
    while True:
        depth = queue.queue.depth()
        held = depth.visible + depth.in_flight
        if held != shown:
            yield queue.summary(filters, limits=limits, most=most)
            shown = held
        sleep(every_s)
