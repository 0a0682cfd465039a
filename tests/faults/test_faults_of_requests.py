"""Faults 16 to 20 and 22: what a request may bring, and the keys that it is verified with."""

import base64
import json
import zlib

import pytest

from lambdas.shared.secret_store import FRESH_S, REFRESH_EVERY_S
from tests.fakes_aws import Fault
from tests.fakes_trip import (
    MAX_BODY_BYTES,
    Trip,
    gateway_event,
    secret,
    signed_headers,
    stripe_body,
)


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
