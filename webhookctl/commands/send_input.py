"""What `send` works on: drafts from its arguments, and the environment as sender and receiver see it."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lambdas.shared.providers.base import ProviderSecret
from stack.outputs import PROVIDERS
from webhookctl.commands.send_options import SendOptions
from webhookctl.context import AppContext
from webhookctl.core.operator_file import reading
from webhookctl.core.samples.ids import IdSource
from webhookctl.core.samples.overrides import Overrides
from webhookctl.core.samples.render import DEFAULT_AMOUNT, DEFAULT_CURRENCY, PLACES, Money
from webhookctl.core.secrets.provider import sending_secret
from webhookctl.core.send.compose import Recipe, Repetition, compose_many
from webhookctl.core.send.request import Draft
from webhookctl.core.send.secrets import STDIN
from webhookctl.core.send.targets import Destination
from webhookctl.errors import UsageError


def drafts_of(
    app: AppContext, provider: str | None, event_type: str | None, options: SendOptions
) -> tuple[Iterable[str], Iterator[Draft]]:
    """Return the providers that will be sent as, and the drafts in the order of sending."""
    if provider is None:
        raise UsageError("which provider?", hint="webhookctl send stripe; all events: webhookctl send --list")
    if options.file == STDIN and options.secret_from == STDIN:
        raise UsageError("the body and the secret can't both come from stdin", hint="put one of them into a file")
    recipe = recipe_of(provider, event_type, options)
    ids = IdSource(options.seed)
    return [provider], compose_many(recipe, repetition_of(options), ids=ids, now=app.now)


def recipe_of(provider: str, event_type: str | None, options: SendOptions) -> Recipe:
    """Return what the options say about the event."""
    return Recipe(
        provider=provider,
        event_type=event_type,
        body=None if options.file is None else read_bytes(options.file),
        changes=changes_of(options),
        money=money_of(options),
        api_version=options.api_version,
        asked=asked_of(options),
        fail_times=options.fail_times,
        signed_at=options.timestamp,
    )


def money_of(options: SendOptions) -> Money:
    """Return the amount that the event is about."""
    amount = DEFAULT_AMOUNT if options.amount is None else options.amount
    currency = DEFAULT_CURRENCY if options.currency is None else options.currency.upper()
    return Money(amount=amount, currency=currency)


def asked_of(options: SendOptions) -> list[str]:
    """Return what the operator wants to stand in the event, so that one without a place for it is refused."""
    return [name for name in PLACES if getattr(options, name) is not None]


def changes_of(options: SendOptions) -> Overrides:
    """Return the changes by JSON path."""
    return Overrides(sets=options.sets or (), adds=options.adds or (), removes=options.removes or ())


def repetition_of(options: SendOptions) -> Repetition:
    """Return how often and in which order."""
    return Repetition(count=options.count, duplicates=options.duplicate, shuffle=options.shuffle)


def destination(options: SendOptions) -> Destination:
    """Return where to, and signed with what."""
    return Destination(url=options.url, secret_from=options.secret_from)


@dataclass(frozen=True, slots=True)
class AppStack:
    """The chosen environment, for `send_targets`."""

    app: AppContext

    def webhook_url(self, provider: str) -> str:
        """Return where the deployed stack takes a provider's webhooks."""
        if provider not in PROVIDERS:
            raise UsageError(f"the stack takes no {provider} webhooks", hint="give --url and --secret-from")
        return self.app.outputs.webhook_url(provider)

    def secret(self, provider: str) -> ProviderSecret:
        """Return the environment's secret, with the test CA's key for PayPal."""
        if provider not in PROVIDERS:
            raise UsageError(f"the stack holds no secret of {provider}", hint="give one with --secret-from")
        return sending_secret(self.app.secrets, self.app.outputs, provider, test_ca=lambda: self.app.test_ca)

    def signing(self) -> dict[str, str]:
        """Return what signs as PayPal here."""
        return self.app.test_ca.signing()

    def read_stored(self, name: str) -> str:
        """Return a value of Secrets Manager."""
        return self.app.secrets.read(name)

    def read_stdin(self) -> bytes:
        """Return all of stdin."""
        return sys.stdin.buffer.read()


def read_bytes(name: str) -> bytes:
    """Return the bytes of a file, or of stdin for `-`. Raises NotFoundError, UsageError."""
    if name == STDIN:
        return sys.stdin.buffer.read()
    path = Path(name)
    with reading(path):
        return path.read_bytes()
