"""Captured requests are read byte for byte from whatever form they were saved in."""

import base64
import json
from typing import Any

import pytest

from tests.captured import signed, verdict
from tests.fakes_sender import SQUARE_URL
from webhookctl.core.explain.capture import Captured, from_har, from_message, parse_headers
from webhookctl.errors import UsageError


@pytest.mark.parametrize(
    "har",
    [
        "[" * 100_000,
        '{"log": {"entries": [{"request": {"method": "POST", "headers": [{"name": 1, "value": 2}]}}]}}',
        '{"log": {"entries": [7]}}',
        '{"log": []}',
    ],
)
def test_what_is_no_har_file_is_said_so(har: str) -> None:
    """Whatever is wrong with it."""
    with pytest.raises(UsageError):
        from_har(har)


def test_a_har_entry_without_a_body_has_an_empty_one() -> None:
    """Browsers write null where there was none."""
    request: dict[str, Any] = {"method": "POST", "url": "https://x.example", "headers": [], "postData": None}
    assert from_har(json.dumps({"log": {"entries": [{"request": request}]}})).body == b""


def test_a_message_is_read_byte_for_byte() -> None:
    """Headers in any case, the body after the first empty line, whatever is in it."""
    captured = signed("stripe", b'{"id": 1}\r\n\r\n\xff')
    lines = "".join(f"{name.title()}: {value}\r\n" for name, value in captured.headers.items())
    raw = b"POST /prod/webhook/stripe HTTP/1.1\r\nHost: x.example\r\n" + lines.encode() + b"\r\n" + captured.body
    found = from_message(raw)
    assert found.body == captured.body
    assert found.url == "https://x.example/prod/webhook/stripe"
    assert verdict(found, "stripe").verifies


@pytest.mark.parametrize("encoding", [None, "base64"])
def test_a_har_entry_is_read(encoding: str | None) -> None:
    """Text bodies and base64 ones."""
    captured = signed("square")
    text = base64.b64encode(captured.body).decode() if encoding else captured.body.decode()
    request = {
        "method": "POST",
        "url": SQUARE_URL,
        "headers": [{"name": name, "value": value} for name, value in captured.headers.items()],
        "postData": {"text": text, **({"encoding": encoding} if encoding else {})},
    }
    har = json.dumps({"log": {"entries": [{"request": request}]}})
    assert verdict(from_har(har), "square").verifies
    assert verdict(from_har(har, entry=1), "square").verifies
    with pytest.raises(UsageError):
        from_har(har, entry=2)


@pytest.mark.parametrize(
    "text",
    [
        "Stripe-Signature: t=1\nContent-Type: application/json\n",
        "> POST / HTTP/1.1\n> stripe-signature: t=1\n> content-type: application/json\n",
        '{"Stripe-Signature": "t=1", "content-type": ["application/json"]}',
        '{"Stripe-Signature": ["t=1"], "content-type": "application/json"}',
    ],
)
def test_headers_are_read_from_every_usual_form(text: str) -> None:
    """As in a message, as curl prints them, as JSON."""
    assert parse_headers(text) == {"stripe-signature": "t=1", "content-type": "application/json"}


def test_a_request_without_any_signature_needs_the_provider_s_name() -> None:
    """Nothing tells whose it is."""
    with pytest.raises(UsageError, match="no provider's signature header"):
        Captured(headers={"host": "x"}, body=b"{}").provider()
