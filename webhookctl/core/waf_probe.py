"""Measure the deployed limit: send from one address, faster and faster, until the web ACL blocks it."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from stack.limits import WAF_CHECK_INTERVAL_S
from webhookctl.core.waf import Rule, WebAclReader, main_rate_rule
from webhookctl.errors import CheckFailedError, UsageError, WebhookctlError

BLOCKED: Final = 403
_START_SHARE: Final = 0.4
"""At what share of the limit's rate a probe begins: below half of it, so that half the limit is told from it too."""
_GROWTH_SHARE: Final = 0.5
"""By what share of the limit the count of a window grows while the WAF makes up its mind: more than half, and a limit
could not be told from its double or its half."""
_SLACK_S: Final = 10.0

Offer = Callable[[float], Iterable[tuple[float, int]]]
"""Offers a rate (requests a second) for about a second, of requests that can't be stored; yields each one's moment,
on the probe's clock, and the status of its answer, 0 for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """What a probe measured. The limit lies between `limit_at_least` and `limit_at_most` requests in `window_s`.

    `because` says why it can't be told more closely.
    """

    requests: int
    seconds_to_block: float
    rate_rps: float
    blocked_by: str
    deployed_limit: int
    window_s: int
    limit_at_least: int
    limit_at_most: int
    because: str
    agrees: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ramp:
    """How a probe's rate grows: slowly enough for the WAF's delay, from the rule's own limit."""

    limit: int
    window_s: int
    lag_s: float

    @property
    def decides_s(self) -> float:
        """How long before the first blocked answer the count may have been seen that decided it."""
        return self.lag_s + 2 * WAF_CHECK_INTERVAL_S

    def rate(self, elapsed_s: float) -> float:
        """Return the rate to offer, in requests a second."""
        growth = _GROWTH_SHARE * self.limit / (self.window_s * self.decides_s)
        return _START_SHARE * self.limit / self.window_s + growth * elapsed_s

    @property
    def longest_s(self) -> float:
        """When the deployed limit is crossed, and the block is in force at the latest."""
        crossed_s = self.decides_s * (1 - _START_SHARE) / _GROWTH_SHARE + self.window_s / 2
        return max(crossed_s, self.window_s) + self.decides_s + _SLACK_S


def probe(
    acl: WebAclReader,
    offer: Offer,
    *,
    address: str,
    lag_s: float,
    timeout_s: float,
    now: Callable[[], datetime],
    clock: Callable[[], float] = time.monotonic,
    on_progress: Callable[[str], None] = lambda _: None,
) -> ProbeResult:
    """Send from one address at a growing rate until it is blocked, and work out the limit from when that was.

    `lag_s` is the WAF lag to allow for. Raises UsageError when `timeout_s` is too short for that, WebhookctlError when
    the address is blocked already or the endpoint does not answer, and CheckFailedError when nothing is blocked.
    """
    rules = acl.rules()
    rule = main_rate_rule([rule for rule in rules if not address or rule.counts(address)])
    ramp = _Ramp(limit=rule.limit or 1, window_s=rule.window_s or 1, lag_s=lag_s)
    if timeout_s < ramp.longest_s:
        raise UsageError(
            f"at a WAF lag of {lag_s:g} s a block may take {ramp.longest_s:.0f} s",
            hint=f"--timeout {ramp.longest_s:.0f}s",
        )
    if _is_blocked(acl, rule, address):
        raise _blocked_already(ramp, now())
    return _Probe(acl, ramp, address=address, began_at=now()).run(
        offer, timeout_s=timeout_s, now=now, clock=clock, on_progress=on_progress
    )


class _Probe:
    """One probe under way. `_sent` are the moments of all requests."""

    def __init__(self, acl: WebAclReader, ramp: _Ramp, *, address: str, began_at: datetime) -> None:
        self._acl, self._ramp = acl, ramp
        self._address, self._began_at = address, began_at
        self._sent: list[float] = []
        self._passed = 0

    def run(
        self,
        offer: Offer,
        *,
        timeout_s: float,
        now: Callable[[], datetime],
        clock: Callable[[], float],
        on_progress: Callable[[str], None],
    ) -> ProbeResult:
        """Offer second after second until one is blocked."""
        started = clock()
        while (elapsed := clock() - started) <= timeout_s:
            rate = self._ramp.rate(elapsed)
            on_progress(f"{len(self._sent)} requests, now {rate:.1f}/s")
            if self._is_stopped_by(offer(rate)):
                if not self._passed:
                    raise _blocked_already(self._ramp, now())
                return self._measured(rate=rate, started=started, until=now())
        raise CheckFailedError(
            f"{len(self._sent)} requests at up to {rate:.1f}/s in {elapsed:.0f} s and none was blocked",
            hint="webhookctl waf status; webhookctl diff",
        )

    def _is_stopped_by(self, answers: Iterable[tuple[float, int]]) -> bool:
        """Note answers up to the first that is blocked. Raises WebhookctlError when there was none at all."""
        statuses = []
        for moment, status in answers:
            self._sent.append(moment)
            statuses.append(status)
            if status == BLOCKED:
                return True
            self._passed += status != 0
        if not any(statuses):
            raise WebhookctlError(
                f"none of {len(statuses)} requests in a row was answered", hint="webhookctl doctor; webhookctl status"
            )
        return False

    def _measured(self, *, rate: float, started: float, until: datetime) -> ProbeResult:
        """Work out the limit: at the check before the one that decided, the count was still inside it."""
        limit, window_s, blocked_at = self._ramp.limit, self._ramp.window_s, self._sent[-1]
        at_most = _in_window(self._sent, blocked_at, window_s)
        at_least = _in_window(self._sent, blocked_at - self._ramp.decides_s, window_s)
        return ProbeResult(
            requests=len(self._sent),
            seconds_to_block=round(blocked_at - started, 1),
            rate_rps=round(rate, 1),
            blocked_by=blocking_rule(self._acl, self._address, since=self._began_at, until=until),
            deployed_limit=limit,
            window_s=window_s,
            limit_at_least=at_least,
            limit_at_most=at_most,
            because=f"the block may have been decided up to {self._ramp.decides_s:g} s before it was seen "
            f"(two checks of {WAF_CHECK_INTERVAL_S} s and a lag of {self._ramp.lag_s:g} s)",
            agrees=at_least <= limit <= at_most,
        )


def blocking_rule(acl: WebAclReader, address: str, *, since: datetime, until: datetime) -> str:
    """Return the name of the rule that blocks an address: from the limited keys, else from the sampled requests.

    `address` may be empty where the caller can't know the one that the web ACL sees; then only samples tell.
    """
    rules = acl.rules()
    for rule in rules:
        if rule.limits_addresses and _is_blocked(acl, rule, address):
            return rule.name
    for rule in rules:
        for sample in acl.sampled(rule.metric, since, until):
            if sample["Action"] == "BLOCK" and address in ("", sample["Request"]["ClientIP"]):
                return rule.name
    return "unknown: no limited key and no sampled request names one"


def _is_blocked(acl: WebAclReader, rule: Rule, address: str) -> bool:
    return bool(address) and any(key.partition("/")[0] == address for key in acl.blocked_addresses(rule.name))


def _blocked_already(ramp: _Ramp, now: datetime) -> WebhookctlError:
    """Return the refusal to measure from an address whose earlier requests still count."""
    wait_s = ramp.window_s + WAF_CHECK_INTERVAL_S + ramp.lag_s
    until = now + timedelta(seconds=wait_s)
    return WebhookctlError(
        f"this address is blocked already: nothing can be measured from it before {until:%H:%M:%S} UTC, "
        "if it stays silent until then",
        hint=f"wait {wait_s:.0f} s, or locally another --source",
    )


def _in_window(sent: Sequence[float], end: float, window_s: float) -> int:
    return sum(end - window_s < moment <= end for moment in sent)
