"""What is no card data stays as it was: amounts, ids, times, phone numbers, and every byte around card data."""

import random
from typing import Any

import pytest
from hypothesis import given, settings

from lambdas.shared.card_data import Redacted, redact
from lambdas.shared.providers import get_provider
from tests.card_numbers import card_like, with_check_digit
from tests.fakes_trip import paypal_body, square_body, stripe_body


@pytest.mark.parametrize(
    "body",
    [
        b'{"id":"evt_4242424242424242","created":1750000000123}',
        b'{"n":4242424242424241}',
        b'{"n":1234567890123456}',
        b'{"u":"1f8a4242-4242-4242-a242-424242424242"}',
        b'{"cvc_check":"pass","cvv_result":"123","cvv_status":"CVV_ACCEPTED","cvv_code":"M"}',
        b'{"cvc_check": null, "cvv": true, "cvc": "pass", "security_code_provided": 123}',
        b'{"t":"2026-01-02T03:04:05.678Z","last4":"4242","exp_year":2029,"track":"123"}',
        b'{"card":{"exp_month":12,"exp_year":2029,"last4":"4242","iin":"424242","amount":608000000000}}',
        b'{"rate":"0.4242424242424242","rates":[0.4242424242424242]}',
        b'{"network_transaction_reference":{"id":"378282246310005"},"gtin":"4006381333931"}',
        b'{"id":"7000","name":{"given_name":"Ana","surname":"Cid"},"amount":{"value":"3000"}}',
        b'{"code":"1234","name":{"given_name":"Card","surname":"Pin"}}',
        b'{"raw":"{\\"n\\":\\"\\\\u0035 items\\"}"}',
        b"[" * 5000,
        b"\xff\xfe",
    ],
)
def test_what_is_no_card_data_stays_byte_for_byte(body: bytes) -> None:
    """Ids, times, numbers that fail the check, results of checks and neighbours of a code's name are left alone."""
    assert redact(body) == Redacted(body=body, count=0)


def _stripe(digits: str) -> bytes:
    intent = {"id": "pi_1", "amount": int(digits), "amount_received": int(digits), "currency": "idr", "status": "x"}
    return stripe_body(data={"object": {**intent, "description": "card 4242 4242 4242 4242"}})


def _square(digits: str) -> bytes:
    return square_body().replace(b"900", digits.encode()).replace(b"USD", b"COP").replace(b"M1", b"4242424242424242")


def _paypal(digits: str) -> bytes:
    return paypal_body().replace(b"30.00", f"{digits}.00".encode()).replace(b"summary", b"4242424242424242")


def _paypal_v1(digits: str) -> bytes:
    return paypal_body().replace(b'"value": "30.00", "currency_code"', f'"total": "{digits}", "currency"'.encode())


@settings(max_examples=40, deadline=None)
@given(card_like(15))
@pytest.mark.parametrize(
    ("provider", "body"),
    [("stripe", _stripe), ("square", _square), ("paypal", _paypal), ("paypal", _paypal_v1)],
)
def test_no_amount_that_passes_for_a_card_number_changes_what_a_webhook_means(
    provider: str, body: Any, digits: str
) -> None:
    """In rupiahs, pesos and dongs amounts have as many digits as card numbers: all that a payment can be is kept."""
    digits = with_check_digit(digits[:12]) if provider == "paypal" and len(digits) > 13 else digits
    original = body(digits)
    redacted = redact(original)
    assert get_provider(provider).normalise(redacted.body) == get_provider(provider).normalise(original)
    assert digits in redacted.body.decode()


@pytest.mark.parametrize(
    "template",
    [
        '{"phone":"+57300%07d"}',
        '{"phone_number":"+62812%08d"}',
        '{"note":"call +62 812 %08d"}',
        '{"shipping":{"phone":"62812%08d"}}',
        '{"network_transaction_id":"%015d"}',
        '{"order_reference":"%015d","invoice_id":"%014d"}',
        '{"network_transaction_reference":{"id":"%015d"}}',
        '{"created":%010d,"at":%013d,"amount":%012d}',
    ],
)
def test_ordinary_data_is_not_destroyed(template: str) -> None:
    """Phone numbers, references, times and amounts at random: none of a thousand is taken for a card number."""
    rng = random.Random(1)
    for _ in range(1000):
        parts = [int(str(rng.randrange(10, 10**7)).rjust(7, "3")) for _ in range(template.count("%"))]
        body = (template % tuple(parts)).encode()
        assert redact(body).count == 0, body


def test_only_the_values_that_hold_card_data_change() -> None:
    """Escapes, spaces and the spelling of numbers elsewhere stay as they were signed."""
    kept = rb'{ "raw" : "{\"n\":\"\\u0035 items\"}", "x":1.50, "y":1E3 ,"z":"\u00e9\/" , "card":'
    assert redact(kept + b'"4242424242424242"}').body == kept + b'"[redacted]"}'


@pytest.mark.parametrize(
    "text", ["1e400", "4e999999999", "4.2e-999999999", "-0", "1E3", "12.50", "4.2424242424242425e15"]
)
def test_another_number_stays_as_it_is_spelled_in_no_time(text: str) -> None:
    """Money, times, and what is beyond any number of ours."""
    body = f'{{"amount":{text}}}'.encode()
    assert redact(body) == Redacted(body=body, count=0)


def test_payments_whose_ids_pass_for_card_numbers_do_not_become_one() -> None:
    """An id that was redacted names no payment: under the mask every such payment would be summed up together."""
    for pan in ("4242424242424242", "5555555555554444"):
        event = get_provider("square").normalise(redact(square_body(payment_id=pan)).body)
        assert (event.kind, event.amount_minor, event.payment_id) == ("payment.succeeded", 900, None)
