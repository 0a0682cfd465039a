"""Watching the dead-letter queue without wearing it out: look inside only when the depth changes."""

import time
from collections.abc import Callable, Iterator

from webhookctl.core.dlq.filter import DeadLetterFilter
from webhookctl.core.dlq.groups import DeadLetterSummary
from webhookctl.core.dlq.look import DeadLetterQueue
from webhookctl.core.dlq.scan import ScanLimits


def watch(
    queue: DeadLetterQueue,
    filters: DeadLetterFilter,
    *,
    limits: ScanLimits,
    most: int,
    every_s: float,
    changes_only: bool,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[DeadLetterSummary]:
    """Yield the summary at every reading, for ever; with `changes_only`, only when the queue's depth has changed.

    Between changes no message is received: ages and clocks are reckoned anew from what was seen last.
    """
    found = queue.find_all(filters, limits=limits, most=most)
    yield found.summary(queue.now())
    while True:
        sleep(every_s)
        depth = queue.queue.depth()
        has_changed = depth.held != found.depth.held
        if has_changed:
            found = queue.find_all(filters, limits=limits, most=most)
        if has_changed or not changes_only:
            yield found.summary(queue.now())
