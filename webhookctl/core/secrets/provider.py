"""The providers' secrets of one environment, as the operator reads and seeds them. Values never leave this process."""

import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Protocol

from lambdas.shared.clock import iso
from lambdas.shared.errors import WebhookError
from lambdas.shared.providers.base import ProviderSecret
from lambdas.shared.providers.paypal_test_ca import TestCa
from stack.outputs import PROVIDERS, secret_output
from webhookctl.core.outputs import StackOutputs
from webhookctl.errors import NotFoundError


class SecretStore(Protocol):
    """Reads and replaces secret values."""

    def read(self, arn: str) -> str:
        """Return the current value. Raises NotFoundError."""
        ...

    def write(self, arn: str, text: str) -> None:
        """Make `text` the current value."""
        ...


def read_secret(store: SecretStore, outputs: StackOutputs, provider: str) -> dict[str, Any]:
    """Return the JSON members of a provider's secret."""
    members = json.loads(store.read(outputs[secret_output(provider)]))
    return members if isinstance(members, dict) else {}


def sending_secret(
    store: SecretStore, outputs: StackOutputs, provider: str, *, test_ca: Callable[[], TestCa]
) -> ProviderSecret:
    """Return what signing as `provider` needs: its secret, and for PayPal the test CA's signing key in `extra`.

    Raises NotFoundError when the secret holds no key yet.
    """
    try:
        secret = ProviderSecret.from_json(store.read(outputs[secret_output(provider)]))
    except WebhookError as error:
        raise NotFoundError(
            f"{provider}: {error}", hint=f"webhookctl secrets set {provider} --env {outputs.environment}"
        ) from error
    if "testCa" not in secret.extra:
        return secret
    return ProviderSecret(keys=secret.keys, extra={**secret.extra, "signing": test_ca().signing()})


def seed_secrets(
    store: SecretStore, outputs: StackOutputs, *, now: datetime, test_ca: Callable[[], TestCa]
) -> tuple[str, ...]:
    """Give every provider without a key a made-up one, and return their names. For environments of no real provider."""
    seeded = []
    for provider in PROVIDERS:
        members = read_secret(store, outputs, provider)
        changed = {**members, **_SEEDS[provider](members, now, test_ca)}
        if changed != members:
            store.write(outputs[secret_output(provider)], json.dumps({"v": 1, **_without_filler(changed)}))
            seeded.append(provider)
    return tuple(seeded)


def set_notification_url(store: SecretStore, outputs: StackOutputs) -> bool:
    """Write the URL that Square signs, unless the operator set one; return whether it changed.

    The URL is not known before the stack is up, and the API can't be a variable of its own Lambda.
    """
    members = read_secret(store, outputs, "square")
    url = outputs.webhook_url("square")
    if members.get("notificationUrl") == url or members.get("notificationUrlSetBy") == "operator":
        return False
    changed = {**members, "notificationUrl": url}
    store.write(outputs[secret_output("square")], json.dumps(_without_filler(changed)))
    return True


def new_key(provider: str, value: str, *, now: datetime) -> dict[str, str]:
    """Return a key entry of a secret with a fresh id."""
    return {"id": f"{provider}-{now:%Y%m%d}-{secrets.token_hex(3)}", "value": value, "createdAt": iso(now)}


def _shared_secret(provider: str, make: Callable[[], str]) -> "Seed":
    def seed(members: Mapping[str, Any], now: datetime, _: Callable[[], TestCa]) -> dict[str, Any]:
        return {} if members.get("keys") else {"keys": [new_key(provider, make(), now=now)]}

    return seed


def _seed_paypal(members: Mapping[str, Any], now: datetime, test_ca: Callable[[], TestCa]) -> dict[str, Any]:
    seeded: dict[str, Any] = {}
    if not members.get("keys"):
        alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
        webhook_id = "".join(secrets.choice(alphabet) for _ in range(17))
        seeded["keys"] = [new_key("paypal", webhook_id, now=now)]
    public = test_ca().trust()
    if members.get("testCa") != public:
        seeded["testCa"] = public
    return seeded


def _without_filler(members: Mapping[str, Any]) -> dict[str, Any]:
    """Drop what CloudFormation made up so that the secret had a value."""
    return {k: v for k, v in members.items() if k != "generated"}


Seed = Callable[[Mapping[str, Any], datetime, Callable[[], TestCa]], dict[str, Any]]
_SEEDS: Final[Mapping[str, Seed]] = {
    "stripe": _shared_secret("stripe", lambda: f"whsec_{secrets.token_hex(24)}"),
    "square": _shared_secret("square", lambda: secrets.token_urlsafe(18)),
    "paypal": _seed_paypal,
}
