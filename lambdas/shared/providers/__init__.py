"""The registry of providers: one module and one line each. docs/adding-a-provider.md shows how to add one."""

from collections.abc import Callable
from functools import cache
from typing import Final

from lambdas.shared.card_data import mask
from lambdas.shared.errors import UnknownProviderError
from lambdas.shared.providers.base import STRICT, Options, Provider
from lambdas.shared.providers.paypal import PayPal
from lambdas.shared.providers.square import Square
from lambdas.shared.providers.standard_webhooks import StandardWebhooks
from lambdas.shared.providers.stripe import Stripe

_REGISTRY: Final[dict[str, Callable[[Options], Provider]]] = {
    "stripe": Stripe,
    "paypal": PayPal,
    "square": Square,
    "standardwebhooks": StandardWebhooks,
}

ALL_PROVIDERS: Final = tuple(_REGISTRY)
"""Every scheme that can be signed and verified here, for a sender that needs no stack."""

PROVIDERS: Final = ("stripe", "paypal", "square")
"""Those that the stack has a secret for: the path `/webhook/{provider}` takes no other. Equal to its own list."""


@cache
def get_provider(name: str, options: Options = STRICT) -> Provider:
    """Return the provider of that name, the same object each time, so that its certificates stay cached.

    The receiver passes `Options(allow_test_ca=settings.allow_test_ca)`. Raises UnknownProviderError.
    """
    try:
        make = _REGISTRY[name]
    except KeyError:
        raise UnknownProviderError(
            f"no provider is called {mask(name)[:40]!r}; known: {', '.join(ALL_PROVIDERS)}"
        ) from None
    return make(options)


__all__ = ["ALL_PROVIDERS", "PROVIDERS", "STRICT", "Options", "Provider", "get_provider"]
