"""Whether a captured request verifies, and if not, which known mistake explains it."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain, combinations

from lambdas.shared.clock import parse_iso
from lambdas.shared.errors import WebhookError
from lambdas.shared.providers import Options, Provider, get_provider, paypal_fetch
from lambdas.shared.providers.base import ProviderSecret, Reason, Verification
from lambdas.shared.webhook import WebhookRequest
from webhookctl.core.explain.capture import Captured
from webhookctl.core.explain.mistakes import Attempt, Mistake, mistakes
from webhookctl.core.samples import catalogue
from webhookctl.errors import CheckFailedError, UsageError

_UNIX = re.compile(r"(?<!\d)(\d{10})(?!\d)")
_DAY_S = 86_400
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """What the operator suspects besides the known mistakes: other keys, other URLs."""

    keys: Sequence[str] = ()
    urls: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The verdict. `cause` is the mistake that explains a refusal, None where no known one does.

    `reason` is the receiver's own code for the refusal. `age_s` is how long before the given time it was signed.
    """

    provider: str
    verifies: bool
    reason: str | None
    message: str
    cause: str | None
    advice: str
    key_id: str | None = None
    signed_at: datetime | None = None
    age_s: float | None = None
    tried: int = 0


def explain(
    captured: Captured,
    secret: ProviderSecret,
    *,
    at: datetime,
    provider: str | None = None,
    suspicion: Suspicion | None = None,
    options: Options | None = None,
) -> Explanation:
    """Return whether the request verifies as of `at`, and what explains it if not.

    Only one thing may go out: PayPal's certificate is fetched from PayPal, unless `options` brings it.
    """
    name = provider or captured.provider()
    scheme = get_provider(name, options or offline())
    request = WebhookRequest(provider=name, headers=captured.headers, body=captured.body, received_at=at)
    attempt = Attempt(request=request, secret=secret)
    try:
        proof = scheme.verify(request, secret, now=at)
    except WebhookError as error:
        suspected = _suspected(captured, suspicion or Suspicion())
        if error.reason in _UNUSABLE and not suspected.urls:
            raise UsageError(f"nothing can be checked: {error}", hint=_UNUSABLE[error.reason]) from error
        known = mistakes(other_keys=suspected.keys, other_urls=suspected.urls)
        return _Inquiry(scheme, attempt, at, error).explanation(known)
    newest = proof.key_id == secret.keys[0].id
    return Explanation(
        provider=name,
        verifies=True,
        reason=None,
        message="the signature is right and recent enough",
        cause=None,
        advice="nothing to do" if newest else f"it was signed with the older key {proof.key_id}: finish the rotation",
        key_id=proof.key_id,
        signed_at=proof.signed_at,
        age_s=_age_s(proof, at),
    )


def check(found: Explanation) -> None:
    """Raise CheckFailedError when the request does not verify."""
    if not found.verifies:
        raise CheckFailedError(f"the request does not verify: {found.cause or found.reason}", hint=found.advice)


@dataclass(frozen=True, slots=True)
class _Inquiry:
    """A refused request under examination."""

    scheme: Provider
    attempt: Attempt
    at: datetime
    refusal: WebhookError

    def explanation(self, known: Sequence[Mistake]) -> Explanation:
        """Try the clock first, then each mistake alone, then two together."""
        tried = 0
        for name, advice, attempt in chain(self._clock(), self._single(known), self._double(known)):
            tried += 1
            proof = self._proof(attempt)
            if proof is not None:
                return self._found(name, advice.format(age=_age(proof, self.at)), proof, tried)
        foreign = _signed_by_others(self.attempt.request)
        advice = f"it carries {foreign}'s signature" if foreign else self._advice()
        return self._found(f"{foreign}'s webhook" if foreign else None, advice, None, tried)

    def _clock(self) -> Iterator[tuple[str, str, Attempt]]:
        yield (
            "clock or age",
            "signed {age}; the signature is right",
            self.attempt,
        )

    def _single(self, known: Sequence[Mistake]) -> Iterator[tuple[str, str, Attempt]]:
        for mistake in known:
            for attempt in mistake.undo(self.attempt):
                yield mistake.name, mistake.advice, attempt

    def _double(self, known: Sequence[Mistake]) -> Iterator[tuple[str, str, Attempt]]:
        """Undo two different mistakes: a body and a key or a URL, in the order of the list."""
        for first, second in combinations(known, 2):
            for halfway in first.undo(self.attempt):
                for attempt in second.undo(halfway):
                    yield f"{first.name}, and {second.name}", f"{first.advice}; and {second.advice}", attempt

    def _advice(self) -> str:
        """Return what to do about a refusal that nothing explains: the one that is left when age plays no part."""
        reason = self.refusal.reason
        for moment in _signing_times(self.attempt.request, self.at):
            try:
                self.scheme.verify(self.attempt.request, self.attempt.secret, now=moment)
            except WebhookError as error:
                reason = error.reason if reason in AGE else reason
        also = " or --url" if catalogue.vocabulary(self.scheme.name).signs_url else ""
        return ADVICE.get(reason, f"{_NO_CAUSE}{also}")

    def _proof(self, attempt: Attempt) -> Verification | None:
        """Verify as of the time of signing, so that age plays no part."""
        for moment in _signing_times(attempt.request, self.at):
            try:
                return self.scheme.verify(attempt.request, attempt.secret, now=moment)
            except WebhookError:
                continue
        return None

    def _found(self, cause: str | None, advice: str, proof: Verification | None, tried: int) -> Explanation:
        return Explanation(
            provider=self.scheme.name,
            verifies=False,
            reason=str(self.refusal.reason),
            message=str(self.refusal),
            cause=cause,
            advice=advice,
            key_id=proof.key_id if proof else None,
            signed_at=proof.signed_at if proof else None,
            age_s=_age_s(proof, self.at) if proof else None,
            tried=tried,
        )


_NO_CAUSE = "no known mistake explains it: the body was changed, or the key is another endpoint's; try --also-try"
AGE = (Reason.STALE, Reason.FROM_THE_FUTURE)
"""The refusals that are about the time alone."""
ADVICE: Mapping[str, str] = {
    Reason.MISSING_HEADER: "the signature header is missing: a proxy may drop it, or the request is not the provider's",
    Reason.MALFORMED_HEADER: "a signature header was cut off or changed on the way: compare it with what was sent",
    Reason.MALFORMED_BODY: "the body is missing: it was read before, or left out of the capture",
    Reason.ALGORITHM_REFUSED: "PayPal signs with SHA256withRSA and nothing else: the request is forged or was changed",
    Reason.CERT_MALFORMED: "what came is no certificate: give PayPal's own, as PEM, with --cert",
    Reason.CERT_EXPIRED: "the certificate was not valid then: give the time of arrival with --at",
    Reason.CERT_NAME_MISMATCH: "the certificate is not one for PayPal's webhooks: the request is forged",
    Reason.POSTBACK_REFUSED: "PayPal's API does not know the event: the request is forged",
    Reason.CERT_URL_REFUSED: "the certificate's URL is not one of PayPal's: do not fetch it, the request is forged",
    Reason.CERT_CHAIN_UNKNOWN: "the certificate's issuer is not trusted: add its PEM to trustPems of PayPal's secret",
    Reason.OUTLIVED: "the event is older than the environment keeps webhooks: a replay, or a body sent on purpose",
    Reason.CERT_UNAVAILABLE: "the certificate could not be fetched: give it with --cert",
    "secret_incomplete": "the secret holds no notification URL, and those that were tried explain nothing: give --url",
}
"""What to do about a refusal that no mistake explains."""
_UNUSABLE: Mapping[str, str] = {
    "secret_incomplete": "give --url, the notification URL that the sender signs",
    "secret_malformed": "give the key as the provider shows it, with --secret-from",
    "secret_empty": "give a key with --secret-from",
}
"""With such a secret a request is neither right nor wrong; what to do about it."""


def _suspected(captured: Captured, suspicion: Suspicion) -> Suspicion:
    return replace(suspicion, urls=[*suspicion.urls, *([captured.url] if captured.url else [])])


def _signing_times(request: WebhookRequest, at: datetime) -> Iterator[datetime]:
    """Yield the given time, then every time that a header names."""
    yield at
    for value in request.headers.values():
        yield from (datetime.fromtimestamp(int(found), UTC) for found in _UNIX.findall(value))
        yield from (moment for found in _ISO.findall(value) if (moment := _moment(found)))


def _moment(text: str) -> datetime | None:
    """Return the time, or None for one that no calendar has."""
    try:
        return parse_iso(text)
    except ValueError:
        return None


def _signed_by_others(request: WebhookRequest) -> str | None:
    others = (p for p in catalogue.providers() if p != request.provider)
    return next((p for p in others if catalogue.vocabulary(p).signature_header in request.headers), None)


def _age_s(proof: Verification, at: datetime) -> float | None:
    return round((at - proof.signed_at).total_seconds(), 3) if proof.signed_at else None


def _age(proof: Verification, at: datetime) -> str:
    seconds = _age_s(proof, at) or 0.0
    days = abs(seconds) / _DAY_S
    words = f"{abs(seconds):.0f} s" + (f" ({days:.1f} days)" if days >= 1 else "")
    if seconds < 0:
        return f"{words} ahead: the clocks differ, or it arrived later than --at says"
    return f"{words} ago: an old delivery, or the clocks differ"


def offline(*, fetch: Callable[[str], bytes] | None = None) -> Options:
    """Return how to verify without asking PayPal's API; `fetch` brings the certificate, None gets it from PayPal."""
    return Options(allow_test_ca=True, fetch=_once(fetch or paypal_fetch.fetch), postback=_believe)


def _once(fetch: Callable[[str], bytes]) -> Callable[[str], bytes]:
    """Ask for each certificate once, whatever came of it: an explanation tries thousands of ways."""
    failures: dict[str, WebhookError] = {}

    def fetch_once(url: str) -> bytes:
        if url in failures:
            raise failures[url]
        try:
            return fetch(url)
        except WebhookError as error:
            failures[url] = error
            raise

    return fetch_once


def _believe(_request: WebhookRequest, _webhook_id: str, _settings: object) -> bool:
    """Stand in for PayPal's API: an explanation asks nobody."""
    return True
