"""Where to send to and what to sign with, for each provider: the deployed stack, or any URL."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from lambdas.shared.providers.base import ProviderSecret
from webhookctl.core.send.http import check_url
from webhookctl.core.send.request import Target
from webhookctl.core.send.secrets import SecretSource, parse_secret


class Stack(Protocol):
    """The environment as the sender needs it. Nothing is asked of it before it is needed."""

    def webhook_url(self, provider: str) -> str:
        """Return where the deployed stack takes a provider's webhooks. Raises NotFoundError."""
        ...

    def secret(self, provider: str) -> ProviderSecret:
        """Return what the stack verifies a provider with, completed so that it can sign."""
        ...

    def signing(self) -> dict[str, str]:
        """Return the `signing` member of PayPal's secret, from the operator's test CA."""
        ...

    def read_stored(self, name: str) -> str:
        """Return a value of Secrets Manager. Raises NotFoundError."""
        ...

    def read_stdin(self) -> bytes:
        """Return all of stdin."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """What `--url` and `--secret-from` say. Both None: the stack."""

    url: str | None = None
    secret_from: str | None = None


def find_targets(providers: Iterable[str], destination: Destination, *, stack: Stack) -> dict[str, Target]:
    """Return the target of each provider.

    With both parts of `destination` the stack is not touched. Raises UsageError, NotFoundError.
    """
    return {provider: _target(provider, destination, stack) for provider in dict.fromkeys(providers)}


def _target(provider: str, destination: Destination, stack: Stack) -> Target:
    url = stack.webhook_url(provider) if destination.url is None else check_url(destination.url)
    if destination.secret_from is None:
        return Target(url=url, secret=stack.secret(provider))
    source = SecretSource(read_stdin=stack.read_stdin, read_stored=stack.read_stored)
    text = source.read(destination.secret_from)
    return Target(url=url, secret=parse_secret(provider, text, url=url, signing=stack.signing))
