"""Laws of `waf probe`, against the simulated rate rule on a clock of its own."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.fakes_waf import RATE, FakeAcl
from webhookctl.core.waf_probe import ProbeResult, blocking_rule, probe
from webhookctl.core.waf_prober import check_source
from webhookctl.errors import CheckFailedError, UsageError, WebhookctlError
from webhookctl.local.waf.rate import RateLimiter, RateSettings

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
ADDRESS = "127.0.0.77"


class World:
    """A simulated address, WAF and clock. The WAF enforces `limit`, acts `lag_s` late and checks at `phase`."""

    def __init__(self, limit: int, lag_s: float, *, phase: float = 0.3) -> None:
        settings = RateSettings(limit=limit, window_s=60, block_lag_s=lag_s, unblock_lag_s=lag_s)
        self.limiter = RateLimiter(settings, start=0, phase=lambda: phase)
        self.acl = FakeAcl()
        self.time = 0.0
        self.is_reachable = True

    def offer(self, rate: float) -> Iterator[tuple[float, int]]:
        number = max(1, round(rate))
        for n in range(number):
            moment = self.time + n / number
            is_blocked = self.limiter.observe(ADDRESS, moment)
            if is_blocked:
                self.acl.blocked = [f"{ADDRESS}/32"]
            yield moment, (403 if is_blocked else 401) if self.is_reachable else 0
        self.time += 1

    def measure(self, *, lag_s: float, timeout_s: float = 300) -> ProbeResult:
        return probe(
            self.acl,
            self.offer,
            address=ADDRESS,
            lag_s=lag_s,
            timeout_s=timeout_s,
            now=lambda: NOW,
            clock=lambda: self.time,
        )


@pytest.mark.parametrize("phase", [0.0, 0.5, 0.99])
@pytest.mark.parametrize(("lag_s", "allowed_s"), [(0, 0), (10, 10), (30, 30), (5, 30), (60, 60)])
def test_a_probe_finds_the_deployed_limit_between_its_bounds(lag_s: float, allowed_s: float, phase: float) -> None:
    """Whatever the lag, if it is allowed for, the limit lies inside the measured range, and the rule is named."""
    found = World(600, lag_s, phase=phase).measure(lag_s=allowed_s)
    assert found.agrees
    assert found.limit_at_least <= 600 <= found.limit_at_most
    assert found.blocked_by == "rate"
    assert f"lag of {allowed_s} s" in found.because


@pytest.mark.parametrize("phase", [0.0, 0.5, 0.99])
@pytest.mark.parametrize(("lag_s", "allowed_s"), [(0, 0), (10, 10), (30, 30), (5, 30)])
@pytest.mark.parametrize("enforced", [150, 300, 1200])
def test_a_probe_tells_the_limit_from_its_half_and_its_double(
    enforced: int, lag_s: float, allowed_s: float, phase: float
) -> None:
    """A web ACL that says 600 and blocks at 300 or 1200 disagrees, however late it acts."""
    assert not World(enforced, lag_s, phase=phase).measure(lag_s=allowed_s).agrees


def test_a_probe_that_is_never_blocked_says_so() -> None:
    """Without enforcement there is nothing to measure."""
    with pytest.raises(CheckFailedError, match="none was blocked"):
        World(10**9, 0).measure(lag_s=0)


def test_an_address_that_is_blocked_already_is_not_measured_from() -> None:
    """Right after a probe another one is refused, with the time from which it makes sense again.

    AWS's list of blocked addresses tells, or else the first answer.
    """
    world = World(600, 0)
    world.measure(lag_s=0)
    with pytest.raises(WebhookctlError, match=r"blocked already: .* before 12:01:10 UTC") as by_list:
        world.measure(lag_s=0)
    world.acl = FakeAcl()
    with pytest.raises(WebhookctlError, match="blocked already") as by_answer:
        world.measure(lag_s=0)
    assert {by_list.value.exit_code, by_answer.value.exit_code} == {1}


def test_an_endpoint_that_does_not_answer_ends_the_probe_at_once() -> None:
    """Silence is no sign of being let through."""
    world = World(600, 0)
    world.is_reachable = False
    with pytest.raises(WebhookctlError, match="was answered"):
        world.measure(lag_s=0)
    assert world.time <= 1


def test_a_timeout_that_is_too_short_for_the_lag_is_refused() -> None:
    """Before the first request, with the time that it takes."""
    with pytest.raises(UsageError) as raised:
        World(600, 120).measure(lag_s=120)
    assert raised.value.hint == "--timeout 348s"


def test_samples_name_the_rule_that_no_limited_key_names() -> None:
    """A block that is not by rate is found among the sampled requests of that address."""
    acl = FakeAcl()
    acl.samples = [{"Action": "BLOCK", "Request": {"ClientIP": "10.0.0.5"}}]
    assert blocking_rule(acl, "10.0.0.5", since=NOW, until=NOW) == "bad"
    assert blocking_rule(acl, "10.0.0.6", since=NOW, until=NOW).startswith("unknown")


def test_a_probe_measures_the_rule_that_counts_its_address() -> None:
    """An allow-listed address is held against the allow-list's limit, though another one is stricter."""
    world = World(900, 0)
    world.acl = FakeAcl([replace(RATE, never=("127.0.0.0/24",)), replace(RATE, name="listed", limit=900)])
    found = world.measure(lag_s=0)
    assert (found.deployed_limit, found.agrees) == (900, True)


@pytest.mark.parametrize("source", ["abc", "8.8.8.8", "::1", "127.0.0.300", ""])
def test_a_source_that_cannot_reach_the_local_environment_is_refused(source: str) -> None:
    """Every request would fail, and a probe that sends nothing proves nothing."""
    with pytest.raises(UsageError):
        check_source(source, is_local=True)


def test_a_source_is_for_the_local_environment() -> None:
    """There it may be any IPv4 loopback address; on AWS there is no choice."""
    assert check_source(None, is_local=True) == "127.0.0.77"
    assert check_source("127.0.0.78", is_local=True) == "127.0.0.78"
    assert check_source(None, is_local=False) == ""
    with pytest.raises(UsageError):
        check_source("127.0.0.78", is_local=False)
