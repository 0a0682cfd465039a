"""PayPal deliveries signed under an authority of the suite, and the certificates that go with them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import pytest

from lambdas.shared.errors import MalformedError, UnavailableError, VerificationError
from lambdas.shared.providers import Options, get_provider
from lambdas.shared.providers.base import Key, ProviderSecret
from lambdas.shared.providers.paypal import PayPal
from lambdas.shared.webhook import WebhookRequest
from tests.fakes_certificates import Issued, issue
from tests.provider_cases import NOW

NAME = "messageverificationcerts.paypal.com"
PREFIX = "https://api.paypal.com/v1/notifications/certs/"
URL = PREFIX + "CERT-360caa42-fca2a594-1a5f47cb"

AUTHORITY = issue("An authority", is_ca=True)
LEAF = issue(NAME, issuer=AUTHORITY)


class Certificates:
    """Serve certificates by URL and remember which were fetched."""

    def __init__(self, found: Mapping[str, bytes]) -> None:
        self.found, self.fetched = dict(found), list[str]()

    def __call__(self, url: str) -> bytes:
        """Return the PEM under a URL."""
        self.fetched.append(url)
        return self.found[url]


def secret(*webhook_ids: str, leaf: Issued = LEAF, url: str = URL, **extra: Any) -> ProviderSecret:
    """Return a secret that signs with `leaf` and trusts AUTHORITY as an operator would."""
    keys = tuple(
        Key(id=f"key-{number}", value=value) for number, value in enumerate(webhook_ids or ("4JH86294D6297924G",))
    )
    signing = {"keyPem": leaf.key_pem, "certUrl": url}
    return ProviderSecret(keys=keys, extra={"signing": signing, "trustPems": [AUTHORITY.pem.decode()], **extra})


def delivery(
    body: bytes = b'{"id": "WH-1"}', *, by: ProviderSecret | None = None, at: datetime = NOW
) -> WebhookRequest:
    """Return a signed delivery."""
    headers = get_provider("paypal").sign(body, by or secret(), at=at)
    return WebhookRequest(provider="paypal", headers=headers, body=body, received_at=NOW)


def refusal(provider: PayPal, request: WebhookRequest, ours: ProviderSecret, *, now: datetime = NOW) -> str:
    """Verify what must be refused and return the reason."""
    with pytest.raises((VerificationError, MalformedError, UnavailableError)) as refused:
        provider.verify(request, ours, now=now)
    return refused.value.reason


def strict(certificates: Callable[[str], bytes] | None = None) -> PayPal:
    """Return the provider as production makes it."""
    return PayPal(Options(fetch=certificates or Certificates({URL: LEAF.pem})))
