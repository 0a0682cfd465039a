"""One case per provider for the suites that every provider must pass."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from lambdas.shared.errors import VerificationError
from lambdas.shared.providers import Options, get_provider
from lambdas.shared.providers.base import Key, Provider, ProviderSecret, Reason
from lambdas.shared.providers.paypal_test_ca import TestCa, make_test_ca
from lambdas.shared.webhook import WebhookRequest

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
NOTIFICATION_URL = "https://hooks.example.com/prod/webhook/square"
UNKNOWN_TYPE = "something.nobody.has.heard.of"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A provider with a secret, a genuine body and what its scheme promises.

    `max_age` is None where no time is signed. `signed_headers` are those without which nothing verifies.
    """

    provider: Provider
    secret: ProviderSecret
    key_values: tuple[str, str]
    signed_headers: tuple[str, ...]
    max_age: timedelta | None
    event: Callable[[str], dict[str, Any]]
    event_type: str

    @property
    def name(self) -> str:
        """The provider's name."""
        return self.provider.name

    def body(self, event_type: str | None = None) -> bytes:
        """Return a genuine body."""
        return json.dumps(self.event(event_type or self.event_type)).encode()

    def with_keys(self, *values: str) -> ProviderSecret:
        """Return the secret with other keys, newest first."""
        keys = tuple(Key(id=f"key-{number}", value=value) for number, value in enumerate(values))
        return replace(self.secret, keys=keys)

    def request(
        self, body: bytes, *, at: datetime = NOW, secret: ProviderSecret | None = None, **changes: str
    ) -> WebhookRequest:
        """Return a signed delivery of a body; `changes` replace headers, `_` for `-`."""
        headers = self.provider.sign(body, secret or self.secret, at=at)
        headers |= {name.replace("_", "-"): value for name, value in changes.items()}
        return request(self.name, body, headers)


def request(provider: str, body: bytes, headers: Mapping[str, str]) -> WebhookRequest:
    """Return a delivery as it arrives."""
    return WebhookRequest(provider=provider, headers=headers, body=body, received_at=NOW)


def no_network(url: str) -> bytes:
    """Stand for a certificate address that has nothing: no suite reaches PayPal."""
    raise VerificationError(f"no certificate at {url}", reason=Reason.CERT_UNAVAILABLE)


@cache
def test_ca() -> TestCa:
    """Return the test authority that all suites share: making one costs a fifth of a second."""
    return make_test_ca(now=NOW)


test_ca.__test__ = False  # type: ignore[attr-defined]


def _stripe(event_type: str) -> dict[str, Any]:
    intent = {"id": "pi_1", "object": "payment_intent", "amount": 4200, "amount_received": 4200, "currency": "eur"}
    return {"id": "evt_1", "object": "event", "type": event_type, "created": 1790000000, "data": {"object": intent}}


def _paypal(event_type: str) -> dict[str, Any]:
    capture = {"id": "CAP1", "amount": {"value": "42.00", "currency_code": "EUR"}}
    return {"id": "WH-1", "event_type": event_type, "create_time": "2026-11-24T11:59:00Z", "resource": capture}


def _square(event_type: str) -> dict[str, Any]:
    payment = {"id": "PAY1", "status": "COMPLETED", "total_money": {"amount": 4200, "currency": "EUR"}}
    data = {"type": "payment", "id": "PAY1", "object": {"payment": payment}}
    return {"event_id": "6a8f5f28", "type": event_type, "created_at": "2026-11-24T11:59:00Z", "data": data}


def _standard(event_type: str) -> dict[str, Any]:
    return {"id": "msg_1", "type": event_type, "timestamp": "2026-11-24T11:59:00Z", "data": {"amount": 4200}}


def _secret(value: str, **extra: Any) -> ProviderSecret:
    return ProviderSecret(keys=(Key(id="key-0", value=value),), extra=extra)


STRIPE = Case(
    provider=get_provider("stripe"),
    secret=_secret("whsec_first"),
    key_values=("whsec_first", "whsec_second"),
    signed_headers=("stripe-signature",),
    max_age=timedelta(seconds=300),
    event=_stripe,
    event_type="payment_intent.succeeded",
)
SQUARE = Case(
    provider=get_provider("square"),
    secret=_secret("first-key", notificationUrl=NOTIFICATION_URL),
    key_values=("first-key", "second-key"),
    signed_headers=("x-square-hmacsha256-signature",),
    max_age=None,
    event=_square,
    event_type="payment.updated",
)
PAYPAL = Case(
    provider=get_provider("paypal", Options(allow_test_ca=True, fetch=no_network)),
    secret=_secret("WEBHOOK-FIRST", testCa=test_ca().trust(), signing=test_ca().signing()),
    key_values=("WEBHOOK-FIRST", "WEBHOOK-SECOND"),
    signed_headers=(
        "paypal-transmission-id",
        "paypal-transmission-time",
        "paypal-transmission-sig",
        "paypal-cert-url",
        "paypal-auth-algo",
    ),
    max_age=timedelta(days=3, hours=1),
    event=_paypal,
    event_type="PAYMENT.CAPTURE.COMPLETED",
)
STANDARD = Case(
    provider=get_provider("standardwebhooks"),
    secret=_secret("whsec_Zmlyc3Qta2V5LWZpcnN0LWtleQ=="),
    key_values=("whsec_Zmlyc3Qta2V5LWZpcnN0LWtleQ==", "whsec_c2Vjb25kLWtleS1zZWNvbmQta2V5"),
    signed_headers=("webhook-id", "webhook-timestamp", "webhook-signature"),
    max_age=timedelta(seconds=300),
    event=_standard,
    event_type="invoice.paid",
)
CASES = (STRIPE, SQUARE, PAYPAL, STANDARD)
