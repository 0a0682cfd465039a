"""Reading the headers that carry a signature."""

from datetime import datetime, timedelta

from lambdas.shared.errors import MalformedError, UnavailableError, VerificationError
from lambdas.shared.providers.base import TOLERANCE, Key, ProviderSecret, Reason
from lambdas.shared.webhook import WebhookRequest


def required(request: WebhookRequest, name: str) -> str:
    """Return a header's value. Raises VerificationError (missing_header) when it is absent or empty."""
    value = request.headers.get(name, "")
    if not value:
        raise VerificationError(f"the request has no {name} header", reason=Reason.MISSING_HEADER)
    return value


def malformed_header(name: str, why: str) -> MalformedError:
    """Return the error for a header that does not follow the provider's grammar. Never quotes the value."""
    return MalformedError(f"the {name} header {why}", reason=Reason.MALFORMED_HEADER)


def check_body(request: WebhookRequest) -> None:
    """Refuse an empty body: no provider sends one, and Square's own SDK refuses it. Raises MalformedError."""
    if not request.body:
        raise MalformedError("the request has no body", reason=Reason.MALFORMED_BODY)


def check_age(
    signed_at: datetime, *, now: datetime, past: timedelta = TOLERANCE, future: timedelta = TOLERANCE
) -> None:
    """Refuse a signature that is too old (stale) or lies ahead (from_the_future). Raises VerificationError."""
    if signed_at < now - past:
        raise VerificationError("the request was signed too long ago", reason=Reason.STALE)
    if signed_at > now + future:
        raise VerificationError("the request is signed ahead of our clock", reason=Reason.FROM_THE_FUTURE)


def usable_keys(secret: ProviderSecret) -> tuple[Key, ...]:
    """Return the secret's keys without empty ones. Raises UnavailableError when none is left."""
    keys = tuple(key for key in secret.keys if key.value.strip())
    if not keys:
        raise UnavailableError("the provider's secret holds no key", reason="secret_empty")
    return keys
