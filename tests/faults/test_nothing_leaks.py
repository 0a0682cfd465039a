"""Planted secrets and card numbers go through everything; then every place is searched for them."""

import json
import zlib
from typing import Any

import pytest

from lambdas.shared.body import decompress
from lambdas.shared.webhook import Status
from tests.fakes_aws import stored_body
from tests.fakes_trip import Trip, gateway_event, secret, signed_headers, square_body, stripe_body

PAN = "4242424242424242"
CODE = "737"
SECRETS = ("whsec_planted-key-of-the-test", "audit-seal-planted")


def test_no_planted_secret_or_card_number_comes_to_rest_or_is_logged() -> None:
    """Table, stream, queue, dead letters and log lines hold neither card data nor keys nor signatures."""
    trip = Trip()
    spaced = f"{PAN[:4]} {PAN[4:8]} {PAN[8:12]} {PAN[12:]}"
    card = {"number": PAN, "cvc": CODE, "text": f"paid with {spaced} 12/29 {CODE}", "note": f"{PAN} {CODE}"}
    body = stripe_body("evt_card", card=card)
    headers = signed_headers("stripe", body, secret=secret("stripe"))
    answers = [trip.invoke_receiver(gateway_event("stripe", body, headers)) for _ in range(2)]
    trip.send(stripe_body("evt_fail", card=card, webhookctl={"failTimes": 9}))
    trip.send(square_body("sq-1", PAN), provider="square")
    refused = {**headers, "stripe-signature": "t=1,v1=0", "user-agent": f"{PAN} 12/29 cvv={CODE}"}
    trip.post("stripe", body, refused)
    trip.post("stripe", body, {**refused, "user-agent": f"{'x' * 110} {PAN}"})
    trip.post(PAN, body, headers)
    trip.post(f"a stranger's {spaced}", body, headers)
    trip.post("stripe", body, {**headers, "stripe-signature": headers["stripe-signature"] + "0"})
    trip.drain()
    trip.audit()
    assert [answer["statusCode"] for answer in answers] == [200, 200]
    bodies = [decompress(stored_body(item)).decode() for item in trip.aws.items.values()]
    messages = [m.body + json.dumps(m.attributes) for m in (*trip.aws.queue.values(), *trip.aws.dlq.values())]
    everything = json.dumps([trip.lines, trip.aws.items, trip.aws.stream, bodies, messages, answers])
    digits = everything.replace(" ", "").replace("-", "")
    assert PAN[:10] not in digits
    assert f'"cvc": "{CODE}"' not in "".join(bodies)
    assert not any(f"{before}{CODE}" in everything for before in ("12/29 ", f"{PAN} ", "cvv="))
    for planted in (*SECRETS, headers["stripe-signature"], headers["stripe-signature"].rpartition("=")[2]):
        assert planted not in everything
    assert trip.stored("stripe:evt_card").redactions == 4
    assert zlib.crc32(body) != zlib.crc32(bodies[0].encode())


@pytest.mark.parametrize("amount", [608000000000, 566000000000, 378282246310005])
def test_an_amount_that_passes_for_a_card_number_is_processed_as_it_is(amount: int) -> None:
    """Rupiahs have that many digits, and nothing is taken out."""
    trip = Trip()
    intent = {"id": "pi_1", "object": "payment_intent", "amount": amount, "amount_received": amount, "currency": "idr"}
    assert trip.send(stripe_body(data={"object": {**intent, "status": "succeeded"}})) == 200
    trip.drain()
    stored = trip.stored()
    assert stored.event is not None
    assert (stored.status, stored.redactions) == (Status.PROCESSED, None)
    assert (stored.event.amount_minor, stored.event.currency) == (amount, "IDR")


@pytest.mark.parametrize(
    "card",
    [
        {"raw": '{"n":"\\u0035 items"}', "card": PAN},
        {PAN: 1, f"{PAN[:4]} {PAN[4:8]} {PAN[8:12]} {PAN[12:]}": 2},
        {"raw": json.dumps({"card": {"number": PAN, "cvv": CODE}})},
        {"card": {"number": int(PAN), "cvv": int(CODE)}},
    ],
)
def test_a_webhook_with_card_data_can_still_be_processed(card: dict[str, Any]) -> None:
    """What is stored reads as what was sent: its escapes are whole and no two of its names became one."""
    trip = Trip()
    assert trip.send(stripe_body(metadata=card)) == 200
    trip.drain()
    stored = trip.stored()
    assert stored.redactions
    assert (stored.status, stored.event and stored.event.amount_minor) == (Status.PROCESSED, 1200)
    assert PAN.encode() not in stored.body.replace(b" ", b"")
