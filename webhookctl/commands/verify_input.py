"""What `verify explain` works on: the captured request, the secret, and what else may explain it."""

from collections.abc import Sequence
from dataclasses import dataclass

from lambdas.shared.providers import Options
from lambdas.shared.providers.base import ProviderSecret
from webhookctl.commands.send_input import AppStack, read_bytes
from webhookctl.context import AppContext
from webhookctl.core.events.stored import show_event
from webhookctl.core.explain.capture import Captured, from_har, from_message, parse_headers
from webhookctl.core.explain.verdict import Suspicion, offline
from webhookctl.core.send.secrets import SecretSource, parse_secret
from webhookctl.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where the captured request lies: one of `request`, `har`, or `headers` with `body` or `webhook`."""

    request: str | None = None
    har: str | None = None
    entry: int | None = None
    headers: str | None = None
    body: str | None = None
    webhook: str | None = None


def captured(app: AppContext, evidence: Evidence) -> Captured:
    """Read the request. Raises UsageError, NotFoundError."""
    if evidence.request:
        return from_message(read_bytes(evidence.request))
    if evidence.har:
        return from_har(read_bytes(evidence.har).decode("utf-8", "replace"), entry=evidence.entry)
    if not evidence.headers or not (evidence.body or evidence.webhook):
        raise UsageError(
            "which request?", hint="--request FILE, --har FILE, or --headers FILE with --body FILE or --webhook ID"
        )
    headers = parse_headers(read_bytes(evidence.headers).decode("latin-1"))
    if evidence.body:
        return Captured(headers=headers, body=read_bytes(evidence.body))
    return Captured(headers=headers, body=show_event(app.table, evidence.webhook or "").body)


def secret_of(stack: AppStack, provider: str, source: str | None, *, urls: Sequence[str]) -> ProviderSecret:
    """Return what to verify with: the environment's secret, or the one that `source` names."""
    if source is None:
        return stack.secret(provider)
    text = _source(stack).read(source)
    return parse_secret(provider, text, url=urls[0] if urls else "", signing=stack.signing)


def suspicion_of(stack: AppStack, sources: Sequence[str], urls: Sequence[str]) -> Suspicion:
    """Return the other keys and URLs that may explain a refusal."""
    return Suspicion(keys=[_source(stack).read(source).strip() for source in sources], urls=urls)


def options_with(cert: str | None) -> Options:
    """Return how to verify: with the certificate of a file instead of PayPal's URL, where one is given."""
    pem = read_bytes(cert) if cert else None
    return offline(fetch=(lambda _url: pem) if pem else None)


def _source(stack: AppStack) -> SecretSource:
    return SecretSource(read_stdin=stack.read_stdin, read_stored=stack.read_stored)
