"""How long an event source waits for its batch to fill: what the engine ignores of MaximumBatchingWindowInSeconds.

Lambda invokes when a batch is full or its window ends; the next window begins when the last batch is on its way (AWS
Lambda developer guide, "Batching behavior"). A queue is read by several pollers, each with a batch of its own; a
table here has one shard. Sources without a window are left to the engine.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, Final

from stack.limits import QUEUE_POLLERS

Wire = dict[str, Any]
_RECEIVE_MAX: Final = 10


class Window:
    """Windows of `seconds`, one after the other, from the last batch on."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()

    def is_over(self, seconds: float) -> bool:
        """Say whether a window has ended since the last look; the next one has begun then."""
        passed = self._clock() - self._began
        if passed < seconds:
            return False
        self._began += passed - passed % seconds
        return True

    def begin(self) -> None:
        """Begin anew: a batch is on its way."""
        self._began = self._clock()


class Poller:
    """One reader of a queue, and the messages that it has received for its next batch."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._window = Window(clock)
        self._messages: list[Wire] = []

    def gather(self, receive: Callable[[int], list[Wire]], *, size: int) -> bool:
        """Receive what the batch has room for; say whether there was anything."""
        room = min(size - len(self._messages), _RECEIVE_MAX)
        received = receive(room) if room > 0 else []
        self._messages += received
        return bool(received)

    def batch(self, *, size: int, window_s: float) -> list[Wire]:
        """Return the batch if it is full or its window is over; otherwise nothing yet."""
        is_over = self._window.is_over(window_s)
        if not self._messages or not (is_over or len(self._messages) >= size):
            return []
        batch, self._messages = self._messages, []
        self._window.begin()
        return batch


class QueueReader:
    """The pollers of one queue; they receive in turn."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._pollers = [Poller(clock) for _ in range(QUEUE_POLLERS)]

    def next_batch(self, receive: Callable[[int], list[Wire]], *, size: int, window_s: float) -> list[Wire]:
        """Let the pollers receive, then return the first batch that is due; empty when none is."""
        for poller in self._pollers:
            if poller.gather(receive, size=size):
                break
        self._pollers.append(self._pollers.pop(0))
        due = (poller.batch(size=size, window_s=window_s) for poller in self._pollers)
        return next((batch for batch in due if batch), [])


def honour_queue_windows() -> None:
    """Gap: a queue's batching window is ignored, each look at it makes a batch of what is there.

    Messages that wait for their batch are in flight, as on AWS; the stack's visibility timeout covers the window.
    """
    from ministack.services import lambda_svc, sqs

    receive = sqs._receive_messages_for_esm
    readers: dict[str, QueueReader] = {}

    def receive_batch(url: str, size: int) -> list[Wire]:
        queue = sqs._queues.get(url) or {}
        window_s = _window_of(lambda_svc, queue.get("attributes", {}).get("QueueArn", ""))
        if not window_s:
            readers.pop(url, None)
            return receive(url, size)  # type: ignore[no-any-return]
        reader = readers.setdefault(url, QueueReader())
        return reader.next_batch(lambda room: receive(url, room), size=size, window_s=window_s)

    sqs._receive_messages_for_esm = receive_batch


def honour_stream_windows() -> None:
    """Gap: a table stream's batching window is ignored. A batch that failed is tried again without one, as on AWS."""
    from ministack.services import dynamodb, lambda_svc

    read, poll = dynamodb.stream_records_since, lambda_svc._poll_dynamodb_streams
    polling = threading.local()
    windows: dict[str, Window] = {}
    tried: dict[str, int] = {}

    def poll_with_windows() -> bool:
        polling.now = True
        try:
            return bool(poll())
        finally:
            polling.now = False

    def read_batch(table: str, position: int, limit: int, **scope: Any) -> list[Wire]:  # noqa: ANN401
        batch: list[Wire] = read(table, position, limit, **scope)
        arn = (dynamodb._tables.get(table) or {}).get("LatestStreamArn", "")
        window_s = _window_of(lambda_svc, arn) if getattr(polling, "now", False) else 0.0
        if not window_s:
            return batch
        window = windows.setdefault(arn, Window())
        is_over = window.is_over(window_s)
        if not batch or not (is_over or len(batch) >= limit or tried.get(arn) == position):
            return []
        window.begin()
        tried[arn] = position
        return batch

    dynamodb.stream_records_since, lambda_svc._poll_dynamodb_streams = read_batch, poll_with_windows


def _window_of(lambda_svc: Any, source_arn: str) -> float:  # noqa: ANN401 - an untyped module
    """Return the window of the mapping that reads a source, in seconds; 0 where there is none."""
    for _account, _region, mapping in lambda_svc._iter_all_esms():
        if mapping.get("EventSourceArn") == source_arn:
            return float(mapping.get("MaximumBatchingWindowInSeconds") or 0)
    return 0.0
