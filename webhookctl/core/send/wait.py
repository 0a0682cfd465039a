"""Follow webhooks to where they end: PROCESSED, or FAILED in the dead-letter queue. The timeline of each hop."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import ClassVar

from lambdas.shared.webhook import Status, StoredWebhook
from webhookctl.core.events.stored import WebhookTable
from webhookctl.core.send.dispatch import Delivery
from webhookctl.errors import PartialError, WaitTimeoutError

_ENDS = (Status.PROCESSED, Status.FAILED, Status.CONFLICT)
_POLL_S = 0.25
_POLL_MAX_S = 2.0
_LOOKED_AT = 100
"""So many webhooks are looked up in one round, the first sent first: the rest can wait while those are not done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One step of a webhook's trip: when it was reached, and how long after the start."""

    hop: str
    at: datetime
    after_ms: int
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """A webhook's trip as far as it was seen. `status` is None while nothing is stored."""

    TABLE: ClassVar = ("webhook_id", "status", "attempts", "took_ms")
    webhook_id: str
    status: Status | None
    attempts: int
    took_ms: int
    trace_id: str | None
    hops: Sequence[Hop]

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.status in _ENDS

    @property
    def is_processed(self) -> bool:
        """Whether it ended well."""
        return self.status is Status.PROCESSED


def follow(
    deliveries: Sequence[Delivery],
    table: WebhookTable,
    *,
    timeout_s: float,
    on_change: Callable[[int, int], None] = lambda _done, _all: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Timeline]:
    """Wait until every accepted webhook has ended, or the time is over, and return all timelines.

    Each webhook is followed once, from its first delivery. `on_change` is told how many have ended, of how many.
    """
    waiting = {d.webhook_id: d for d in reversed(deliveries) if d.webhook_id and d.is_accepted}
    over: dict[str, Timeline] = {}
    every = len(waiting)
    deadline, wait_s = clock() + timeout_s, _POLL_S
    while waiting:
        seen = {i: _timeline(waiting[i], table.get(i)) for i in islice(waiting, _LOOKED_AT)}
        over |= seen
        ended = [webhook_id for webhook_id, timeline in seen.items() if timeline.is_over]
        for webhook_id in ended:
            del waiting[webhook_id]
        on_change(every - len(waiting), every)
        if not waiting or clock() >= deadline:
            break
        wait_s = _POLL_S if ended else min(wait_s * 1.5, _POLL_MAX_S)
        sleep(min(wait_s, max(0.0, deadline - clock())))
    over |= {i: _timeline(d, None) for i, d in waiting.items() if i not in over}
    return [over[i] for i in dict.fromkeys(d.webhook_id for d in deliveries) if i in over]


def check(timelines: Sequence[Timeline], *, may_fail: bool) -> None:
    """Raise WaitTimeoutError when some have not ended, PartialError when some failed though they should not."""
    late = [timeline for timeline in timelines if not timeline.is_over]
    if late:
        raise WaitTimeoutError(
            f"{len(late)} of {len(timelines)} webhooks have not been processed yet, first {late[0].webhook_id}",
            hint=f"webhookctl events show {late[0].webhook_id}",
        )
    bad = [timeline for timeline in timelines if timeline.status is not Status.PROCESSED]
    if bad and not may_fail:
        raise PartialError(
            f"{len(bad)} of {len(timelines)} webhooks ended as {bad[0].status}, first {bad[0].webhook_id}",
            hint="webhookctl dlq list",
        )


def _timeline(delivery: Delivery, stored: StoredWebhook | None) -> Timeline:
    hops = sorted((_hop(delivery, *step) for step in _steps(delivery, stored)), key=lambda hop: hop.at)
    return Timeline(
        webhook_id=delivery.webhook_id or "",
        status=stored.status if stored else None,
        attempts=stored.attempts if stored else 0,
        took_ms=max(hop.after_ms for hop in hops),
        trace_id=stored.trace_id if stored else None,
        hops=hops,
    )


def _steps(delivery: Delivery, stored: StoredWebhook | None) -> Iterator[tuple[str, datetime, str]]:
    answered_at = delivery.sent_at + timedelta(milliseconds=delivery.latency_ms)
    yield "sent", delivery.sent_at, ""
    yield "answered", answered_at, f"HTTP {delivery.status}"
    if stored is None:
        return
    yield "received", stored.received_at, "stored as RECEIVED, queued"
    if stored.status is Status.CONFLICT:
        yield "conflict", stored.received_at, "another body has this id"
    if stored.processed_at:
        event = stored.event
        yield "processed", stored.processed_at, f"{event.kind if event else ''} (attempt {stored.attempts})".strip()
    elif stored.last_error and stored.status is Status.FAILED:
        error = stored.last_error
        yield "dead-lettered", error.at, f"{error.error_class}: {error.message} (attempt {stored.attempts})"


def _hop(delivery: Delivery, name: str, at: datetime, detail: str) -> Hop:
    after = at - delivery.sent_at
    return Hop(hop=name, at=at, after_ms=round(after.total_seconds() * 1000), detail=detail)
