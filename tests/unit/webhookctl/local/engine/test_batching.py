"""Batching windows of event sources, on a clock that stands still until it is moved."""

from collections.abc import Callable
from typing import Any

import pytest

from stack.limits import QUEUE_POLLERS
from webhookctl.local.engine.batching import QueueReader, Window

SIZE, WINDOW_S = 3, 20.0


class Clock:
    """Tells the time that it was set to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def of(waiting: list[str]) -> Callable[[int], list[dict[str, Any]]]:
    """Receive from a list, as from a queue."""

    def receive(most: int) -> list[dict[str, Any]]:
        taken, waiting[:] = waiting[:most], waiting[most:]
        return [{"id": name} for name in taken]

    return receive


def test_windows_follow_each_other_and_begin_anew_with_a_batch(clock: Clock) -> None:
    """An end that nobody looked at is one end; a batch in between moves the next."""
    window = Window(clock)
    assert not window.is_over(WINDOW_S)
    clock.now += 50
    assert window.is_over(WINDOW_S)
    clock.now += 9
    assert not window.is_over(WINDOW_S)
    clock.now += 1
    assert window.is_over(WINDOW_S)
    window.begin()
    clock.now += 19
    assert not window.is_over(WINDOW_S)


def test_a_full_batch_does_not_wait(clock: Clock) -> None:
    """As many messages as the batch takes go at once; the rest waits in another poller's batch."""
    reader, waiting = QueueReader(clock), ["a", "b", "c", "d"]
    batch = reader.next_batch(of(waiting), size=SIZE, window_s=WINDOW_S)
    assert [message["id"] for message in batch] == ["a", "b", "c"]
    assert reader.next_batch(of(waiting), size=SIZE, window_s=WINDOW_S) == []
    assert waiting == []


def test_messages_that_trickle_in_wait_for_the_end_of_their_pollers_window(clock: Clock) -> None:
    """Each goes to another poller, as with Lambda; nothing is lost and nothing comes twice."""
    reader = QueueReader(clock)
    for number in range(QUEUE_POLLERS + 2):
        assert reader.next_batch(of([str(number)]), size=SIZE, window_s=WINDOW_S) == []
    clock.now += WINDOW_S
    batches = [reader.next_batch(of([]), size=SIZE, window_s=WINDOW_S) for _ in range(QUEUE_POLLERS + 1)]
    assert sorted(len(batch) for batch in batches) == [0, *[1] * (QUEUE_POLLERS - 2), 2, 2]
    assert {message["id"] for batch in batches for message in batch} == {str(n) for n in range(QUEUE_POLLERS + 2)}
