"""Sampled requests of one rule: what came lately in detail, what is older thinned out, for three hours.

AWS WAF samples every rule by itself, so a busy rule pushes out nothing of a quiet one. Here each minute of a rule is a
slice with a random sample of a fixed size and the true number of requests, so memory is bounded whatever comes.

Source: AWS WAFv2 API reference, `GetSampledRequests` (at most 500 from among the first 5,000 requests of the range,
which lies in the last three hours) and `SampledHTTPRequest.Weight`.
"""

import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from webhookctl.local.exchange import readable
from webhookctl.local.waf.request import WafRequest

SAMPLE_LIMIT: Final = 500
SAMPLE_POPULATION: Final = 5_000
SAMPLE_AGE_S: Final = 3 * 3600
_SLICE_S: Final = 60.0
_RECENT_SLICES: Final = 5
_RECENT_KEPT: Final = SAMPLE_LIMIT
_OLD_KEPT: Final = 25
SHOWN_HEADERS: Final = ("host", "user-agent", "content-type", "content-length", "x-amzn-trace-id")
"""Headers that a sample or a log record may show: never a signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One decided request. `at` is in seconds since the epoch, `weight` how many requests it stands for."""

    at: float
    action: str
    request: WafRequest
    labels: tuple[str, ...] = ()
    within: str | None = None
    response_code: int | None = None
    inserted: tuple[tuple[str, str], ...] = ()
    weight: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Samples in the order of their time, and the number of requests that they were drawn from."""

    samples: list[Sample]
    population: int


@dataclass(slots=True)
class _Slice:
    start: float
    count: int = 0
    kept: list[Sample] = field(default_factory=list)

    def add(self, make: Callable[[], Sample], size: int) -> None:
        """Keep a random sample of `size` of all that are added; only those are made."""
        self.count += 1
        if len(self.kept) < size:
            self.kept.append(make())
            return
        place = random.randrange(self.count)  # noqa: S311 - a sample, no secret
        if place < size:
            self.kept[place] = make()

    def thin(self, size: int) -> None:
        if len(self.kept) > size:
            self.kept = random.sample(self.kept, size)


class Samples:
    """The samples of one rule. Times only grow."""

    def __init__(self) -> None:
        self._slices: deque[_Slice] = deque()

    def add(self, at: float, make: Callable[[], Sample]) -> None:
        """Take note of one request at a time (seconds since the epoch); `make` is asked for it if it is kept."""
        start = at - at % _SLICE_S
        if not self._slices or self._slices[-1].start < start:
            self._begin(start)
        self._slices[-1].add(make, _RECENT_KEPT)

    def _begin(self, start: float) -> None:
        if len(self._slices) >= _RECENT_SLICES:
            self._slices[-_RECENT_SLICES].thin(_OLD_KEPT)
        self._slices.append(_Slice(start))
        while self._slices[0].start < start - SAMPLE_AGE_S:
            self._slices.popleft()

    def between(self, start: float, end: float) -> Iterable[Sample]:
        """Yield what was kept of a span of time (seconds since the epoch), weighed."""
        for one in self._slices:
            if one.start <= end and one.start + _SLICE_S > start:
                weight = max(1, round(one.count / len(one.kept)))
                yield from (replace(s, weight=weight) for s in one.kept if start <= s.at <= end)


def draw(rules: Iterable[Samples], start: float, end: float, limit: int) -> Drawn:
    """Return at most `limit` random samples of some rules between two times (seconds since the epoch)."""
    found = [sample for kept in rules for sample in kept.between(start, end)]
    population = sum(sample.weight for sample in found)
    chosen = found if len(found) <= limit else random.sample(found, limit)
    share = len(found) / len(chosen) if chosen else 1
    weighed = [replace(sample, weight=round(sample.weight * share)) for sample in chosen]
    return Drawn(samples=sorted(weighed, key=lambda sample: sample.at), population=min(population, SAMPLE_POPULATION))


def slim(request: WafRequest) -> WafRequest:
    """Return a request without its body and without the headers that nobody is shown: a sample must stay small."""
    return replace(request, body=b"", headers={n: request.headers[n] for n in SHOWN_HEADERS if n in request.headers})


def sampled_request(sample: Sample) -> dict[str, Any]:
    """Return a sample as the `GetSampledRequests` API shows it."""
    request = sample.request
    shown = {
        "Request": {
            "ClientIP": request.client_ip,
            "Country": "-",
            "URI": readable(request.path),
            "Method": request.method,
            "HTTPVersion": request.http_version,
            "Headers": [{"Name": n, "Value": readable(v)} for n, v in request.headers.items()],
        },
        "Weight": sample.weight,
        "Timestamp": sample.at,
        "Action": sample.action,
        "RuleNameWithinRuleGroup": sample.within,
        "RequestHeadersInserted": [{"Name": n, "Value": v} for n, v in sample.inserted] or None,
        "ResponseCodeSent": sample.response_code,
        "Labels": [{"Name": label} for label in sample.labels],
    }
    return {name: value for name, value in shown.items() if value is not None}
