"""Faults 16 to 20 and 22: what a request may bring, and the keys that it is verified with."""

import json
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas.receiver import handler as receiver_handler
from lambdas.shared.secret_store import FRESH_S, REFRESH_EVERY_S
from tests.fakes_aws import Fault
from tests.fakes_trip import (
    BODIES,
    IDS,
    MAX_BODY_BYTES,
    Trip,
    gateway_event,
    secret,
    signed_headers,
    square_body,
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


@pytest.mark.parametrize(("provider", "too_old"), [("stripe", timedelta(hours=1)), ("paypal", timedelta(days=4))])
def test_fault_19_replay_of_an_old_signature(trip: Trip, provider: str, too_old: timedelta) -> None:
    """What was signed longer ago than the provider retries is 401, and nothing is written."""
    assert trip.send(BODIES[provider], provider=provider, skew_s=-too_old.total_seconds()) == 401
    assert trip.aws.items == {}


@pytest.mark.parametrize("provider", BODIES)
def test_fault_19_replay_of_a_processed_webhook(trip: Trip, provider: str) -> None:
    """The same bytes and headers again are a duplicate without effect."""
    headers = signed_headers(provider, BODIES[provider], secret=secret(provider))
    assert trip.post(provider, BODIES[provider], headers) == 200
    trip.drain()
    assert trip.post(provider, BODIES[provider], headers) == 200
    assert (trip.effects(IDS[provider]), trip.aws.queue) == (1, {})


@pytest.mark.parametrize("provider", BODIES)
def test_fault_19_replay_after_the_item_has_gone(trip: Trip, provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time in the table over, a captured request is refused by its age: still one effect."""
    headers = signed_headers(provider, BODIES[provider], secret=secret(provider))
    assert trip.post(provider, BODIES[provider], headers) == 200
    trip.drain()
    gone_at = datetime.fromtimestamp(trip.stored(IDS[provider]).expires_at or 0, UTC) + timedelta(seconds=1)
    trip.aws.items.clear()
    monkeypatch.setattr(receiver_handler, "utc_now", lambda: gone_at)
    assert trip.post(provider, BODIES[provider], headers) == 401
    assert (trip.effects(IDS[provider]), trip.aws.items) == (1, {})
    assert trip.lines[-1]["reason"] == ("outlived" if provider == "square" else "stale")


def test_fault_19_old_bodies_pass_where_they_are_sent_on_purpose() -> None:
    """Outside production nothing genuine is refused by its age."""
    trip = Trip(retention_days=4, refuse_outlived=False)
    body = json.dumps({**json.loads(square_body()), "created_at": "2020-01-02T03:04:05Z"}).encode()
    assert trip.send(body, provider="square") == 200


@pytest.mark.parametrize(
    ("provider", "after"),
    [("square", timedelta(hours=25)), ("paypal", timedelta(days=3)), ("square", timedelta(days=80))],
)
def test_fault_19_a_late_retry_is_no_replay(
    trip: Trip, provider: str, after: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider's last retry of a webhook that never got through is taken, though its event is days old."""
    headers = signed_headers(provider, BODIES[provider], secret=secret(provider))
    late = datetime.now(UTC) + after
    monkeypatch.setattr(receiver_handler, "utc_now", lambda: late)
    assert trip.post(provider, BODIES[provider], headers) == 200


def test_fault_19_an_old_event_signed_anew_is_no_replay(trip: Trip) -> None:
    """Stripe sends what is weeks old again on demand, under a new signature."""
    assert trip.send(stripe_body(created=1_400_000_000)) == 200


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


def _spelled(**layout: Any) -> bytes:
    """Return the event in another spelling of the same JSON."""
    memo = "\u2028 é \U0001f4b3"
    return json.dumps(json.loads(stripe_body(memo=memo)), **layout).encode()


@pytest.mark.parametrize(
    "body",
    [
        _spelled(indent=2) + b"\n",
        _spelled(indent=2).replace(b"\n", b"\r\n"),
        b" \t\r\n" + _spelled(),
        _spelled(separators=(",", ":")),
        _spelled(ensure_ascii=True),
        _spelled(ensure_ascii=False),
        _spelled().replace(b'"evt_1"', b'"\\u0065vt_1"'),
        _spelled().replace(b"/", b"\\/"),
        _spelled(sort_keys=True),
    ],
    ids=["indented", "CR LF", "space before", "dense", "escaped", "UTF-8", "escaped id", "escaped slash", "sorted"],
)
def test_fault_22_exact_bytes_are_kept(trip: Trip, body: bytes) -> None:
    """The signature is over the exact bytes, and so is what is stored; one byte more is 401."""
    headers = signed_headers("stripe", body, secret=secret("stripe"))
    assert trip.post("stripe", body + b" ", headers) == 401
    assert trip.aws.items == {}
    assert trip.post("stripe", body, headers) == 200
    assert trip.stored().body == body
    trip.drain()
    assert trip.effects() == 1


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + stripe_body(),
        stripe_body()[:-1] + b', "id": "evt_1"}',
        b"\xff\xfe" + stripe_body(),
        stripe_body().replace(b"eur", b"\xff\xff\xff"),
    ],
    ids=["BOM", "duplicate key", "not UTF-8", "not UTF-8 inside"],
)
def test_fault_22_bytes_that_readers_disagree_about(trip: Trip, body: bytes) -> None:
    """They are 400 under a good signature, and nothing is written; never a crash."""
    assert trip.send(body) == 400
    assert (trip.aws.items, trip.aws.queue) == ({}, {})


@pytest.mark.parametrize(
    "variant",
    [
        lambda text: text + "=",
        lambda text: text + "\n",
        lambda text: text[:20] + " " + text[20:],
        lambda text: text[:20] + "_-" + text[20:],
        lambda text: text[:20] + "é" + text[20:],
        lambda text: text[:20] + "====" + text[20:],
        lambda _: "====",
    ],
    ids=["padding", "newline", "space", "URL alphabet", "letter", "padding inside", "padding alone"],
)
def test_fault_22_base64_variants(trip: Trip, variant: Callable[[str], str]) -> None:
    """What the gateway would never send is 400, though a lenient reader would find the signed bytes in it."""
    body = stripe_body()
    event = gateway_event("stripe", body, signed_headers("stripe", body, secret=secret("stripe")))
    assert trip.invoke_receiver({**event, "body": variant(event["body"])})["statusCode"] == 400
    assert trip.aws.items == {}
    assert trip.invoke_receiver(event)["statusCode"] == 200
