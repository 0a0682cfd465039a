"""Card data is found in every spelling and nothing else is."""

import json
import time

import pytest

from lambdas.shared.card_data import MASK, mask, redact

PANS = [
    "4242424242424242",
    "5555555555554444",
    "378282246310005",
    "6011111111111117",
    "30569309025904",
    "4222222222222",
]


@pytest.mark.parametrize("pan", PANS)
def test_a_card_number_never_survives(pan: str) -> None:
    """Quoted, bare, spaced, dashed, escaped or inside a sentence: the number is gone and the JSON still parses."""
    spaced = " ".join(pan[i : i + 4] for i in range(0, len(pan), 4))
    escaped = "".join(f"\\u003{d}" for d in pan)
    for text in (
        f'{{"n":"{pan}"}}',
        f'{{"n": {pan}}}',
        f'{{"n":[{pan},{pan}]}}',
        f'{{"n":"{spaced}"}}',
        f'{{"n":"{spaced.replace(" ", "-")}"}}',
        f'{{"n":"{escaped}"}}',
        f'{{"n":"card: {pan}, thanks"}}',
        f'{{"n":"line\\n{pan}\\tend"}}',
        f'{{"n":"{{\\"pan\\":\\"{pan}\\"}}"}}',
    ):
        redacted = redact(text.encode())
        assert redacted.count >= 1, text
        assert pan not in str(json.loads(redacted.body)).replace(" ", "").replace("-", "")


@pytest.mark.parametrize("name", ["cvv", "CVC", "security_code"])
@pytest.mark.parametrize("value", ['"123"', "123", '"0123"', " 999 "])
def test_a_verification_code_never_survives(name: str, value: str) -> None:
    """A code goes by its member's name, quoted or not."""
    redacted = redact(f'{{"{name}": {value}, "z": 1}}'.encode())
    assert redacted.count == 1
    assert json.loads(redacted.body)[name] in (MASK, 0)


def test_an_escaped_code_and_track_data_never_survive() -> None:
    """JSON inside a JSON string hides nothing; whatever stands under a track's name goes."""
    assert b"123" not in redact(rb'{"raw":"{\"cvv\":\"123\"}"}').body
    assert json.loads(redact(b'{"track1":"%B4242424242424242^DOE/J^2512"}').body) == {"track1": MASK}


@pytest.mark.parametrize(
    "body",
    [
        b'{"id":"evt_4242424242424242","created":1750000000123}',
        b'{"n":4242424242424241}',
        b'{"n":1234567890123456}',
        b'{"u":"1f8a4242-4242-4242-a242-424242424242"}',
        b'{"cvc_check":"pass","cvv_result":"123"}',
        b'{"t":"2026-01-02T03:04:05.678Z"}',
    ],
)
def test_what_is_no_card_data_stays_byte_for_byte(body: bytes) -> None:
    """Ids, times, numbers that fail the check and neighbours of a code's name are left alone."""
    assert redact(body) == type(redact(body))(body=body, count=0)


@pytest.mark.parametrize("body", [b"4 " * 100_000, b"4242424242424242 " * 15_000, b"9" * 250_000, b'"cvv": ' * 30_000])
def test_redaction_takes_bounded_time(body: bytes) -> None:
    """No input of the largest size makes the search explode."""
    started = time.process_time()
    redact(body)
    assert time.process_time() - started < 2


def test_the_second_net_masks_inside_any_json_value() -> None:
    """A number in a nested string of a log line is masked; other values pass."""
    line = {"a": ["x 4242424242424242"], "n": 4, "b": None}
    assert mask(line) == {"a": [f"x {MASK}"], "n": 4, "b": None}


@pytest.mark.parametrize(
    "uuid",
    [
        "07ee7a8c-6808-4432-9770-935ef281a4c5",
        "48b8b2bf-bca4-4178-9b8e-670505077909",
        "63955203-8809-42ac-86c7-9344ef623b19",
        "2A1AFA66-EE22-42FD-89DC-674848025997",
    ],
)
def test_a_uuid_is_no_card_number(uuid: str) -> None:
    """Square's event ids are UUIDs: digits in one that pass for a card's must not get the event refused or changed."""
    body = f'{{"event_id":"{uuid}","n":[1,"delivery:paypal:{uuid}"]}}'.encode()
    assert redact(body).body == body
    assert mask(f"delivery:paypal:{uuid}") == f"delivery:paypal:{uuid}"
    assert mask(uuid) == uuid


@pytest.mark.parametrize("beside", ["{u} {pan}", "{pan}-{u}", "{u}-{pan}", "{pan}:{u}", "{u},{spaced}"])
def test_a_card_number_beside_a_uuid_never_survives(beside: str) -> None:
    """Only what stands wholly within the UUID is left alone."""
    text = beside.format(u="07ee7a8c-6808-4432-9770-935ef281a4c5", pan=PANS[0], spaced="4242 4242 4242 4242")
    assert PANS[0] not in mask(text).replace(" ", "").replace("-", "")
