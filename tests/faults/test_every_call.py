"""Every AWS call of the trip under every fault, once and lasting, and a crash on both sides of each."""

from collections.abc import Iterator

import pytest

from lambdas.shared.audit_record import follows
from lambdas.shared.webhook import Status
from tests.fakes_aws import Crash, FakeAws, Fault, no_waiting
from tests.fakes_trip import Trip, stripe_body

RECEIVER_CALLS = ("GetSecretValue", "PutItem", "SendMessage")
PROCESSOR_CALLS = ("GetItem", "UpdateItem", "ChangeMessageVisibility")


@pytest.fixture
def trip() -> Iterator[Trip]:
    """Return a fresh trip whose back-off passes on the fake clock."""
    aws = FakeAws()
    with no_waiting(aws.clock):
        yield Trip(aws=aws)


def assert_nothing_lost(trip: Trip, *, acknowledged: bool) -> None:
    """Acknowledged means stored, and processed, queued or dead-lettered."""
    if acknowledged:
        stored = trip.stored()
        assert stored.status is Status.PROCESSED or trip.aws.queue or trip.aws.dlq


def assert_ends_well(trip: Trip) -> None:
    """Once faults are over and the provider has retried, there is one effect and an unbroken chain."""
    trip.aws.fault_for = lambda _: None
    assert trip.send(stripe_body()) == 200
    trip.drain()
    trip.audit()
    assert trip.stored().status is Status.PROCESSED
    assert trip.effects() == 1
    before = None
    for line in trip.audit_lines():
        assert follows(line, before), (line, before)
        before = line


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name)
@pytest.mark.parametrize("operation", RECEIVER_CALLS)
def test_the_receiver_answers_200_or_503_and_loses_nothing(
    trip: Trip, operation: str, fault: Fault, *, lasting: bool
) -> None:
    """A fault of a receiver's call never becomes a 200 for something that is not safe."""
    if lasting:
        trip.aws.fault_for = lambda name: fault if name == operation else None
    else:
        trip.aws.script(operation, fault)
    started = trip.aws.clock()
    status = trip.send(stripe_body())
    assert status in (200, 503)
    assert trip.aws.clock() - started < trip.receiver_timeout_s
    assert_nothing_lost(trip, acknowledged=status == 200)
    if lasting:
        assert status == 503
    assert_ends_well(trip)


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name)
@pytest.mark.parametrize("operation", PROCESSOR_CALLS)
def test_the_processor_never_loses_and_never_repeats(
    trip: Trip, operation: str, fault: Fault, *, lasting: bool
) -> None:
    """A fault of a processor's call brings the message back, to the DLQ at worst."""
    fails = 1 if operation == "ChangeMessageVisibility" else 0
    trip.send(stripe_body(webhookctl={"failTimes": fails}))
    if lasting:
        trip.aws.fault_for = lambda name: fault if name == operation else None
    else:
        trip.aws.script(operation, fault)
    trip.drain()
    assert_nothing_lost(trip, acknowledged=True)
    trip.aws.fault_for = lambda _: None
    assert trip.send(stripe_body(webhookctl={"failTimes": fails})) == 200
    trip.drain()
    assert (trip.stored().status, trip.effects()) == (Status.PROCESSED, 1)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("operation", RECEIVER_CALLS)
def test_a_receiver_that_dies_has_acknowledged_nothing(trip: Trip, operation: str, when: str) -> None:
    """Whatever the crash left behind, the provider's retry completes it."""
    trip.aws.crash(operation, when)
    with pytest.raises(Crash):
        trip.send(stripe_body())
    trip.cold()
    trip.drain()
    assert trip.effects() <= 1
    assert_ends_well(trip)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("operation", PROCESSOR_CALLS)
def test_a_processor_that_dies_leaves_the_message(trip: Trip, operation: str, when: str) -> None:
    """SQS redelivers; one effect."""
    fails = 1 if operation == "ChangeMessageVisibility" else 0
    trip.send(stripe_body(webhookctl={"failTimes": fails}))
    trip.aws.crash(operation, when)
    with pytest.raises(Crash):
        trip.poll_queue()
    assert_nothing_lost(trip, acknowledged=True)
    trip.drain()
    assert (trip.stored().status, trip.effects()) == (Status.PROCESSED, 1)
