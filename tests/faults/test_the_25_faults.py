"""The catalogue of faults, one test each, on the real handlers over real boto3 clients."""

import base64
import io
import itertools
import json
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout

import pytest

from lambdas.audit import handler as audit_handler
from lambdas.receiver import handler as receiver_handler
from lambdas.shared.audit_record import follows
from lambdas.shared.secret_store import FRESH_S, REFRESH_EVERY_S
from lambdas.shared.webhook import Status
from tests.fakes_aws import Crash, FakeAws, Fault, no_waiting
from tests.fakes_trip import (
    MAX_BODY_BYTES,
    LambdaContext,
    Trip,
    gateway_event,
    secret,
    signed_headers,
    stripe_body,
)


@pytest.fixture
def trip() -> Iterator[Trip]:
    """Return a fresh trip whose back-off passes on the fake clock; every scripted fault must have happened."""
    aws = FakeAws()
    with no_waiting(aws.clock):
        yield Trip(aws=aws)
    aws.assert_all_happened()


def send_many(trip: Trip, count: int, **changes: object) -> list[str]:
    """Send webhooks and return their ids."""
    for n in range(count):
        assert trip.send(stripe_body(f"evt_{n}", **changes)) == 200
    return [f"stripe:evt_{n}" for n in range(count)]


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
    """Tried again; if it lasts, 503 and the item stays RECEIVED for the provider's retry."""
    trip.aws.script("SendMessage", Fault.ERROR)
    assert trip.send(stripe_body("evt_a")) == 200
    trip.aws.script("SendMessage", Fault.ERROR, Fault.ERROR)
    assert trip.send(stripe_body()) == 503
    assert trip.stored().status is Status.RECEIVED


def test_fault_04_queue_reply_lost(trip: Trip) -> None:
    """The message is sent twice; one effect."""
    trip.aws.script("SendMessage", Fault.REPLY_LOST)
    assert trip.send(stripe_body()) == 200
    assert len(trip.aws.queue) == 2
    trip.drain()
    assert trip.effects() == 1


def test_fault_05_table_throttled(trip: Trip) -> None:
    """Tried again; if it lasts, 503 and nothing is sent."""
    trip.aws.script("PutItem", Fault.THROTTLED)
    assert trip.send(stripe_body("evt_a")) == 200
    trip.aws.script("PutItem", Fault.THROTTLED, Fault.THROTTLED)
    assert trip.send(stripe_body()) == 503
    assert [message.body for message in trip.aws.queue.values()] == ['{"webhookId":"stripe:evt_a","v":1}']


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


def test_fault_11_reordered_events(trip: Trip) -> None:
    """Whatever order a payment's events are processed in, each ends PROCESSED with the same meaning."""
    ends = set()
    kinds = ("payment_intent.created", "payment_intent.processing", "payment_intent.succeeded")
    for order in itertools.permutations(range(3)):
        fresh = Trip()
        for n in order:
            fresh.send(stripe_body(f"evt_{n}", type=kinds[n], created=1_750_000_000 + n))
        fresh.drain()
        states = [fresh.stored(f"stripe:evt_{n}") for n in range(3)]
        ends.add(tuple((state.status, state.event, state.event_created_at) for state in states))
    assert len(ends) == 1
    assert trip.aws.items == {}


def test_fault_12_poison_message(trip: Trip) -> None:
    """Five tries, FAILED with the reason, DLQ; its neighbours are processed."""
    neighbours = send_many(trip, 3)
    trip.send(stripe_body("evt_poison", webhookctl={"failTimes": 10**6}))
    trip.drain()
    poison = trip.stored("stripe:evt_poison")
    assert (poison.status, poison.attempts, len(trip.aws.dlq)) == (Status.FAILED, 5, 1)
    assert poison.last_error is not None
    assert poison.last_error.message == "failure injected by the sender"
    assert [trip.stored(name).status for name in neighbours] == [Status.PROCESSED] * 3


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


def test_fault_16_secret_rotated_in_mid_flight(trip: Trip) -> None:
    """In the overlap both keys are good; a warm cache learns of the new one from the first mismatch."""
    assert trip.send(stripe_body("evt_1"), key="whsec_planted-key-of-the-test") == 200
    trip.aws.secrets["stripe"] = secret("stripe", "whsec_new", "whsec_planted-key-of-the-test").to_json()
    trip.aws.clock.advance(REFRESH_EVERY_S)
    assert trip.send(stripe_body("evt_2"), key="whsec_new") == 200
    assert trip.send(stripe_body("evt_3"), key="whsec_planted-key-of-the-test") == 200
    trip.aws.secrets["stripe"] = secret("stripe", "whsec_new").to_json()
    trip.aws.clock.advance(FRESH_S)
    assert trip.send(stripe_body("evt_4"), key="whsec_planted-key-of-the-test") == 401


def test_fault_17_secrets_manager_is_down(trip: Trip) -> None:
    """A warm function goes on; a cold one answers 503."""
    assert trip.send(stripe_body("evt_1")) == 200
    trip.aws.fault_for = lambda name: Fault.ERROR if name == "GetSecretValue" else None
    trip.aws.clock.advance(FRESH_S)
    assert trip.send(stripe_body("evt_2")) == 200
    trip.cold()
    assert trip.send(stripe_body("evt_3")) == 503


@pytest.mark.parametrize(("minutes", "status"), [(4, 200), (-4, 200), (6, 401), (-6, 401)])
def test_fault_18_clock_skew(trip: Trip, minutes: int, status: int) -> None:
    """Four minutes either way are accepted, six are not."""
    assert trip.send(stripe_body(), skew_s=minutes * 60) == status
    assert bool(trip.aws.items) is (status == 200)


def test_fault_19_replay(trip: Trip) -> None:
    """An old capture is 401; one within the tolerance is a duplicate without effect."""
    body = stripe_body()
    assert trip.send(body, skew_s=-3600) == 401
    assert trip.aws.items == {}
    headers = signed_headers("stripe", body, secret=secret("stripe"))
    assert trip.post("stripe", body, headers) == 200
    trip.drain()
    assert trip.post("stripe", body, headers) == 200
    assert (trip.effects(), trip.aws.queue) == (1, {})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"x" * 1024 * 1024, 413),
        (stripe_body(memo="x" * MAX_BODY_BYTES), 413),
        (zlib.compress(b"0" * 100_000_000), 400),
        (b"[" * 100_000, 400),
        (b'{"a":' * 50_000, 400),
        (stripe_body(memo=0)[:-1] + b',"deep":' + b"[" * 60_000 + b"]" * 60_000 + b"}", 400),
        (stripe_body().replace(b"1200", b"9" * 5000), 400),
    ],
    ids=["1 MB", "just too large", "deflate bomb", "deep list", "deep object", "deep member", "huge integer"],
)
def test_fault_20_hostile_bodies(trip: Trip, body: bytes, status: int) -> None:
    """Too large is 413, what can't be read is 400, though the signature is good; nothing is written."""
    assert trip.send(body) == status
    assert (trip.aws.items, trip.aws.queue) == ({}, {})


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + stripe_body(),
        json.dumps(json.loads(stripe_body()), indent=2).encode() + b"\n",
        stripe_body()[:-1] + b', "id": "evt_1"}',
        stripe_body(memo="\u2028 \U0001f4b3"),
        b"\xff\xfe" + stripe_body(),
        stripe_body().replace(b"eur", b"\xff\xff\xff"),
    ],
    ids=["BOM", "pretty", "duplicate key", "unicode", "not UTF-8", "not UTF-8 inside"],
)
def test_fault_22_exact_bytes(trip: Trip, body: bytes) -> None:
    """The signature is over the exact bytes: accepted ones are stored as they came, others are 400; never a crash."""
    status = trip.send(body)
    assert status in (200, 400)
    if status == 200:
        assert trip.stored().body == body
    headers = signed_headers("stripe", body, secret=secret("stripe"))
    assert trip.post("stripe", body + b" ", headers) == 401


@pytest.mark.parametrize("text", ["e30", "e30=\n", "_-8=", "e3 0=", "é", "===="])
def test_fault_22_base64_variants(trip: Trip, text: str) -> None:
    """What the gateway would never send is 400."""
    event = gateway_event("stripe", b"", signed_headers("stripe", b"{}", secret=secret("stripe")))
    assert trip.invoke_receiver({**event, "body": text})["statusCode"] == 400
    assert base64.b64decode("e30=") == b"{}"


def test_fault_23_audit_sink_fails_and_a_poison_record(trip: Trip) -> None:
    """The poison record is named to Lambda, the others are logged; its missing line shows as a gap in the chain."""
    trip.send(stripe_body(webhookctl={"failTimes": 5}))
    trip.drain()
    trip.aws.dlq.clear()
    trip.send(stripe_body(webhookctl={"failTimes": 5}))
    trip.drain()
    assert len(trip.aws.stream) == 3
    poison = json.loads(json.dumps(trip.aws.stream[1]))
    del poison["dynamodb"]["NewImage"]["webhookId"]
    records = [trip.aws.stream[0], poison, trip.aws.stream[2]]
    out = io.StringIO()
    with redirect_stdout(out):
        answer = audit_handler.record_batch({"Records": records}, environment=trip.auditor)
    assert answer == {"batchItemFailures": [{"itemIdentifier": poison["dynamodb"]["SequenceNumber"]}]}
    first, last = (line for line in map(json.loads, out.getvalue().splitlines()) if line["type"] == "audit")
    assert (first["seq"], last["seq"]) == (1, 3)
    assert not follows(last, first)
