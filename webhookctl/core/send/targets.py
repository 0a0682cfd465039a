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
    names = list(dict.fromkeys(providers))
    aims = {name: stack.webhook_url(name) if destination.url is None else check_url(destination.url) for name in names}
    given = _given(destination.secret_from, stack)
    return {name: Target(url=aims[name], secret=_secret(name, aims[name], given, stack)) for name in names}


def _given(source: str | None, stack: Stack) -> str | None:
    """Return what `--secret-from` leads to, read once: stdin can't be read again."""
    if source is None:
        return None
    return SecretSource(read_stdin=stack.read_stdin, read_stored=stack.read_stored).read(source)


def _secret(provider: str, url: str, given: str | None, stack: Stack) -> ProviderSecret:
    return stack.secret(provider) if given is None else parse_secret(provider, given, url=url, signing=stack.signing)
