"""The request as AWS WAF's rules see it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Labels = set[str]
"""The fully qualified labels that rules have put on a request so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WafRequest:
    """What the rules look at. `headers` has lower-case names; `body` is the raw bytes."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    client_ip: str
    body: bytes = field(default=b"", repr=False)
    http_version: str = "HTTP/1.1"
    request_id: str = ""


def as_sent(text: str) -> bytes:
    """Return the bytes that a client sent: what is no UTF-8 came in as lone surrogates."""
    return text.encode("utf-8", "surrogateescape")
