"""Faults 1 to 8: an AWS call of the receiver fails, or the receiver dies beside it."""

import pytest

from lambdas.shared.webhook import Status
from tests.fakes_aws import Crash, Fault
from tests.fakes_trip import (
    Trip,
    stripe_body,
)


def test_fault_01_crash_after_put_before_send(trip: Trip) -> None:
    """No acknowledgement; the retry queues it; one effect."""
    trip.aws.crash("SendMessage", "before")
    with pytest.raises(Crash):
        trip.send(stripe_body())
    assert (trip.stored().status, trip.aws.queue) == (Status.RECEIVED, {})
    assert trip.send(stripe_body()) == 200
    trip.drain()
    assert trip.effects() == 1


def test_fault_02_crash_after_send_before_200(trip: Trip) -> None:
    """The retry sends again: two messages, one effect."""
    trip.aws.crash("SendMessage", "after")
    with pytest.raises(Crash):
        trip.send(stripe_body())
    assert trip.send(stripe_body()) == 200
    assert len(trip.aws.queue) == 2
    trip.drain()
    assert trip.effects() == 1


def test_fault_03_queue_answers_503(trip: Trip) -> None:
    """Tried again; if it lasts, 503 and the item stays RECEIVED until the provider's retry brings its message."""
    trip.aws.script("SendMessage", Fault.ERROR)
    assert trip.send(stripe_body("evt_a")) == 200
    trip.aws.script("SendMessage", Fault.ERROR, Fault.ERROR)
    assert trip.send(stripe_body()) == 503
    trip.drain()
    assert (trip.stored().status, trip.effects("stripe:evt_a")) == (Status.RECEIVED, 1)
    assert trip.send(stripe_body()) == 200
    trip.drain()
    assert (trip.stored().status, trip.effects()) == (Status.PROCESSED, 1)


def test_fault_04_queue_reply_lost(trip: Trip) -> None:
    """The message is sent twice; one effect."""
    trip.aws.script("SendMessage", Fault.REPLY_LOST)
    assert trip.send(stripe_body()) == 200
    assert len(trip.aws.queue) == 2
    trip.drain()
    assert trip.effects() == 1


def test_fault_05_table_throttled(trip: Trip) -> None:
    """Tried again; if it lasts, 503 and nothing is sent until the provider's retry."""
    trip.aws.script("PutItem", Fault.THROTTLED)
    assert trip.send(stripe_body("evt_a")) == 200
    trip.aws.script("PutItem", Fault.THROTTLED, Fault.THROTTLED)
    assert trip.send(stripe_body()) == 503
    assert [message.body for message in trip.aws.queue.values()] == ['{"webhookId":"stripe:evt_a","v":1}']
    assert trip.send(stripe_body()) == 200
    trip.drain()
    assert trip.effects() == 1


def test_fault_06_put_reply_lost(trip: Trip) -> None:
    """The SDK's second try meets our own item; the message is sent all the same."""
    trip.aws.script("PutItem", Fault.REPLY_LOST)
    assert trip.send(stripe_body()) == 200
    assert trip.aws.calls["PutItem"] == 2
    assert len(trip.aws.queue) == 1


@pytest.mark.parametrize("operation", ["GetSecretValue", "PutItem", "SendMessage"])
def test_fault_07_key_denied(trip: Trip, operation: str) -> None:
    """A denied KMS key is 503, never 200."""
    trip.aws.script(operation, Fault.KEY_DENIED)
    assert trip.send(stripe_body()) == 503


@pytest.mark.parametrize("operation", ["GetSecretValue", "PutItem", "SendMessage"])
def test_fault_08_key_throttled(trip: Trip, operation: str) -> None:
    """Tried again shortly; if it lasts, 503."""
    trip.aws.script(operation, Fault.KEY_THROTTLED)
    assert trip.send(stripe_body("evt_a")) == 200
    trip.cold()
    trip.aws.script(operation, *[Fault.KEY_THROTTLED] * 3)
    assert trip.send(stripe_body()) == 503
