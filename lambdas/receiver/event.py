"""Read an API Gateway proxy event: the raw bytes exactly as they were sent, lower-case headers."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lambdas.shared.errors import MalformedError, TooLargeError
from lambdas.shared.webhook import WebhookRequest

_BASE64_GROWTH = 4 / 3
_LINE_SLACK = 8


def read_request(
    event: Mapping[str, Any], *, received_at: datetime, trace_id: str | None, max_body_bytes: int
) -> WebhookRequest:
    """Return the delivery that a REST API proxy event carries.

    Raises TooLargeError before decoding a body that can't be within `max_body_bytes`, and MalformedError for a body
    that is not what the event says.
    """
    context = _mapping(event.get("requestContext"))
    identity = _mapping(context.get("identity"))
    return WebhookRequest(
        provider=str(_mapping(event.get("pathParameters")).get("provider") or ""),
        headers=read_headers(event),
        body=_body(event, max_body_bytes),
        received_at=received_at,
        source_ip=str(identity.get("sourceIp") or ""),
        request_id=str(context.get("requestId") or ""),
        trace_id=trace_id,
    )


def read_headers(event: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers with lower-case names; a header that was sent twice is joined with a comma."""
    many = _mapping(event.get("multiValueHeaders"))
    if many:
        return {str(k).lower(): ",".join(map(str, v)) for k, v in many.items() if isinstance(v, list)}
    return {str(k).lower(): str(v) for k, v in _mapping(event.get("headers")).items()}


def _body(event: Mapping[str, Any], max_body_bytes: int) -> bytes:
    raw = event.get("body")
    if raw is None:
        return b""
    if not isinstance(raw, str):
        raise MalformedError("the event's body is not text")
    is_base64 = event.get("isBase64Encoded") is True
    if len(raw) > max_body_bytes * (_BASE64_GROWTH if is_base64 else 1) + _LINE_SLACK:
        raise TooLargeError(f"the body has more than {max_body_bytes} bytes")
    if not is_base64:
        return raw.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(raw, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError("the event's body is not base64") from error


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
