"""The receiver's answers, over real boto3 clients."""

import base64
import json
import zlib

import pytest

from lambdas.shared.providers.base import Verification
from lambdas.shared.webhook import Status
from tests.fakes_trip import (
    BODIES,
    IDS,
    MAX_BODY_BYTES,
    Trip,
    gateway_event,
    paypal_body,
    secret,
    signed_headers,
    stripe_body,
)

PLACES = 64
"""Letters that a counterfeit may choose to have the CRC32 of another body."""


@pytest.mark.parametrize("provider", BODIES)
def test_a_verified_webhook_is_stored_queued_and_acknowledged(provider: str) -> None:
    """200 means: the item exists and so does its message."""
    trip = Trip()
    assert trip.send(BODIES[provider], provider=provider) == 200
    stored = trip.stored(IDS[provider])
    assert (stored.status, stored.seq, stored.body) == (Status.RECEIVED, 1, BODIES[provider])
    assert [message.body for message in trip.aws.queue.values()] == [stored.message()]


@pytest.mark.parametrize("provider", BODIES)
def test_a_forged_webhook_is_never_stored(provider: str) -> None:
    """A changed body under a genuine signature is refused and writes nothing."""
    trip = Trip()
    headers = signed_headers(provider, BODIES[provider], secret=secret(provider))
    assert trip.post(provider, BODIES[provider].replace(b"1", b"2"), headers) == 401
    assert (trip.aws.items, trip.aws.queue) == ({}, {})


@pytest.mark.parametrize(
    ("provider", "body", "headers", "status"),
    [
        ("stripe", b"{}", {}, 401),
        ("stripe", b"{}", {"stripe-signature": "nonsense"}, 400),
        ("adyen", b"{}", {}, 404),
        ("standardwebhooks", b"{}", {}, 404),
        ("", b"", {}, 404),
        ("../stripe", b"", {}, 404),
        ("stripe", b"x" * (MAX_BODY_BYTES + 1), {}, 413),
    ],
)
def test_each_refusal_has_its_answer(provider: str, body: bytes, headers: dict[str, str], status: int) -> None:
    """401 unsigned, 400 malformed, 404 unknown provider, 413 too large; none writes anything."""
    trip = Trip()
    assert trip.post(provider, body, headers) == status
    assert (trip.aws.items, trip.aws.queue) == ({}, {})


def test_the_answer_tells_an_attacker_nothing() -> None:
    """Why a signature was refused stands in the log only."""
    trip = Trip()
    headers = signed_headers("stripe", b"{}", secret=secret("stripe", "whsec_other"))
    answer = trip.invoke_receiver(gateway_event("stripe", b"{}", headers))
    assert json.loads(answer["body"]) == {"message": "signature not verified"}
    assert trip.lines[-1]["reason"] == "wrong_signature"


def test_a_duplicate_that_is_not_processed_is_queued_again() -> None:
    """The first message may never have been sent."""
    trip = Trip()
    assert [trip.send(stripe_body()) for _ in range(2)] == [200, 200]
    assert len(trip.aws.queue) == 2
    trip.drain()
    assert trip.send(stripe_body()) == 200
    assert (len(trip.aws.queue), trip.effects()) == (0, 1)


def test_a_new_delivery_counter_is_no_conflict() -> None:
    """Stripe's pending_webhooks may differ between deliveries of one event."""
    trip = Trip()
    trip.send(stripe_body())
    assert trip.send(stripe_body(pending_webhooks=2)) == 200
    assert list(trip.aws.items) == ["stripe:evt_1"]


def test_another_body_under_a_known_id_is_recorded_and_never_processed() -> None:
    """The first stays; the second is kept beside it for the operator, audited and counted."""
    trip = Trip()
    trip.send(stripe_body())
    assert trip.send(stripe_body(livemode=True)) == 200
    trip.drain()
    trip.audit()
    assert trip.stored().body == stripe_body()
    (conflict,) = [trip.stored(key) for key in trip.aws.items if "#" in key]
    assert (conflict.status, conflict.body) == (Status.CONFLICT, stripe_body(livemode=True))
    assert [line["webhookId"] for line in trip.audit_lines() if line["status"] == "CONFLICT"] == [conflict.webhook_id]
    assert [line["outcome"] for line in trip.lines if line["type"] == "webhook"] == ["accepted", "conflict"]


def test_bodies_that_differ_in_their_card_data_only_are_a_conflict() -> None:
    """What is stored of both is the same; the keyed hashes of the originals tell them apart, under one key."""
    trip = Trip()
    pans = ("4242424242424242", "5555555555554444", "4111111111111111")
    first, second, third = (stripe_body(memo=pan) for pan in pans)
    assert [trip.send(body) for body in (first, first, second, third, second)] == [200] * 5
    outcomes = [line["outcome"] for line in trip.lines if line["type"] == "webhook"]
    assert outcomes == ["accepted", "duplicate", "conflict", "conflict", "conflict"]
    conflicts = [trip.stored(key) for key in trip.aws.items if "#" in key]
    assert [(one.status, one.body) for one in conflicts] == [(Status.CONFLICT, trip.stored().body)] * 2
    assert len({one.original_hmac for one in (*conflicts, trip.stored())}) == 3


def test_a_stored_item_that_cannot_be_read_is_no_fault_of_the_sender() -> None:
    """503, not 400: our table is damaged, and the provider must deliver again once it is mended."""
    trip = Trip()
    assert trip.send(stripe_body()) == 200
    whole = trip.aws.items["stripe:evt_1"]
    trip.aws.items["stripe:evt_1"] = {name: value for name, value in whole.items() if name != "receivedAt"}
    assert trip.send(stripe_body()) == 503
    assert trip.lines[-1]["reason"] == "item_malformed"
    trip.aws.items["stripe:evt_1"] = whole
    assert trip.send(stripe_body()) == 200


def test_a_paypal_delivery_id_admits_one_body() -> None:
    """PayPal signs a CRC32: another body of the same CRC under a captured signature is refused and not stored."""
    trip = Trip()
    body = paypal_body()
    headers = signed_headers("paypal", body, secret=secret("paypal"))
    assert trip.post("paypal", body, headers) == 200
    forged = _with_crc_of(body, paypal_body("WH-2") + b" " * PLACES)
    assert trip.post("paypal", forged, headers) == 401
    assert trip.lines[-1]["reason"] == "delivery_reused"
    assert "paypal:WH-2" not in trip.aws.items
    assert trip.post("paypal", body, headers) == 200


def test_a_paypal_delivery_id_admits_one_body_also_where_only_card_data_differs() -> None:
    """What is stored of both would be the same: the keyed hash of the signed body tells them apart."""
    trip = Trip()
    body = paypal_body().replace(b"{", b'{"track_data": "0%s", ' % (b"a" * PLACES), 1)
    headers = signed_headers("paypal", body, secret=secret("paypal"))
    assert trip.post("paypal", body, headers) == 200
    rows = set(trip.aws.items)
    forged = _with_crc_of(body, body.replace(b'"0a', b'"1a'), letters=b"ab")
    assert zlib.crc32(forged) == zlib.crc32(body)
    assert trip.post("paypal", forged, headers) == 401
    assert trip.lines[-1]["reason"] == "delivery_reused"
    assert set(trip.aws.items) == rows


@pytest.mark.parametrize("changes", [{"id": ""}, {"id": "e" * 256}, {"id": "a\nb"}, {"id": "4242424242424242"}])
def test_an_unusable_event_id_is_malformed(changes: dict[str, str]) -> None:
    """An id that can't be a key, or would carry a card number into one, is 400."""
    trip = Trip()
    assert trip.send(stripe_body(**changes)) == 400
    assert trip.aws.items == {}


def test_card_data_is_stored_redacted_with_the_keyed_hash_of_the_original() -> None:
    """The item holds no card number, says how many values are gone, and identifies the original."""
    trip = Trip()
    body = stripe_body(memo="4242424242424242")
    assert trip.send(body) == 200
    stored = trip.stored()
    assert b"4242424242424242" not in stored.body
    assert (stored.redactions, stored.original_hmac_key) == (1, "k0")
    assert stored.original_hmac is not None
    assert trip.send(body) == 200
    assert list(trip.aws.items) == ["stripe:evt_1"]


def test_the_trace_goes_on_to_the_item_and_the_message() -> None:
    """The item keeps the trace's id and the message links to it."""
    trip = Trip()
    root = "1-5759e988-bd862e3fe1be46a994272793"
    headers = signed_headers("stripe", stripe_body(), secret=secret("stripe"))
    event = gateway_event("stripe", stripe_body(), {**headers, "x-amzn-trace-id": f"Root={root};Sampled=0"})
    trip.invoke_receiver(event)
    assert trip.stored().trace_id == root
    (message,) = trip.aws.queue.values()
    assert message.attributes == {"AWSTraceHeader": f"Root={root};Sampled=0"}


def test_one_wide_line_is_logged_without_body_or_signature() -> None:
    """Every delivery leaves one line; it holds no byte of the body beyond ids and types."""
    trip = Trip()
    headers = signed_headers("stripe", stripe_body(), secret=secret("stripe"))
    trip.post("stripe", stripe_body(), headers)
    (line,) = trip.lines
    assert (line["outcome"], line["keyId"], line["webhookId"]) == ("accepted", "k0", "stripe:evt_1")
    text = json.dumps(line)
    assert headers["stripe-signature"] not in text
    assert "amount_received" not in text


def test_a_refusal_tells_whose_request_it_was() -> None:
    """It leaves no item: status, reason, size, trace and user agent stand in its line, the last cut short."""
    trip = Trip()
    root = "1-5759e988-bd862e3fe1be46a994272793"
    trip.post("stripe", stripe_body(), {"User-Agent": "x" * 500, "X-Amzn-Trace-Id": f"Root={root};Sampled=0"})
    (line,) = trip.lines
    assert (line["status"], line["reason"], line["traceId"]) == (401, "missing_header", root)
    assert (line["userAgent"], line["eventBytes"] > len(stripe_body())) == ("x" * 120, True)


def test_every_answer_counts_in_a_metric_by_outcome_and_provider() -> None:
    """A made-up provider name can't make a metric of its own."""
    trip = Trip()
    trip.send(stripe_body())
    trip.post("made-up", b"", {})
    assert [(line["Webhooks"], line["outcome"], line["provider"]) for line in trip.lines] == [
        (1, "accepted", "stripe"),
        (1, "refused", "unknown"),
    ]
    (definition,) = trip.lines[0]["_aws"]["CloudWatchMetrics"]
    assert definition["Dimensions"] == [["environment", "outcome", "provider"]]


def test_an_unencoded_body_is_taken_as_it_is() -> None:
    """Without binary media types the gateway hands over text."""
    trip = Trip()
    headers = signed_headers("stripe", stripe_body(), secret=secret("stripe"))
    event = gateway_event("stripe", stripe_body(), headers)
    event |= {"body": base64.b64decode(event["body"]).decode(), "isBase64Encoded": False}
    assert trip.invoke_receiver(event)["statusCode"] == 200


def test_verification_of_a_provider_without_delivery_ids_claims_none() -> None:
    """Stripe and Square cost one write, not two."""
    assert Verification(key_id="k").delivery_id is None
    trip = Trip()
    trip.send(stripe_body())
    assert trip.aws.calls["PutItem"] == 1


def _with_crc_of(original: bytes, forged: bytes, *, letters: bytes = b" \n") -> bytes:
    """Return `forged` with the CRC32 of `original`, by choosing among two letters where it holds 64 of the first.

    A CRC is affine: which of the two stands at each of the places is a linear system over 32 bits.
    """
    first = forged.rindex(letters[:1] * PLACES)
    base = zlib.crc32(forged)
    rows: dict[int, tuple[int, int]] = {}
    for place in range(PLACES):
        at = first + place
        effect, chosen = zlib.crc32(forged[:at] + letters[1:] + forged[at + 1 :]) ^ base, 1 << place
        while effect and (pivot := effect.bit_length()) in rows:
            effect, chosen = effect ^ rows[pivot][0], chosen ^ rows[pivot][1]
        if effect:
            rows[effect.bit_length()] = (effect, chosen)
    wanted, chosen = zlib.crc32(original) ^ base, 0
    while wanted:
        effect, places_of = rows[wanted.bit_length()]
        wanted, chosen = wanted ^ effect, chosen ^ places_of
    found = bytes(letters[chosen >> place & 1] for place in range(PLACES))
    return forged[:first] + found + forged[first + PLACES :]
