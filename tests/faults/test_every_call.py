"""Every AWS call of the three functions under every fault, once and lasting, and a crash on both sides of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from lambdas.shared.audit_record import follows
from lambdas.shared.errors import UnavailableError
from lambdas.shared.webhook import Status
from tests.fakes_aws import Crash, FakeAws, Fault, no_waiting
from tests.fakes_trip import Trip, paypal_body, stripe_body


@dataclass(frozen=True)
class Call:
    """One call of a function's trip. `nth` tells apart two calls of one operation; `fail_times` leads up to it."""

    operation: str
    nth: int = 1
    provider: str = "stripe"
    fail_times: int = 0

    def __str__(self) -> str:
        told = [self.operation, str(self.nth) if self.nth > 1 else "", self.provider.removeprefix("stripe")]
        return " ".join(filter(None, [*told, f"after {self.fail_times} failures" if self.fail_times else ""]))

    @property
    def webhook_id(self) -> str:
        return "paypal:WH-1" if self.provider == "paypal" else "stripe:evt_1"

    def send(self, trip: Trip) -> int:
        """Deliver the webhook whose trip makes the call."""
        if self.provider == "paypal":
            return trip.send(paypal_body(), provider="paypal")
        return trip.send(stripe_body(webhookctl={"failTimes": self.fail_times}))

    def strike(self, trip: Trip, fault: Fault, *, lasting: bool) -> None:
        """Let the call fail: its first attempt, or every attempt from then on."""
        if not lasting:
            trip.aws.script(self.operation, *[None] * (self.nth - 1), fault)
            return
        first = trip.aws.calls[self.operation] + self.nth
        trip.aws.fault_for = lambda name: fault if name == self.operation and trip.aws.calls[name] >= first else None


RECEIVER_CALLS = (
    Call("GetSecretValue"),
    Call("PutItem"),
    Call("SendMessage"),
    Call("GetSecretValue", provider="paypal"),
    Call("PutItem", provider="paypal"),  # the claim of the delivery id
    Call("PutItem", nth=2, provider="paypal"),
    Call("SendMessage", provider="paypal"),
)
PROCESSOR_CALLS = (
    Call("GetItem"),
    Call("UpdateItem"),
    Call("ChangeMessageVisibility", fail_times=1),
    Call("UpdateItem", fail_times=5),  # FAILED is recorded
    Call("ChangeMessageVisibility", nth=5, fail_times=5),
)
TRIES = 3
"""Deliveries that a webhook may need that fails five times and whose FAILED could not be recorded at first."""


@pytest.fixture
def trip() -> Iterator[Trip]:
    """Return a fresh trip whose back-off passes on the fake clock."""
    aws = FakeAws()
    with no_waiting(aws.clock):
        yield Trip(aws=aws)


def assert_nothing_lost(trip: Trip, call: Call, *, acknowledged: bool) -> None:
    """Acknowledged means stored, and processed, queued or dead-lettered."""
    if acknowledged:
        stored = trip.stored(call.webhook_id)
        assert stored.status is Status.PROCESSED or trip.aws.queue or trip.aws.dlq


def assert_ends_well(trip: Trip, call: Call) -> None:
    """Once faults are over and the provider or operator has retried, there is one effect and an unbroken chain."""
    trip.aws.fault_for = lambda _: None
    for _ in range(TRIES if call.fail_times else 1):
        assert call.send(trip) == 200
        trip.drain()
    trip.audit()
    assert trip.stored(call.webhook_id).status is Status.PROCESSED
    assert trip.effects(call.webhook_id) == 1
    assert_audited(trip, call)


def assert_audited(trip: Trip, call: Call) -> None:
    """Expect a line for every write of the webhook, each following from the one before."""
    before = None
    for line in sorted(_lines(trip, call), key=lambda line: int(line["seq"])):
        assert follows(line, before), (line, before)
        before = line
    assert before is not None
    assert before["seq"] == trip.stored(call.webhook_id).seq


def _lines(trip: Trip, call: Call) -> list[dict[str, Any]]:
    return [line for line in trip.audit_lines() if line["webhookId"] == call.webhook_id]


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name)
@pytest.mark.parametrize("call", RECEIVER_CALLS, ids=str)
def test_the_receiver_answers_200_or_503_and_loses_nothing(
    trip: Trip, call: Call, fault: Fault, *, lasting: bool
) -> None:
    """A fault of a receiver's call never becomes a 200 for something that is not safe."""
    call.strike(trip, fault, lasting=lasting)
    started = trip.aws.clock()
    status = call.send(trip)
    assert status in (200, 503)
    assert trip.aws.clock() - started < trip.receiver_timeout_s
    assert_nothing_lost(trip, call, acknowledged=status == 200)
    if lasting:
        assert status == 503
    assert_ends_well(trip, call)


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name)
@pytest.mark.parametrize("call", PROCESSOR_CALLS, ids=str)
def test_the_processor_never_loses_and_never_repeats(trip: Trip, call: Call, fault: Fault, *, lasting: bool) -> None:
    """A fault of a processor's call brings the message back, to the DLQ at worst."""
    assert call.send(trip) == 200
    call.strike(trip, fault, lasting=lasting)
    trip.drain()
    assert_nothing_lost(trip, call, acknowledged=True)
    assert_ends_well(trip, call)


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name)
def test_the_audit_logger_misses_no_change(trip: Trip, fault: Fault, *, lasting: bool) -> None:
    """Its one call, for the seal's key, fails: it logs all of the batch, or raises for Lambda to bring it again."""
    call = Call("GetSecretValue")
    assert call.send(trip) == 200
    trip.drain()
    call.strike(trip, fault, lasting=lasting)
    try:
        trip.audit()
    except UnavailableError:
        assert _lines(trip, call) == []
    else:
        assert not lasting
        assert_audited(trip, call)
    assert_ends_well(trip, call)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", RECEIVER_CALLS, ids=str)
def test_a_receiver_that_dies_has_acknowledged_nothing(trip: Trip, call: Call, when: str) -> None:
    """Whatever the crash left behind, the provider's retry completes it."""
    trip.aws.crash(call.operation, when, nth=call.nth)
    with pytest.raises(Crash):
        call.send(trip)
    trip.cold()
    trip.drain()
    assert trip.effects(call.webhook_id) <= 1
    assert_ends_well(trip, call)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", PROCESSOR_CALLS, ids=str)
def test_a_processor_that_dies_leaves_the_message(trip: Trip, call: Call, when: str) -> None:
    """SQS redelivers; one effect."""
    assert call.send(trip) == 200
    trip.aws.crash(call.operation, when, nth=call.nth)
    with pytest.raises(Crash):
        trip.drain()
    assert_nothing_lost(trip, call, acknowledged=True)
    trip.drain()
    assert_ends_well(trip, call)


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_audit_logger_that_dies_is_given_the_batch_again(trip: Trip, when: str) -> None:
    """Nothing was told yet, and after the second time everything is."""
    call = Call("GetSecretValue")
    assert call.send(trip) == 200
    trip.drain()
    trip.aws.crash(call.operation, when)
    with pytest.raises(Crash):
        trip.audit()
    trip.cold()
    assert_ends_well(trip, call)
