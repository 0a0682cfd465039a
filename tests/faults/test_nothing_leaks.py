"""Planted secrets and card numbers go through everything; then every place is searched for them."""

import json
import zlib

from lambdas.shared.body import decompress
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
