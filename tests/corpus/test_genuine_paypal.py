"""Requests that PayPal itself signed verify, and nothing near them does."""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lambdas.shared.errors import MalformedError, VerificationError
from lambdas.shared.providers import Options
from lambdas.shared.providers.base import Key, ProviderSecret, Reason
from lambdas.shared.providers.paypal import PayPal
from lambdas.shared.webhook import WebhookRequest
from tests.provider_cases import test_ca

ID, TIME, SIGNATURE = "paypal-transmission-id", "paypal-transmission-time", "paypal-transmission-sig"


@dataclass(frozen=True)
class Genuine:
    """One request that PayPal signed, with the clock of its time."""

    request: WebhookRequest
    secret: ProviderSecret
    now: datetime


@pytest.fixture(scope="session")
def certificate(corpus: Path) -> bytes:
    """Return the certificate that signed them: the leaf alone, as its address serves it."""
    return (corpus / "paypal-live-signing-cert-2024.pem").read_bytes()


@pytest.fixture(scope="session")
def simulator_allowed(certificate: bytes) -> PayPal:
    """Return the provider of an environment for tests: the simulator's webhook id passes there."""
    return PayPal(Options(allow_test_ca=True, fetch=lambda _: certificate))


@pytest.fixture(scope="session")
def genuine(corpus: Path) -> list[Genuine]:
    """Return every genuine request of the corpus."""
    recorded = json.loads((corpus / "paypal-genuine-signatures.json").read_bytes())
    return [_genuine(corpus, entry) for entry in recorded]


def _genuine(corpus: Path, entry: dict[str, object]) -> Genuine:
    headers = entry["headers"]
    assert isinstance(headers, dict)
    now = datetime.fromisoformat(headers[TIME])
    body = (corpus / str(entry["file"])).read_bytes()
    return Genuine(
        request=WebhookRequest(provider="paypal", headers=headers, body=body, received_at=now),
        secret=ProviderSecret(keys=(Key(id="simulator", value=str(entry["webhook_id"])),)),
        now=now,
    )


def test_every_genuine_request_verifies(genuine: list[Genuine], simulator_allowed: PayPal) -> None:
    """Headers, certificate, chain to the bundled roots, and signature: all as PayPal sent them."""
    assert len(genuine) >= 15
    for one in genuine:
        verification = simulator_allowed.verify(one.request, one.secret, now=one.now)
        assert verification.signed_at == one.now
        assert verification.delivery_id == one.request.headers[ID]


def test_no_genuine_request_verifies_in_production(genuine: list[Genuine], certificate: bytes) -> None:
    """They come from the public simulator: genuine signatures for an id that anyone can have signed."""
    production = PayPal(Options(fetch=lambda _: certificate))
    for one in genuine:
        with pytest.raises(VerificationError) as refused:
            production.verify(one.request, one.secret, now=one.now)
        assert refused.value.reason == Reason.WRONG_WEBHOOK_ID


def test_a_genuine_certificate_is_not_vouched_for_by_a_test_authority(
    genuine: list[Genuine], certificate: bytes
) -> None:
    """A leaf that stands under `testCa` is trusted by that authority or not at all."""
    for one in genuine:
        leaves = {one.request.headers["paypal-cert-url"]: certificate.decode()}
        ours = replace(one.secret, extra={"testCa": {"pem": test_ca().ca_pem, "leaves": leaves}})
        with pytest.raises(VerificationError) as refused:
            PayPal(Options(allow_test_ca=True)).verify(one.request, ours, now=one.now)
        assert refused.value.reason == Reason.CERT_CHAIN_UNKNOWN


def test_no_request_verifies_after_any_byte_of_a_header_changed(
    genuine: list[Genuine], simulator_allowed: PayPal
) -> None:
    """Every position of id and time in every request; of the signature in one, and every eleventh in the others."""
    for number, one in enumerate(genuine):
        for name in (ID, TIME, SIGNATURE):
            value = one.request.headers[name]
            for at in range(0, len(value), 11 if number and name == SIGNATURE else 1):
                changed = value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]
                _refused(simulator_allowed, one, replace(one.request, headers={**one.request.headers, name: changed}))


def test_no_request_verifies_after_any_byte_of_its_body_changed(
    genuine: list[Genuine], simulator_allowed: PayPal
) -> None:
    """Every position of one body, and every thirty-first of the others."""
    for number, one in enumerate(sorted(genuine, key=lambda one: len(one.request.body))):
        body = bytearray(one.request.body)
        for at in range(number, len(body), 31 if number else 1):
            body[at] ^= 1
            _refused(simulator_allowed, one, replace(one.request, body=bytes(body)))
            body[at] ^= 1


def test_no_request_verifies_with_another_webhook_id(genuine: list[Genuine], simulator_allowed: PayPal) -> None:
    """Our id is part of what is signed."""
    for one in genuine:
        other = replace(one, secret=ProviderSecret(keys=(Key(id="k", value="WEBHOOK_ID2"),)))
        _refused(simulator_allowed, other, one.request)


def test_no_request_verifies_at_another_time(genuine: list[Genuine], simulator_allowed: PayPal) -> None:
    """Neither long after, nor before it was signed, nor after the certificate expired."""
    for one in genuine:
        for days in (366, 4, -1, -366):
            _refused(simulator_allowed, replace(one, now=one.now + timedelta(days=days)), one.request)


def _refused(provider: PayPal, one: Genuine, request: WebhookRequest) -> None:
    with pytest.raises((VerificationError, MalformedError)):
        provider.verify(request, one.secret, now=one.now)
