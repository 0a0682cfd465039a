"""Faults 9 to 15: what SQS and the processor do to a webhook that is stored."""

import io
import itertools
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from dataclasses import replace

import pytest

from lambdas.receiver import handler as receiver_handler
from lambdas.shared.event_store import EventStore, Written
from lambdas.shared.webhook import Status, StoredWebhook
from tests.fakes_aws import Crash, Fault
from tests.fakes_trip import (
    LambdaContext,
    Trip,
    gateway_event,
    secret,
    signed_headers,
    stripe_body,
)
from webhookctl.core.events.parts import PaymentFact
from webhookctl.core.events.payments import fold


def send_many(trip: Trip, count: int, **changes: object) -> list[str]:
    """Send webhooks and return their ids."""
    for n in range(count):
        assert trip.send(stripe_body(f"evt_{n}", **changes)) == 200
    return [f"stripe:evt_{n}" for n in range(count)]


def test_fault_09_fifty_identical_posts_at_once(trip: Trip) -> None:
    """One item, fifty times 200, one effect."""
    body = stripe_body()
    event = gateway_event("stripe", body, signed_headers("stripe", body, secret=secret("stripe")))

    def post(_: int) -> int:
        context = LambdaContext(trip.aws.clock, 9)
        return int(receiver_handler.respond(event, context, environment=trip.receiver)["statusCode"])

    with redirect_stdout(io.StringIO()), ThreadPoolExecutor(50) as pool:
        assert list(pool.map(post, range(50))) == [200] * 50
    assert list(trip.aws.items) == ["stripe:evt_1"]
    trip.drain()
    assert trip.effects() == 1


@pytest.mark.parametrize("operation", ["GetItem", "UpdateItem"])
def test_fault_10_duplicate_delivery_at_the_same_time(trip: Trip, operation: str) -> None:
    """Two processors hold the same message; the second overtakes the first at its read or its write; one effect."""
    trip.send(stripe_body())
    event = trip.aws.receive()
    trip.aws.before(operation, lambda: trip.invoke_processor(event))
    assert trip.invoke_processor(event) == {"batchItemFailures": []}
    assert (trip.effects(), trip.stored().seq) == (1, 2)


@pytest.mark.parametrize("apart_s", [1, 0])
def test_fault_11_reordered_events(trip: Trip, apart_s: int) -> None:
    """Whatever order a payment's events are processed in, and though each comes twice, the payment is the same.

    Also where all are of one second, as Stripe's are, and their ids tell nothing of their order.
    """
    kinds = ("payment_intent.created", "payment_intent.payment_failed", "payment_intent.succeeded")
    names = ("evt_3", "evt_2", "evt_1")
    ends = set()
    for order in itertools.permutations(range(3)):
        trip.aws.items.clear()
        for n in (*order, order[0]):
            assert trip.send(stripe_body(names[n], type=kinds[n], created=1_750_000_000 + n * apart_s)) == 200
            trip.drain()
        told = [_fact(StoredWebhook.from_item(item)) for item in trip.aws.items.values()]
        ends.add(fold("pi_1", [*told, told[0]]))
    (payment,) = ends
    assert payment is not None
    assert (payment.status, payment.amount_minor) == ("succeeded", 1200)


def _fact(stored: StoredWebhook) -> PaymentFact:
    assert stored.status is Status.PROCESSED
    assert stored.event is not None
    return PaymentFact(
        webhook_id=stored.webhook_id,
        provider=stored.provider,
        event_type=stored.event_type,
        at=stored.event_created_at,
        event=stored.event,
    )


def test_fault_12_poison_message(trip: Trip) -> None:
    """Five tries, FAILED with the reason, DLQ; its neighbours are processed.

    That one message in the DLQ raises an alarm within a minute stands in `tests/stack/test_observability.py`.
    """
    neighbours = send_many(trip, 3)
    trip.send(stripe_body("evt_poison", webhookctl={"failTimes": 10**6}))
    trip.drain()
    poison = trip.stored("stripe:evt_poison")
    assert (poison.status, poison.attempts, len(trip.aws.dlq)) == (Status.FAILED, 5, 1)
    assert poison.last_error is not None
    assert poison.last_error.message == "failure injected by the sender"
    assert [trip.stored(name).status for name in neighbours] == [Status.PROCESSED] * 3


def test_fault_12_poison_that_nobody_foresaw(trip: Trip) -> None:
    """An error that is none of ours, at the write and again at recording it: the DLQ, and its neighbours are fine."""
    neighbours = send_many(trip, 3)
    trip.send(stripe_body("evt_poison"))
    trip.processor = replace(trip.processor, events=Cursed(trip.processor.events, "stripe:evt_poison"))
    trip.drain()
    assert len(trip.aws.dlq) == 1
    assert [trip.stored(name).status for name in neighbours] == [Status.PROCESSED] * 3
    told = [line["secondError"] for line in trip.lines if "secondError" in line]
    assert (told, "4242" in str(trip.lines)) == (["unforeseen"], False)


class Cursed(EventStore):
    """A table in which one webhook can't be written, for a reason of its own."""

    def __init__(self, whole: EventStore, cursed_id: str) -> None:
        self._whole, self._cursed_id = whole, cursed_id

    def get(self, webhook_id: str) -> StoredWebhook | None:
        """Read."""
        return self._whole.get(webhook_id)

    def update(self, before: StoredWebhook, after: StoredWebhook) -> Written:
        """Write, unless it is the one."""
        if before.webhook_id == self._cursed_id:
            raise RuntimeError("what a body said: 4242")
        return self._whole.update(before, after)


def test_fault_13_one_bad_of_ten(trip: Trip) -> None:
    """Only the bad one comes back."""
    ids = send_many(trip, 9)
    trip.send(stripe_body("evt_bad", webhookctl={"failTimes": 1}))
    assert trip.poll_queue() == 10
    assert [message.body for message in trip.aws.queue.values()] == ['{"webhookId":"stripe:evt_bad","v":1}']
    trip.drain()
    assert [trip.effects(name) for name in [*ids, "stripe:evt_bad"]] == [1] * 10
    assert trip.stored("stripe:evt_bad").attempts == 2


def test_fault_14_processor_times_out_in_the_middle_of_a_batch(trip: Trip) -> None:
    """Killed after four of ten, the whole batch comes back: one effect each. With time to see it, it stops itself."""
    ids = send_many(trip, 10)
    trip.aws.crash("UpdateItem", "after", nth=4)
    with pytest.raises(Crash):
        trip.poll_queue()
    trip.drain()
    assert [trip.effects(name) for name in ids] == [1] * 10
    late = [f"stripe:late_{n}" for n in range(10)]
    for name in late:
        trip.send(stripe_body(name.removeprefix("stripe:")))
    trip.aws.script("GetItem", *[Fault.SLOW, None] * 9)
    trip.poll_queue()
    assert 0 < sum(trip.effects(name) for name in late) < 10
    trip.drain()
    assert [trip.effects(name) for name in late] == [1] * 10


def test_fault_15_crash_after_the_write_before_the_delete(trip: Trip) -> None:
    """Redelivered, seen to be PROCESSED, acknowledged."""
    trip.send(stripe_body())
    trip.invoke_processor(trip.aws.receive())
    assert trip.stored().status is Status.PROCESSED
    trip.drain()
    assert (trip.effects(), trip.aws.queue, trip.aws.dlq) == (1, {}, {})
