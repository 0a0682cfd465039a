"""What is fuzzed, and the laws that every input must keep."""

import json
import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from lambdas.receiver.event import read_request
from lambdas.receiver.receive import MAX_NAME_LENGTH
from lambdas.shared.body import decompress
from lambdas.shared.card_data import redact
from lambdas.shared.clock import utc_now
from lambdas.shared.errors import WebhookError
from lambdas.shared.providers import PROVIDERS, get_provider
from lambdas.shared.tracing import TraceHeader
from lambdas.shared.webhook import message_webhook_id
from tests.fakes_trip import Trip, gateway_event, paypal_body, secret, signed_headers, square_body, stripe_body

SLOWEST_S = 2.0
"""Processor time that no single input of up to 256 KB may take; a busy machine does not count."""
REFUSALS = (400, 401, 404, 413)
SEEDS = (stripe_body(), square_body(), paypal_body(), b"{}", b"[]", b'{"id":"evt_1","object":"event","type":"x"}')
HOSTILE = (
    *(b"[" * 5000, b'{"a":' * 3000, b"9" * 5000, b"1e999999", b"-0", b"NaN", b"\xff\xfe", b"\xef\xbb\xbf", b"\x00"),
    *(b'"\\ud800"', b'"\\u0000"', b"4242 4242 4242 4242 " * 50, b'"cvv":"123"', b'"id":null', b"1E400", b'{"id":{}}'),
)


def parse_everything(data: bytes) -> None:
    """Give bytes to every parser: each returns or raises an error of ours, whatever they are."""
    text = data.decode("utf-8", "replace")
    for name in PROVIDERS:
        provider = get_provider(name)
        with suppress(WebhookError):
            assert len(provider.identify(data).event_id) <= max(len(data), MAX_NAME_LENGTH)
        with suppress(WebhookError):
            provider.normalise(data)
    with suppress(WebhookError):
        message_webhook_id(text)
    with suppress(WebhookError):
        decompress(data)
    TraceHeader.parse(text)
    if is_json(data):  # only a body that is JSON is ever stored
        assert redact(redact(data).body).count == 0
    event = {"body": text, "isBase64Encoded": bool(len(data) % 2), "headers": {text[:20]: text}}
    with suppress(WebhookError):
        read_request(event, received_at=utc_now(), trace_id=None, max_body_bytes=256 * 1024)


def is_json(data: bytes) -> bool:
    """Say whether bytes are JSON, as a body must be to be stored."""
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


class ReceiverTarget:
    """The receiver's handler over real clients: unverified events of every shape, and hostile bodies well signed."""

    def __init__(self, *, seed: int) -> None:
        self._random = random.Random(seed)
        self._trip = Trip()
        self.slowest_s = 0.0
        self.verified = 0
        for provider, body in zip(("stripe", "square", "paypal"), SEEDS, strict=False):
            self._trip.send(body.replace(b"1", b"7"), provider=provider)  # warm: secrets cached
        self._known = set(self._trip.aws.items)

    def one(self) -> None:
        """Make and deliver one input; raise AssertionError if it breaks a law."""
        provider = self._random.choice((*PROVIDERS, "stripe", "paypal", "", "x"))
        body = mutated(self._random, self._random.choice(SEEDS))
        is_signed = provider in ("stripe", "square") and self._random.random() < 0.02
        headers = signed_headers(provider, body, secret=secret(provider)) if is_signed else self._headers(provider)
        event = gateway_event(provider, body, headers)
        event = event if is_signed else self._bent(event)
        started = time.process_time()
        status = self._trip.invoke_receiver(event)["statusCode"]
        took = time.process_time() - started
        self._trip.lines.clear()
        self.slowest_s = max(self.slowest_s, took)
        assert took < SLOWEST_S, (took, event)
        if is_signed:
            self.verified += 1
            assert status in (200, *REFUSALS), (status, event)
            self._forget()
        else:
            assert status in REFUSALS, (status, event)
            assert set(self._trip.aws.items) == self._known, event

    def _forget(self) -> None:
        for name in set(self._trip.aws.items) - self._known:
            del self._trip.aws.items[name]
        self._trip.aws.queue.clear()
        self._trip.aws.stream.clear()

    def _headers(self, provider: str) -> dict[str, str]:
        value = mutated(self._random, b"t=1750000000,v1=" + b"a" * 64).decode("latin-1")
        names = ("stripe-signature", "x-square-hmacsha256-signature", "paypal-transmission-sig", "paypal-cert-url")
        more = ("paypal-transmission-id", "paypal-transmission-time", "paypal-auth-algo", "x-amzn-trace-id", provider)
        return {name: value for name in (*names, *more) if self._random.random() < 0.6}

    def _bent(self, event: dict[str, Any]) -> dict[str, Any]:
        """Take away or spoil a part of the gateway's event now and then."""
        if self._random.random() < 0.2:
            key = self._random.choice(list(event))
            event[key] = self._random.choice((None, "", [], {}, 7, True, "é=", {"a": None}, [None], "\ud800"))
        return event


def mutated(rng: random.Random, body: bytes) -> bytes:
    """Return `body` after a few cuts, flips, repeats and hostile insertions."""
    for _ in range(rng.randint(0, 4)):
        at = rng.randint(0, len(body))
        end = min(len(body), at + rng.randint(0, 30))
        body = rng.choice(_MUTATIONS)(rng, body, at, end)
    return body


_MUTATIONS: tuple[Callable[[random.Random, bytes, int, int], bytes], ...] = (
    lambda _, body, at, end: body[:at] + body[end:],
    lambda _, body, at, end: body[:end] + body[at:],
    lambda rng, body, at, end: body[:at] + rng.randbytes(end - at) + body[end:],
    lambda rng, body, at, end: body[:at] + rng.choice(HOSTILE) + body[end:],
    lambda rng, body, at, end: body[:at] + rng.choice(HOSTILE) + body[at:] if end else body,
)
