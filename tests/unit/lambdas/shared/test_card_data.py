"""Card data in a JSON body is found under every name and in every spelling, and nothing else changes."""

import json
import random
import time
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.shared.card_data import MASK, Redacted, mask, redact
from lambdas.shared.providers import get_provider
from tests.card_oracle import card_numbers, read, shape
from tests.fakes_trip import paypal_body, square_body, stripe_body

PANS = [
    "4242424242424242",
    "5555555555554444",
    "378282246310005",
    "6011111111111117",
    "30569309025904",
    "6304000000000000",
    "2200000000000004",
    "6205500000000000004",
]
CARD_LIKE_STARTS = ("4", "51", "37", "30", "36", "3528", "62", "50", "56", "58", "608", "6")


def with_check_digit(digits: str) -> str:
    """Return digits with the one behind them that lets them pass the Luhn check."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 - place % 2)
        total += doubled // 10 + doubled % 10
    return digits + str(-total % 10)


@st.composite
def card_like(draw: st.DrawFn, longest: int) -> str:
    """Draw 12 to `longest` digits that start as a scheme's numbers do and pass the check."""
    start, length = draw(st.sampled_from(CARD_LIKE_STARTS)), draw(st.integers(12, longest))
    size = length - len(start) - 1
    return with_check_digit(start + draw(st.text("0123456789", min_size=size, max_size=size)))


def digits_of(body: bytes) -> str:
    """Return a body's text without what may part the digits of a number."""
    text = unicodedata.normalize("NFKC", str(json.loads(body)))
    return "".join(c for c in text if c.isalnum() or c in "'\"[]{}")


@pytest.mark.parametrize("pan", PANS)
def test_a_card_number_never_survives(pan: str) -> None:
    """Quoted, spaced, dashed, escaped, within a sentence or as a name: the number is gone, the JSON reads as before."""
    spaced = " ".join(pan[i : i + 4] for i in range(0, len(pan), 4))
    escaped = "".join(f"\\u003{d}" for d in pan)
    for text in (
        f'{{"n":"{pan}"}}',
        f'{{"card_number": {pan}}}',
        f'{{"n":"{spaced}"}}',
        f'{{"n":"{spaced.replace(" ", "-")}"}}',
        f'{{"n":"{spaced.replace(" ", chr(92) + "u002d")}"}}',
        f'{{"n":"{escaped}"}}',
        f'{{"n":"card: {pan}, thanks"}}',
        f'{{"n":"line\\n{pan}\\tend"}}',
        f'{{"n":"{{\\"pan\\":\\"{pan}\\"}}"}}',
        f'{{"{pan}":1}}',
    ):
        redacted = redact(text.encode())
        assert redacted.count == 1, text
        assert pan not in digits_of(redacted.body)
        assert shape(read(redacted.body)) == shape(read(text.encode()))


@pytest.mark.parametrize("pan", ["4242424242424242", "5555555555554444", "378282246310005", "6205500000000000004"])
@pytest.mark.parametrize("text", ['{{"n":{0}}}', '{{"n":[{0}, {0}]}}', '{{"n":{0}.0}}', '{{"n":-{0}}}'])
def test_a_bare_number_that_is_longer_than_amounts_never_survives(pan: str, text: str) -> None:
    """Whatever its name."""
    assert pan not in digits_of(redact(text.format(pan).encode()).body)


@pytest.mark.parametrize("digits", ["4222222222222", "676770000000", "5018000000009", "4000000000000000006"])
@pytest.mark.parametrize("name", ["card_number", "cardNumber", "PAN", "cc-number", "creditCard"])
def test_a_rare_length_is_a_card_number_under_a_cards_name_only(name: str, digits: str) -> None:
    """Anywhere else it is a phone number, a barcode or an amount."""
    assert digits[:-1] == with_check_digit(digits[:-1])[:-1]
    number = with_check_digit(digits[:-1])
    for value in (number, f'"{number}"'):
        assert redact(f'{{"{name}":{value}}}'.encode()).count == 1
        assert redact(f'{{"card":{{"number":{value}}}}}'.encode()).count == 1
        assert redact(f'{{"name":"{name}","value":{value}}}'.encode()).count == 1
        assert redact(f'{{"sku":{value}}}'.encode()).count == 0


@pytest.mark.parametrize("name", ["reference_id", "invoice_id", "phone", "amount_note"])
def test_in_words_a_card_number_is_found_under_every_name(name: str) -> None:
    """Only a value that is nothing but a number may be an id, an amount or a phone number."""
    for text in ("Amex 378282246310005", "3782 822463 10005", "4242424242424242"):
        assert redact(f'{{"{name}":"{text}"}}'.encode()).count == 1


NAMES = [
    *(
        "cvv",
        "CVC",
        "security_code",
        "securityCode",
        "cardSecurityCode",
        "card_cvc",
        "card_cvv",
        "cvvNumber",
        "cvc_code",
    ),
    *("cvcCode", "cvn", "verification_value", "card-verification-value", "cid", "CSC", "cvv2", "pin", "account_cvv"),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", ['"123"', "123", '"0123"', " 999 ", '["123"]', '{"value":"123"}', '" 123"'])
def test_a_verification_code_never_survives(name: str, value: str) -> None:
    """A code goes by its member's name, quoted or not, alone, in a list or an object."""
    redacted = redact(f'{{"{name}": {value}, "z": 1}}'.encode())
    assert redacted.count == 1
    assert not {"123", "0123", "999"} & set(digits_of(redacted.body).replace("[", "'").replace("]", "'").split("'"))
    assert json.loads(redacted.body)["z"] == 1


@pytest.mark.parametrize(
    "text",
    [
        '{"name":"cvv","value":"123"}',
        '{"value":123,"name":"card_cvc"}',
        '{"fields":[{"key":"securityCode","value":"123"}]}',
        r'{"raw":"{\"cvv\":\"123\"}"}',
        r'{"raw":"{\"a\":\"{\\\"cvv\\\":123}\"}"}',
        r'{"raw":"cut off {\"cvv\":\"123\""}',
        '{"n":"CVV: 123"}',
        '{"n":"cvv=123"}',
        '{"n":"the security code is 123."}',
        '{"n":"4242424242424242 12/29 123"}',
        '{"track_data":{"track1":"123"}}',
        '{"track2":["123"]}',
        r'{"raw":"{\"track2\":\"123\"}"}',
        '{"magstripe":123,"pin_block":"123"}',
    ],
)
def test_a_code_is_found_by_what_stands_beside_it(text: str) -> None:
    """By a sibling that names it, in JSON within a string, in words, behind a card number; tracks go whole."""
    redacted = redact(text.encode())
    assert redacted.count >= 1
    assert b"123" not in redacted.body


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


def test_two_card_numbers_as_names_stay_two_members() -> None:
    """A reader refuses duplicate names: the webhook could never be processed."""
    body = b'{"4242424242424242":1,"4242-4242-4242-4242":2,"[redacted]":3,"[redacted] (2)":{"5555555555554444":4}}'
    redacted = redact(body)
    assert redacted.count == 3
    assert shape(read(redacted.body)) == shape(read(body))
    assert len(json.loads(redacted.body)) == 4


def test_only_the_values_that_hold_card_data_change() -> None:
    """Escapes, spaces and the spelling of numbers elsewhere stay as they were signed."""
    kept = rb'{ "raw" : "{\"n\":\"\\u0035 items\"}", "x":1.50, "y":1E3 ,"z":"\u00e9\/" , "card":'
    assert redact(kept + b'"4242424242424242"}').body == kept + b'"[redacted]"}'


json_texts = st.recursive(
    st.none()
    | st.integers()
    | st.text(max_size=8)
    | card_like(19).map(int)
    | card_like(19)
    | st.lists(card_like(16) | st.sampled_from(["12/29", "123", "x", "\\u0035"]), max_size=4).map(" ".join),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["n", "cvv", "amount", "card", "name", "value"]) | card_like(16), inner)
        | inner.map(json.dumps)
    ),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(json_texts)
def test_a_readable_body_stays_readable_with_the_same_structure_and_without_card_numbers(value: Any) -> None:
    """Judged by an independent search: every object keeps its members, every list its length; no number is left."""
    body = json.dumps(value).encode()
    redacted = read(redact(body).body)
    assert shape(redacted) == shape(read(body))
    assert card_numbers(redacted) == []


def _in_a_string(text: bytes) -> bytes:
    return b'{"a":"' + text + b'"}'


@pytest.mark.parametrize(
    "body",
    [
        b"4 " * 100_000,
        b"9" * 250_000,
        b'"cvv": ' * 30_000,
        *map(_in_a_string, (b"2 4 " * 62_000, b"4242424242424242 " * 15_000, b"4242 " * 50_000, b"cvv " * 60_000)),
        *map(
            _in_a_string,
            (b"4.-." * 60_000, b"B4242424242424242^" * 14_000, b"card code " * 25_000, b"\\u0034" * 41_000),
        ),
        b'{"4242424242424242":1' + b',"4242424242424242":1' * 11_000 + b"}",
        b"[" + b"4242424242424242," * 14_000 + b"1]",
    ],
    ids=lambda body: repr(body[:12]),
)
def test_redaction_takes_bounded_time(body: bytes) -> None:
    """No input of the largest size makes the search explode."""
    started = time.process_time()
    redact(body)
    assert time.process_time() - started < 2


def test_the_second_net_masks_inside_any_json_value() -> None:
    """A number in a nested string of a log line is masked; other values pass."""
    line = {"a": ["x 4242424242424242", "4242424242424242 12/29 cvv=123"], "n": 4, "b": None}
    assert mask(line) == {"a": [f"x {MASK}", f"{MASK} 12/29 cvv={MASK}"], "n": 4, "b": None}
