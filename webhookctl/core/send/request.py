"""One signed request: a draft becomes headers and bytes, on purpose wrong ones where a test wants that."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from lambdas.shared.errors import WebhookError
from lambdas.shared.providers import Options, get_provider
from lambdas.shared.providers.base import ProviderSecret
from lambdas.shared.webhook import EventIdentity, webhook_id
from webhookctl.core.samples.catalogue import vocabulary
from webhookctl.errors import ConfigError, UsageError

SENDING = Options(allow_test_ca=True)
"""How the sender makes provider objects: it signs with the test CA, and leaves it to the receiver to refuse that."""


class Tamper(StrEnum):
    """What to break after the right signature was made (`secret`: instead of it)."""

    BODY = "body"
    SIGNATURE = "signature"
    TIMESTAMP = "timestamp"
    SECRET = "secret"  # noqa: S105 - the name of a choice
    REPLAY = "replay"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One webhook before it is signed. `signed_at` is the time to sign with; None is the time of sending."""

    provider: str
    body: bytes = field(repr=False)
    event_type: str | None = None
    webhook_id: str | None = None
    payment_id: str | None = None
    signed_at: datetime | None = None
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One request, ready for the wire. Header names are lower case."""

    draft: Draft
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a provider's webhooks go and what they are signed with."""

    url: str
    secret: ProviderSecret = field(repr=False)


def draft(provider: str, body: bytes) -> Draft:
    """Return the draft of any bytes; what they say of themselves is read where it can be."""
    identity = _identity(provider, body)
    return Draft(
        provider=provider,
        body=body,
        event_type=identity.event_type if identity else None,
        webhook_id=webhook_id(provider, identity.event_id) if identity else None,
        payment_id=_payment_id(provider, body),
    )


def sign(item: Draft, target: Target, *, at: datetime, tamper: Tamper | None = None) -> Outgoing:
    """Return the request that the provider would send, or a broken one.

    Raises ConfigError when the secret lacks what signing needs, UsageError for a break that the provider's scheme
    does not have.
    """
    signed_at = item.signed_at or at
    secret = _wrong(target.secret) if tamper is Tamper.SECRET else target.secret
    try:
        headers = get_provider(item.provider, SENDING).sign(item.body, secret, at=signed_at)
    except WebhookError as error:
        hint = "webhookctl deploy fills the test secrets; or give one with --secret-from"
        raise ConfigError(f"{item.provider}: {error}", hint=hint) from error
    outgoing = Outgoing(draft=item, url=target.url, headers=headers, body=item.body)
    if tamper is Tamper.BODY:
        return replace(outgoing, body=item.body[:-1] + b" " + item.body[-1:])
    if tamper is Tamper.SIGNATURE:
        return replace(outgoing, headers=_broken_signature(item.provider, headers))
    if tamper is Tamper.TIMESTAMP:
        return replace(outgoing, headers=_shifted(item.provider, headers, signed_at))
    return outgoing


def _identity(provider: str, body: bytes) -> EventIdentity | None:
    try:
        return get_provider(provider).identify(body)
    except WebhookError:
        return None


def _payment_id(provider: str, body: bytes) -> str | None:
    try:
        return get_provider(provider).normalise(body).payment_id
    except WebhookError:
        return None


def _wrong(secret: ProviderSecret) -> ProviderSecret:
    """Return the secret with other keys, of the same length and form."""
    return replace(secret, keys=tuple(replace(key, value=_broken(key.value)) for key in secret.keys))


def _broken_signature(provider: str, headers: Mapping[str, str]) -> dict[str, str]:
    name = vocabulary(provider).signature_header
    return {**headers, name: _broken(headers[name])}


def _shifted(provider: str, headers: Mapping[str, str], signed_at: datetime) -> dict[str, str]:
    """Write the signed time one second later, wherever a header has it, and leave the signature alone."""
    if not vocabulary(provider).signs_time:
        raise UsageError(f"{provider} signs no time, so there is none to tamper with", hint="--tamper body")
    later = signed_at + timedelta(seconds=1)
    forms = [(str(int(signed_at.timestamp())), str(int(later.timestamp()))), (_iso(signed_at), _iso(later))]
    shifted = dict(headers)
    for old, new in forms:
        shifted = {name: value.replace(old, new) for name, value in shifted.items()}
    return shifted


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _broken(value: str) -> str:
    """Return `value` with another character in its middle, of the kind that hex and base64 both have."""
    middle = len(value) // 2
    return value[:middle] + ("1" if value[middle] == "0" else "0") + value[middle + 1 :]
