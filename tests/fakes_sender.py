"""Fakes of the sender's ports, and secrets that sign for real."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lambdas.shared.errors import MalformedError, VerificationError
from lambdas.shared.providers import PROVIDERS, Options, get_provider
from lambdas.shared.providers.base import Key, ProviderSecret
from lambdas.shared.providers.paypal_test_ca import TestCa, make_test_ca
from lambdas.shared.webhook import Status, StoredWebhook, WebhookRequest, webhook_id
from webhookctl.core.send.http import Answer
from webhookctl.core.send.request import Outgoing, Target

NOW = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)
SQUARE_URL = "https://hooks.example.com/prod/webhook/square"

_ca: list[TestCa] = []


def test_ca() -> TestCa:
    """Return one test CA for the whole run: two RSA keys take a while."""
    if not _ca:
        _ca.append(make_test_ca(now=NOW))
    return _ca[0]


test_ca.__test__ = False  # type: ignore[attr-defined]


def secret_of(provider: str) -> ProviderSecret:
    """Return a secret that the provider signs and verifies with."""
    values = {
        "stripe": "whsec_unit",
        "square": "square-signature-key",
        "paypal": "5WH00000000000001",
        "standardwebhooks": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    }
    extras: dict[str, Callable[[], dict[str, Any]]] = {
        "stripe": dict,
        "standardwebhooks": dict,
        "square": lambda: {"notificationUrl": SQUARE_URL},
        "paypal": lambda: {"signing": test_ca().signing(), "testCa": test_ca().trust()},
    }
    key = Key(id=f"{provider}-1", value=values[provider], created_at="2026-01-01T00:00:00Z")
    return ProviderSecret(keys=(key,), extra=extras[provider]())


@dataclass
class FakeTransport:
    """Answers with the given statuses in turn (the last one from then on) and keeps what was sent."""

    statuses: Sequence[int | None] = (200,)
    text: str = ""
    sent: list[Outgoing] = field(default_factory=list)

    def post(self, outgoing: Outgoing) -> Answer:
        status = self.statuses[min(len(self.sent), len(self.statuses) - 1)]
        self.sent.append(outgoing)
        return Answer(status=status, latency_ms=10.0, text=self.text, problem=None if status else "refused")


@dataclass
class FakeTable:
    """A table of webhooks. `states` gives, per id, what successive reads find."""

    states: dict[str, list[StoredWebhook | None]]
    reads: int = 0

    def get(self, webhook_id: str) -> StoredWebhook | None:
        self.reads += 1
        found = self.states.get(webhook_id, [None])
        return found.pop(0) if len(found) > 1 else found[0]

    def scan(self) -> Iterator[StoredWebhook]:
        raise AssertionError("the sender never scans the table")


@dataclass
class FakeClock:
    """Time that only sleeping moves."""

    seconds: float = 0.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


def at(moment: datetime) -> Callable[[], datetime]:
    """Return a clock that stands still."""
    return lambda: moment


@dataclass
class FakeStack:
    """Transport and table of a stack that verifies for real and processes at once."""

    now: Callable[[], datetime] = field(default_factory=lambda: at(NOW))
    stored: dict[str, StoredWebhook] = field(default_factory=dict)
    max_body_bytes: int = 256 * 1024

    def post(self, outgoing: Outgoing) -> Answer:
        return Answer(status=self._receive(outgoing), latency_ms=5.0)

    def get(self, webhook_id: str) -> StoredWebhook | None:
        return self.stored.get(webhook_id)

    def scan(self) -> Iterator[StoredWebhook]:
        raise AssertionError("the sender never scans the table")

    def _receive(self, outgoing: Outgoing) -> int:
        name = outgoing.url.rpartition("/")[2]
        if len(outgoing.body) > self.max_body_bytes:
            return 413
        provider = get_provider(name, Options(allow_test_ca=True))
        request = WebhookRequest(provider=name, headers=outgoing.headers, body=outgoing.body, received_at=self.now())
        try:
            provider.verify(request, secret_of(name), now=self.now())
            identity, event = provider.identify(outgoing.body), provider.normalise(outgoing.body)
        except MalformedError:
            return 400
        except VerificationError:
            return 401
        stored = StoredWebhook(
            webhook_id=webhook_id(name, identity.event_id), provider=name, event_type=identity.event_type,
            event_created_at=identity.created_at or self.now(), received_at=self.now(), status=Status.RECEIVED,
            body_sha256="0" * 64, body=outgoing.body,
        ).processed(event, at=self.now(), attempts=1, expires_at=1)  # fmt: skip
        self.stored.setdefault(stored.webhook_id, stored)
        return 200


def targets() -> dict[str, Target]:
    """Return a target of each provider at one made-up stack."""
    base = SQUARE_URL.removesuffix("square")
    return {name: Target(url=base + name, secret=secret_of(name)) for name in PROVIDERS}
