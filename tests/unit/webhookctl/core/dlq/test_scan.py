"""One pass over the dead-letter queue: what is seen once, what is known again, and when it is over."""

import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.fakes_dlq import FakeQueue, FakeWebhooks, World
from webhookctl.core.dlq.dead_letter import BatchOutcome, QueueMessage
from webhookctl.core.dlq.filter import DeadLetterFilter
from webhookctl.core.dlq.look import DeadLetterQueue
from webhookctl.core.dlq.scan import Scan, ScanEnd, ScanLimits


class Repeating(FakeQueue):
    """A queue that delivers messages that it hides (or has deleted) once more: SQS delivers at least once."""

    repeats: Sequence[QueueMessage] = ()

    def receive(self, *, limit: int, visibility_s: int, wait_s: int) -> Sequence[QueueMessage]:
        again, self.repeats = [replace(message, receipt=f"{message.receipt}+") for message in self.repeats], ()
        return [*again, *super().receive(limit=limit, visibility_s=visibility_s, wait_s=wait_s)]


@pytest.fixture
def queue() -> Repeating:
    filled = Repeating(World())
    for number in range(30):
        filled.add(f"stripe:evt_{number}")
    return filled


def scan_of(queue: FakeQueue, limits: ScanLimits) -> Scan:
    world = queue.world
    webhooks = FakeWebhooks()
    return Scan(
        queue, webhooks, lambda webhook: webhook.event, limits=limits, monotonic=world.monotonic, stop=threading.Event()
    )


def test_duplicate_of_a_message_in_hand_is_no_end(queue: Repeating) -> None:
    """It is known: it is given out once, and the scan goes on to the end of the queue."""
    scan = scan_of(queue, ScanLimits(portion=10))
    first = scan.next()
    queue.repeats = [first[0].message]
    rest = scan.next() + scan.next() + scan.next()
    assert (len(first), len(rest), scan.next(), scan.end) == (10, 20, [], ScanEnd.EMPTY)


def test_message_is_deleted_by_its_newest_receipt(queue: Repeating) -> None:
    """SQS ignores a delete with the receipt of an earlier receive."""
    deleted: list[str] = []

    def delete(messages: Sequence[QueueMessage]) -> BatchOutcome:
        deleted.extend(message.receipt for message in messages)
        return BatchOutcome(done={message.message_id: "" for message in messages}, failed={})

    queue.delete = delete  # type: ignore[method-assign]
    scan = scan_of(queue, ScanLimits(portion=10))
    first = scan.next()[0].message
    queue.repeats = [first]
    scan.next()
    assert scan.delete([first]) == []
    assert deleted == [f"{first.receipt}+"]


def test_deleted_message_that_is_delivered_again_is_deleted_again(queue: Repeating) -> None:
    """A delete that did not reach every copy is repeated; the message is not given out a second time."""
    scan = scan_of(queue, ScanLimits(portion=10))
    first = scan.next()[0].message
    scan.delete([first])
    queue.messages[first.message_id], queue.visible_at[first.message_id] = first, 0.0
    rest = {letter.message.message_id for _ in range(4) for letter in scan.next()}
    assert (len(rest), first.message_id in rest) == (20, False)
    assert first.message_id not in queue.messages


def test_queue_that_cannot_hide_is_never_complete(queue: Repeating) -> None:
    """Nothing but known messages, again and again: the scan ends, and a look says that it did not see all."""
    queue.hide = lambda messages, *, visibility_s: BatchOutcome(done={}, failed={})  # type: ignore[method-assign] # noqa: ARG005
    original = queue.receive

    def forgetful(*, limit: int, visibility_s: int, wait_s: int) -> Sequence[QueueMessage]:
        return original(limit=limit, visibility_s=0 * visibility_s, wait_s=wait_s)

    queue.receive = forgetful  # type: ignore[method-assign]
    looking = DeadLetterQueue(
        environment="test",
        queue=queue,
        webhooks=FakeWebhooks(),
        normalise=lambda webhook: webhook.event,
        now=queue.world.now,
        monotonic=queue.world.monotonic,
    )
    found = looking.find_all(DeadLetterFilter(), limits=ScanLimits(), most=100)
    assert (found.seen, found.is_complete) == (10, False)


def test_what_is_in_hand_stays_hidden_too(queue: Repeating) -> None:
    """The scan renews also what is being worked on: slow work on a portion brings none of it back."""
    renewed: set[str] = set()
    is_renewed = threading.Event()
    original = queue.hide

    def hide(messages: Sequence[QueueMessage], *, visibility_s: int) -> BatchOutcome:
        if visibility_s:
            renewed.update(message.message_id for message in messages)
            is_renewed.set()
        return original(messages, visibility_s=visibility_s)

    queue.hide = hide  # type: ignore[method-assign]
    with scan_of(queue, ScanLimits(portion=10, visibility_s=1)) as scan:
        letters = scan.next()
        assert is_renewed.wait(5)
    assert renewed == {letter.message.message_id for letter in letters}


def test_empty_answers_are_no_end_while_another_reader_hides_messages(queue: Repeating) -> None:
    """For a while the scan waits for them; what comes back in time is seen."""
    for name in list(queue.messages)[:5]:
        queue.visible_at[name] = 20.0
    scan = scan_of(queue, ScanLimits(settle_s=60))
    assert (len(scan.next()), len(scan.next()), scan.next(), scan.end) == (25, 5, [], ScanEnd.EMPTY)
    assert 20 <= queue.world.seconds < 30
