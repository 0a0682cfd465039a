"""API Gateway events give exactly the bytes that were sent."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from lambdas.receiver.event import read_request
from lambdas.shared.errors import MalformedError, TooLargeError
from lambdas.shared.webhook import WebhookRequest

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def read(event: dict[str, Any], limit: int = 1000) -> WebhookRequest:
    """Read an event."""
    return read_request(event, received_at=NOW, trace_id=None, max_body_bytes=limit)


@pytest.mark.parametrize("body", [b"", b"\xff\xfe\x00", b"\xef\xbb\xbf{}", b"a\r\nb", "é".encode()])
def test_the_bytes_are_those_that_were_sent(body: bytes) -> None:
    """Base64 or not, nothing is decoded, trimmed or re-encoded."""
    assert read({"body": base64.b64encode(body).decode(), "isBase64Encoded": True}).body == body
    if body.isascii():
        assert read({"body": body.decode(), "isBase64Encoded": False}).body == body


@pytest.mark.parametrize("event", [{}, {"body": None}, {"headers": None, "pathParameters": None, "requestContext": 3}])
def test_an_empty_event_is_an_empty_request(event: dict[str, Any]) -> None:
    """Missing parts are empty, never an exception."""
    request = read(event)
    assert (request.provider, request.body, dict(request.headers)) == ("", b"", {})


@pytest.mark.parametrize("event", [{"body": 3}, {"body": "a*b", "isBase64Encoded": True}, {"body": ["x"]}])
def test_a_body_that_is_not_what_the_event_says_is_malformed(event: dict[str, Any]) -> None:
    """400, not a crash."""
    with pytest.raises(MalformedError):
        read(event)


def test_a_body_far_too_large_is_refused_before_it_is_decoded() -> None:
    """413 costs no memory."""
    for is_base64 in (True, False):
        with pytest.raises(TooLargeError):
            read({"body": "A" * 5000, "isBase64Encoded": is_base64})


def test_header_names_are_lower_case_and_repeats_are_joined() -> None:
    """Providers read one value by its lower-case name."""
    request = read({"headers": {"X-A": "2"}, "multiValueHeaders": {"X-A": ["1", "2"], "Y": "no list"}})
    assert request.headers == {"x-a": "1,2"}
    assert read({"headers": {"X-A": "2"}}).headers == {"x-a": "2"}
