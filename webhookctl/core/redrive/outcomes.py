"""What became of redriven webhooks: processed, failed again, or not known yet."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Final

from lambdas.shared.webhook import Status, StoredWebhook
from webhookctl.core.dlq.dead_letter import Webhooks
from webhookctl.core.redrive.journal import Sent
from webhookctl.core.redrive.returned import Returned

_READ: Final = 100
"""Items in one BatchGetItem call."""
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 2.0
_CAME_BACK: Final = "back in the dead-letter queue without a failure on record: the processor died over it"


class Outcome(StrEnum):
    """How a redriven webhook ended."""

    PROCESSED = "processed"
    FAILED_AGAIN = "failed_again"


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The end of one redriven webhook. `reason` is set where the table does not have it."""

    webhook_id: str
    outcome: Outcome
    reason: str | None = None


@dataclass(kw_only=True)
class Followed:
    """Webhooks whose end is awaited, and how many ended how."""

    waiting: dict[str, Sent] = field(default_factory=dict)
    processed: int = 0
    failed_again: int = 0

    def add(self, sent: Sent) -> None:
        """Await the end of one more redriven webhook."""
        self.waiting[sent.webhook_id] = sent

    def settle(self, end: End) -> None:
        """Count an end."""
        del self.waiting[end.webhook_id]
        if end.outcome is Outcome.PROCESSED:
            self.processed += 1
        else:
            self.failed_again += 1


def outcome_of(webhook: StoredWebhook | None, sent: Sent) -> Outcome | None:
    """Return the end of a redriven webhook; None while it is on its way.

    FAILED counts only with a higher sequence number than before the redrive: the old failure is not the outcome.
    """
    if webhook is None:
        return None
    if webhook.status is Status.PROCESSED:
        return Outcome.PROCESSED
    return Outcome.FAILED_AGAIN if webhook.status is Status.FAILED and webhook.seq > sent.seq else None


def follow(
    followed: Followed,
    *,
    webhooks: Webhooks,
    returned: Returned,
    timeout_s: float,
    monotonic: Callable[[], float],
    stop: threading.Event,
) -> Iterator[End]:
    """Yield each webhook's end as it becomes known, until all are known, the time is up, or the run is stopped."""
    deadline = monotonic() + timeout_s
    pause_s = _FIRST_PAUSE_S
    while followed.waiting:
        is_last = monotonic() >= deadline
        settled = 0
        for end in _ends(followed, webhooks, returned, is_last=is_last):
            followed.settle(end)
            settled += 1
            yield end
        if not followed.waiting or is_last:
            return
        pause_s = _FIRST_PAUSE_S if settled else min(pause_s * 1.5, _LONGEST_PAUSE_S)
        if stop.wait(min(pause_s, max(0.0, deadline - monotonic()))):
            return


def _ends(followed: Followed, webhooks: Webhooks, returned: Returned, *, is_last: bool) -> Iterator[End]:
    back = returned.among(list(followed.waiting.values()), is_last=is_last)
    yield from _written(followed, webhooks)  # read after the queue: a failure on record says more than the message
    for webhook_id in back & followed.waiting.keys():
        yield End(webhook_id=webhook_id, outcome=Outcome.FAILED_AGAIN, reason=_CAME_BACK)


def _written(followed: Followed, webhooks: Webhooks) -> Iterator[End]:
    waiting = iter(list(followed.waiting.values()))
    while portion := list(islice(waiting, _READ)):
        found = webhooks.get_many([sent.webhook_id for sent in portion])
        for sent in portion:
            outcome = outcome_of(found.get(sent.webhook_id), sent)
            if outcome is not None:
                yield End(webhook_id=sent.webhook_id, outcome=outcome)
