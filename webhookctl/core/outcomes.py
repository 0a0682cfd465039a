"""What became of redriven webhooks: processed, failed again, or not known yet."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Final

from lambdas.shared.webhook import Status, StoredWebhook
from webhookctl.core.dead_letter import Webhooks
from webhookctl.core.journal import Sent

_READ: Final = 100
"""Items in one BatchGetItem call."""
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 2.0


class Outcome(StrEnum):
    """How a redriven webhook ended."""

    PROCESSED = "processed"
    FAILED_AGAIN = "failed_again"


@dataclass(kw_only=True)
class Followed:
    """Webhooks whose end is awaited, and how many ended how."""

    waiting: dict[str, Sent] = field(default_factory=dict)
    processed: int = 0
    failed_again: int = 0

    def add(self, sent: Sent) -> None:
        """Await the end of one more redriven webhook."""
        self.waiting[sent.webhook_id] = sent

    def settle(self, webhook_id: str, outcome: Outcome) -> None:
        """Count an end."""
        del self.waiting[webhook_id]
        if outcome is Outcome.PROCESSED:
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
    timeout_s: float,
    monotonic: Callable[[], float],
    stop: threading.Event,
) -> Iterator[tuple[str, Outcome]]:
    """Yield each webhook's end as it becomes known, until all are known, the time is up, or the run is stopped."""
    deadline = monotonic() + timeout_s
    pause_s = _FIRST_PAUSE_S
    while followed.waiting:
        settled = 0
        for webhook_id, outcome in _ends(followed, webhooks):
            followed.settle(webhook_id, outcome)
            settled += 1
            yield webhook_id, outcome
        if not followed.waiting or monotonic() >= deadline:
            return
        pause_s = _FIRST_PAUSE_S if settled else min(pause_s * 1.5, _LONGEST_PAUSE_S)
        if stop.wait(min(pause_s, max(0.0, deadline - monotonic()))):
            return


def _ends(followed: Followed, webhooks: Webhooks) -> Iterator[tuple[str, Outcome]]:
    waiting = iter(list(followed.waiting.values()))
    while portion := list(islice(waiting, _READ)):
        found = webhooks.get_many([sent.webhook_id for sent in portion])
        for sent in portion:
            outcome = outcome_of(found.get(sent.webhook_id), sent)
            if outcome is not None:
                yield sent.webhook_id, outcome
