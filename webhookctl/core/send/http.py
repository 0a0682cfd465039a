"""HTTP for the sender: one request per webhook, connections kept open, nothing retried, no redirect followed."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import urllib3
from urllib3.exceptions import HTTPError, LocationParseError
from urllib3.util import Timeout

from webhookctl.core.send.request import Outgoing
from webhookctl.errors import UsageError

_ANSWER_LIMIT = 2000
_SUCH_AS = "such as https://hooks.example.com/webhook/stripe"
_MARK = {"x-webhookctl-test": "1"}
"""Says whose request it is: the receiver notes it, so that test webhooks don't pass for a provider's traffic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back. `status` is None when nothing did; `problem` then says why. Latency in milliseconds."""

    status: int | None
    latency_ms: float
    text: str = ""
    problem: str | None = None
    is_timeout: bool = False

    @property
    def is_accepted(self) -> bool:
        """Whether the receiver took the webhook: 2xx and nothing else, as the providers count."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - 2xx


class Transport(Protocol):
    """Posts one request. Never raises for what the other side does: that is an Answer too."""

    def post(self, outgoing: Outgoing) -> Answer:
        """Send the request once and return what came back."""
        ...


class HttpTransport:
    """The real transport, safe to share between threads.

    `source_address` binds outgoing connections, for example to 127.0.0.7. `body_delay_s` spreads the body over that
    time, as a sender on a bad line would.
    """

    def __init__(
        self,
        *,
        connections: int = 1,
        timeout_s: float = 30.0,
        source_address: str | None = None,
        body_delay_s: float = 0.0,
    ) -> None:
        self._pool = urllib3.PoolManager(
            num_pools=8,
            maxsize=connections,
            retries=False,
            timeout=Timeout(connect=min(timeout_s, 10.0), read=timeout_s),
            source_address=(source_address, 0) if source_address else None,
        )
        self._body_delay_s = body_delay_s

    def post(self, outgoing: Outgoing) -> Answer:
        """Send the request once."""
        started = time.perf_counter()
        try:
            response = self._pool.request(
                "POST",
                outgoing.url,
                body=self._body(outgoing.body),
                headers={**_MARK, **outgoing.headers, "content-length": str(len(outgoing.body))},
                redirect=False,
            )
        except HTTPError as error:
            return Answer(
                status=None, latency_ms=_since(started), problem=_reason(error), is_timeout="Timeout" in repr(error)
            )
        text = response.data[:_ANSWER_LIMIT].decode("utf-8", "replace")
        return Answer(status=response.status, latency_ms=_since(started), text=text)

    def _body(self, body: bytes) -> bytes | Iterator[bytes]:
        return _slowly(body, self._body_delay_s) if self._body_delay_s else body


def check_url(url: str) -> str:
    """Return a URL that can be posted to. Raises UsageError."""
    try:
        parsed = urllib3.util.parse_url(url)
    except LocationParseError as error:
        raise UsageError(f"'{url}' is not a URL", hint=_SUCH_AS) from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise UsageError(f"'{url}' is not an http or https URL", hint=_SUCH_AS)
    if parsed.auth or parsed.fragment:
        left_out = "a user name and password" if parsed.auth else "what stands after #"
        raise UsageError(f"--url: {left_out} would not be sent", hint="leave it out of the URL")
    return url


def _slowly(body: bytes, delay_s: float, parts: int = 10) -> Iterator[bytes]:
    step = max(1, len(body) // parts)
    for start in range(0, len(body), step):
        time.sleep(delay_s / parts)
        yield body[start : start + step]


def _reason(error: HTTPError) -> str:
    cause = getattr(error, "reason", None) or error
    text = str(cause)
    return text.rpartition("): ")[2] or type(error).__name__


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
