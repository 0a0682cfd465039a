"""What `verify explain` works on: the captured request, the secret, and what else may explain it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lambdas.shared.providers import Options
from lambdas.shared.providers.base import ProviderSecret
from webhookctl.commands.send_input import AppStack, read_bytes
from webhookctl.context import AppContext
from webhookctl.core.events.stored import show_event
from webhookctl.core.explain.capture import Captured, from_har, from_message, parse_headers
from webhookctl.core.explain.verdict import Suspicion, offline
from webhookctl.core.samples import catalogue
from webhookctl.core.send.http import check_url
from webhookctl.core.send.secrets import STDIN, SecretSource, parse_secret
from webhookctl.errors import UsageError

_WAYS: Final = "--request FILE, --har FILE, or --headers FILE with --body FILE or --webhook ID"


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
    _check_one(evidence)
    if evidence.request:
        return from_message(read_bytes(evidence.request))
    if evidence.har:
        return from_har(read_bytes(evidence.har).decode("utf-8", "replace"), entry=evidence.entry)
    if not evidence.headers or not (evidence.body or evidence.webhook):
        raise UsageError("which request?", hint=_WAYS)
    headers = parse_headers(read_bytes(evidence.headers).decode("latin-1"))
    if evidence.body:
        return Captured(headers=headers, body=read_bytes(evidence.body))
    return Captured(headers=headers, body=show_event(app.table, evidence.webhook or "").body)


def _check_one(evidence: Evidence) -> None:
    """Refuse two requests at once: one of them would be ignored."""
    ways = {"--request": evidence.request, "--har": evidence.har, "--headers": evidence.headers}
    rests = {"--body": evidence.body, "--webhook": evidence.webhook}
    wholes, parts = [name for name in ways if ways[name]], [name for name in rests if rests[name]]
    if len(wholes) > 1 or (wholes and parts and not evidence.headers):
        raise UsageError(f"{' and '.join(wholes + parts)} do not go together", hint=_WAYS)
    if len(parts) > 1:
        raise UsageError(f"{' and '.join(parts)} do not go together", hint=_WAYS)
    if evidence.entry and not evidence.har:
        raise UsageError("--entry is for a HAR file, and there is none", hint="--har FILE --entry N")


def check_aids(provider: str, *, urls: Sequence[str], cert: str | None) -> None:
    """Refuse what the provider's scheme does not know. Raises UsageError."""
    words = catalogue.vocabulary(provider)
    if urls and not words.signs_url:
        raise UsageError(f"--url has no effect: {provider} signs no URL", hint="leave --url out")
    for url in urls:
        check_url(url)
    if cert and not words.sends_certificate:
        raise UsageError(f"--cert has no effect: {provider} signs with a key", hint="leave --cert out")


def check_stdin(*names: str | None) -> None:
    """Refuse to read two things from one stdin."""
    if names.count(STDIN) > 1:
        raise UsageError("only one of the files can come from stdin", hint="put the others into files")


def secret_of(stack: AppStack, provider: str, source: str | None, *, urls: Sequence[str]) -> ProviderSecret:
    """Return what to verify with: the environment's secret, or the one that `source` names.

    A bare key of a provider that signs the URL gets the first of `urls`.
    """
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
