"""What sending came to: counts by status code, latency percentiles, and the verdict."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from stack.limits import MAX_BODY_BYTES, WAF_RATE_LIMIT, WAF_WINDOW_S
from webhookctl.core.send.dispatch import Delivery
from webhookctl.errors import CheckFailedError, PartialError, WebhookctlError

SHOWN_AT_MOST = 20
"""A table lists every delivery up to here; of more it lists those that were not accepted."""
NO_ANSWER = "no answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Percentiles in milliseconds, from the first byte sent to the whole answer."""

    p50: float
    p90: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SendReport:
    """`sent` counts deliveries; `accepted` those that were answered 2xx. Keys of `by_status` are codes as text."""

    sent: int
    accepted: int
    by_status: Mapping[str, int]
    latency_ms: Latency | None
    seconds: float
    deliveries: Sequence[Delivery]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A report for a screen. Of many deliveries it lists only those that were not accepted."""

    sent: int
    accepted: int
    answers: str
    latency: str
    seconds: float
    deliveries: Sequence[Delivery]


_ADVICE: Final[Mapping[str, str]] = {
    "401": "webhookctl verify explain says why a signature does not match; a Square event older than retention_days "
    "is refused too: --set created_at",
    "403": f"the WAF blocks an address above {WAF_RATE_LIMIT // WAF_WINDOW_S} a second: wait, then send with --rate",
    "413": f"a body may have {MAX_BODY_BYTES // 1024} KB",
    "400": "the body is no event of its provider; webhookctl send PROVIDER --print body shows one",
}
"""What to do about an answer; the first that occurs counts."""


def summary(found: SendReport) -> Summary:
    """Return the report for a screen."""
    is_long = found.sent > SHOWN_AT_MOST
    shown = [d for d in found.deliveries if not d.is_accepted][:SHOWN_AT_MOST] if is_long else found.deliveries
    latency = found.latency_ms
    return Summary(
        sent=found.sent,
        accepted=found.accepted,
        answers=_counts(found),
        latency=" / ".join(f"{name} {value:.0f}" for name, value in asdict(latency).items()) + " ms"
        if latency
        else "-",
        seconds=found.seconds,
        deliveries=shown,
    )


def report(deliveries: Sequence[Delivery], *, seconds: float) -> SendReport:
    """Add the deliveries up."""
    answered = [delivery.latency_ms for delivery in deliveries if delivery.status is not None]
    codes = Counter(NO_ANSWER if d.status is None else str(d.status) for d in deliveries)
    return SendReport(
        sent=len(deliveries),
        accepted=sum(delivery.is_accepted for delivery in deliveries),
        by_status=dict(sorted(codes.items())),
        latency_ms=_latency(answered) if answered else None,
        seconds=round(seconds, 3),
        deliveries=deliveries,
    )


def check(found: SendReport, *, expected: int | None) -> None:
    """Raise what the exit code should say.

    With `expected`, CheckFailedError when any answer has another status. Without it, PartialError when some were not
    accepted and WebhookctlError when none was.
    """
    if expected is not None:
        other = found.sent - found.by_status.get(str(expected), 0)
        if other:
            raise CheckFailedError(f"{other} of {found.sent} answers were not {expected}: {_counts(found)}")
        return
    if found.accepted == found.sent:
        return
    refused = found.sent - found.accepted
    hint = _hint(found)
    if found.accepted:
        raise PartialError(f"{refused} of {found.sent} webhooks were not accepted: {_counts(found)}", hint=hint)
    raise WebhookctlError(f"no webhook was accepted: {_counts(found)}", hint=hint)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile of a non-empty sequence."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)]


def _latency(values: Sequence[float]) -> Latency:
    return Latency(p50=percentile(values, 50), p90=percentile(values, 90), p99=percentile(values, 99), max=max(values))


def _counts(found: SendReport) -> str:
    return ", ".join(f"{count} x {status}" for status, count in found.by_status.items())


def _hint(found: SendReport) -> str | None:
    known = next((advice for status, advice in _ADVICE.items() if status in found.by_status), None)
    if known is not None:
        return known
    problem = next((d.problem for d in found.deliveries if d.problem), None)
    return f"the first problem: {problem}" if problem else None
