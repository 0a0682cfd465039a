"""The registry: who is known, and what knowing them costs."""

import subprocess
import sys

import pytest

from lambdas.shared.errors import UnknownProviderError
from lambdas.shared.providers import ALL_PROVIDERS, PROVIDERS, STRICT, Options, get_provider
from stack import outputs


def test_the_stack_serves_the_default_providers() -> None:
    """The names that the path takes are those that the stack makes a secret for."""
    assert set(PROVIDERS) == set(outputs.PROVIDERS)
    assert set(PROVIDERS) < set(ALL_PROVIDERS)


@pytest.mark.parametrize("name", ALL_PROVIDERS)
def test_a_provider_is_one_object_per_options(name: str) -> None:
    """So that its certificates stay cached; the default is the strictest."""
    assert get_provider(name).name == name
    assert get_provider(name) is get_provider(name)
    assert get_provider(name, Options(allow_test_ca=True)) is get_provider(name, Options(allow_test_ca=True))
    assert get_provider(name, Options(allow_test_ca=True)) is not get_provider(name)
    assert not STRICT.allow_test_ca


@pytest.mark.parametrize("name", ["", "Stripe", "stripe ", "../stripe", "adyen", "__init__", "x" * 10_000])
def test_any_other_name_is_unknown(name: str) -> None:
    """Names are exact, and a long one does not fill the log."""
    with pytest.raises(UnknownProviderError) as unknown:
        get_provider(name)
    assert len(str(unknown.value)) < 200


def test_no_webhook_but_paypals_pays_for_cryptography() -> None:
    """Neither the registry nor a Stripe, Square or Standard Webhooks delivery loads it, nor any SDK."""
    program = """
import sys
from datetime import UTC, datetime
from lambdas.shared.providers import ALL_PROVIDERS, get_provider
from lambdas.shared.providers.base import Key, ProviderSecret
from lambdas.shared.webhook import WebhookRequest
secret = ProviderSecret(keys=(Key(id="k", value="whsec_AAAA"),), extra={"notificationUrl": "https://example.com"})
now = datetime.now(UTC)
for name in sorted(set(ALL_PROVIDERS) - {"paypal"}):
    headers = get_provider(name).sign(b"{}", secret, at=now)
    request = WebhookRequest(provider=name, headers=headers, body=b"{}", received_at=now)
    get_provider(name).verify(request, secret, now=now)
get_provider("paypal").normalise(b'{"event_type": "X"}')
print(sorted(sys.modules.keys() & {"cryptography", "stripe", "square", "standardwebhooks", "boto3"}))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
