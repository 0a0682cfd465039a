"""Card data in a JSON body is found under every name and in every spelling, and nothing else changes."""

import json
import time
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.shared.card_data import MASK, mask, redact
from tests.card_numbers import card_like, with_check_digit
from tests.card_oracle import card_numbers, read, shape

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
@pytest.mark.parametrize(
    "text",
    ['{{"n":{0}}}', '{{"n":[{0}, {0}]}}', '{{"n":{0}.0}}', '{{"n":-{0}}}', '{{"n":{0}e0}}', '{{"n":{0}0.0E-1}}'],
)
def test_a_bare_number_that_is_longer_than_amounts_never_survives(pan: str, text: str) -> None:
    """Whatever its name, and however the number is spelled."""
    redacted = redact(text.format(pan).encode())
    assert redacted.count >= 1
    assert pan not in digits_of(redacted.body)


@pytest.mark.parametrize(
    "text", ['{"n":4.242424242424242e15}', '{"card_number":4.242424242424242E+15}', '{"cvv":1.23e2}']
)
def test_a_number_with_an_exponent_is_read_as_what_it_is(text: str) -> None:
    """No reader tells it from the number written out."""
    assert redact(text.encode()).count == 1


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
        '{"type":"text","name":"cvv","value":"123"}',
        '{"type":"id","name":"cvv","value":"123"}',
        '{"custom_fields":[{"key":"cvv","label":{"custom":"Code","type":"custom"},"numeric":{"value":"123"}}]}',
        '{"custom_fields":[{"key":"x1","label":{"custom":"CVV","type":"custom"},"text":{"value":"123"}}]}',
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


def test_two_card_numbers_as_names_stay_two_members() -> None:
    """A reader refuses duplicate names: the webhook could never be processed."""
    body = b'{"4242424242424242":1,"4242-4242-4242-4242":2,"[redacted]":3,"[redacted] (2)":{"5555555555554444":4}}'
    redacted = redact(body)
    assert redacted.count == 3
    assert shape(read(redacted.body)) == shape(read(body))
    assert len(json.loads(redacted.body)) == 4


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
