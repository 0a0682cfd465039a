"""What is fuzzed, and the laws that every input must keep."""

import json
import random
import resource
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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
from tests.card_oracle import card_numbers, read, shape
from tests.fakes_trip import Trip, gateway_event, paypal_body, secret, signed_headers, square_body, stripe_body

SLOWEST_S = 2.0
"""Processor time that no single input of up to 256 KB may take; a busy machine does not count."""
LARGEST_MB = 32
"""What no single input may add to the process's memory at its peak; the largest body has a quarter of a megabyte."""
REFUSALS = (400, 401, 404, 413)
SEEDS = (stripe_body(), square_body(), paypal_body(), b"{}", b"[]", b'{"id":"evt_1","object":"event","type":"x"}')
HOSTILE = (
    *(b"[" * 5000, b'{"a":' * 3000, b"9" * 5000, b"1e999999", b"-0", b"NaN", b"\xff\xfe", b"\xef\xbb\xbf", b"\x00"),
    *(b'"\\ud800"', b'"\\u0000"', b"4242 4242 4242 4242 " * 4, b'"cvv":"123"', b'"id":null', b"1E400", b'{"id":{}}'),
)


def _deflated(megabytes: int, *, wbits: int) -> bytes:
    """Return so many zeros, deflated piece by piece: the peak of this process's memory must not hide a parser's."""
    deflater = zlib.compressobj(wbits=wbits)
    return b"".join(deflater.compress(bytes(1024**2)) for _ in range(megabytes)) + deflater.flush()


BOMBS = (
    b"\x01" + _deflated(2 * LARGEST_MB, wbits=-15),
    _deflated(2 * LARGEST_MB, wbits=15),
    b"[" * 250_000,
    b'{"a":' * 50_000,
    b"[" * 125_000 + b"]" * 125_000,
    b'{"a":' + b"[]," * 80_000 + b"[]}",
    b'{"id":' + b"9" * 250_000 + b"}",
    b'{"id":"' + b"\\u0000" * 40_000 + b'"}',
    b'{"id":"' + b"4242424242424242 " * 14_000 + b'"}',
    b"{" + b",".join(b'"%d":0' % n for n in range(25_000)) + b"}",
)
"""Small for what they would like to become: each as large as a body may be, or less."""


@contextmanager
def within_bounds() -> Iterator[None]:
    """Expect the block to take no more time and memory than one input may. Raises AssertionError."""
    peak, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    yield
    took, grown = time.process_time() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
    assert took < SLOWEST_S, f"{took:.1f} s"
    assert grown < LARGEST_MB * 1024, f"{grown // 1024} MB"


def parse_everything(data: bytes) -> None:
    """Give bytes to every parser: each returns or raises an error of ours, in bounds, whatever they are."""
    with within_bounds():
        give_to_every_parser(data)


def give_to_every_parser(data: bytes) -> None:
    """Do so without looking at time and memory."""
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
    redacted = redact(data).body
    if is_json(data):  # only a body that is JSON is ever stored
        _judge_redaction(data, redacted)
    event = {"body": text, "isBase64Encoded": bool(len(data) % 2), "headers": {text[:20]: text}}
    with suppress(WebhookError):
        read_request(event, received_at=utc_now(), trace_id=None, max_body_bytes=256 * 1024)


def _judge_redaction(data: bytes, redacted: bytes) -> None:
    """Find no card number, the same structure, and the same meaning of what means something to a provider."""
    after = read(redacted)
    assert card_numbers(after) == []
    if redacted == data:
        return
    assert shape(after) == shape(read(data))
    for name in PROVIDERS:
        try:
            meant = get_provider(name).normalise(data)
        except WebhookError:
            continue
        means = get_provider(name).normalise(redacted)
        assert (means.kind, means.amount_minor, means.currency) == (meant.kind, meant.amount_minor, meant.currency)


def is_json(data: bytes) -> bool:
    """Say whether bytes are JSON in UTF-8, as a body must be to be stored."""
    try:
        json.loads(data.decode())
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
        self._deliver(event, is_signed=is_signed)

    def bombs(self) -> None:
        """Deliver every bomb, well signed: accepted or refused, in bounds."""
        for body in BOMBS:
            headers = signed_headers("stripe", body, secret=secret("stripe"))
            self._deliver(gateway_event("stripe", body, headers), is_signed=True)

    def _deliver(self, event: dict[str, Any], *, is_signed: bool) -> None:
        started = time.process_time()
        with within_bounds():
            status = self._trip.invoke_receiver(event)["statusCode"]
        self.slowest_s = max(self.slowest_s, time.process_time() - started)
        self._trip.lines.clear()
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
