"""Laws of the load tests' verdicts."""

from pathlib import Path

import pytest

from loadtests.bounds import (
    answered,
    blocked_in_time,
    never_blocked,
    stays_blocked,
    throttled_above_the_stage_limit,
    unblocked_in_time,
)
from loadtests.observations import Observations
from loadtests.rate_limit_bounds import judge
from loadtests.settings import LoadSettings

START = 1_700_000_000.0


def settings(**changes: float) -> LoadSettings:
    values: dict[str, float] = {"lag_s": 0.0, "rate_rps": 50.0, "duration_s": 300.0} | changes
    return LoadSettings(host="http://127.0.0.1:1/prod", secrets=Path("s"), out=None, **values)  # type: ignore[arg-type]


def flow(seen: Observations, role: str, *, rate: int, seconds: range, status: int = 200) -> None:
    """Record `rate` answers a second."""
    for second in seconds:
        for n in range(rate):
            name = f"{second}{n}"
            seen.add(at=START + second, role=role, address="127.0.0.9", status=status, latency_ms=9, webhook_id=name)


def run_of(limit_reached_s: int, *, rate: int = 50, role: str = "above", probe_s: int = 70) -> Observations:
    """Return a run that is let through until `limit_reached_s`, blocked for 15 s, and let in `probe_s` later."""
    seen = Observations()
    flow(seen, role, rate=rate, seconds=range(limit_reached_s))
    flow(seen, role, rate=rate, seconds=range(limit_reached_s, limit_reached_s + 15), status=403)
    mark = seen.mark(role)
    mark.first_request, mark.first_block = START, START + limit_reached_s
    mark.silent_since = START + limit_reached_s + 15
    mark.first_allowed_after = mark.silent_since + probe_s
    return seen


def test_a_block_within_limit_check_and_lag_is_kept() -> None:
    """600 at 50/s take 12 s; the check may come 10 s later."""
    assert all(bound.is_kept for bound in blocked_in_time(run_of(20), "above", settings()))


def test_a_late_block_breaks_both_bounds() -> None:
    """Twice the limit is outside the bound without a lag, inside it with one."""
    late = run_of(40)
    assert not any(bound.is_kept for bound in blocked_in_time(late, "above", settings()))
    assert all(bound.is_kept for bound in blocked_in_time(late, "above", settings(lag_s=30)))


def test_an_early_block_breaks_the_least_count() -> None:
    """A limit lower than the product's is found out too: the count at the block is far under the limit."""
    seen = run_of(5)
    flow(seen, "above", rate=50, seconds=range(20, 30), status=403)
    _, count_bound = blocked_in_time(seen, "above", settings())
    assert not count_bound.is_kept


def test_a_client_too_slow_to_reach_the_limit_proves_nothing() -> None:
    """A flood that never was one is said to be so, and is no success."""
    seen = Observations()
    flow(seen, "above", rate=5, seconds=range(60))
    (bound,) = blocked_in_time(seen, "above", settings())
    assert not bound.is_kept
    assert "client too slow" in bound.measured


def test_no_block_at_all_is_broken() -> None:
    """Without the rule in the web ACL the flood is never blocked, and the verdict says so."""
    seen = Observations()
    flow(seen, "above", rate=50, seconds=range(60))
    seen.mark("above").first_request = START
    (bound,) = blocked_in_time(seen, "above", settings())
    assert not bound.is_kept
    assert bound.measured == "never blocked"
    assert not stays_blocked(seen, "above").is_kept
    assert not unblocked_in_time(seen, "above", settings()).is_kept


def test_a_twentyfold_limit_is_found_by_the_address_just_above() -> None:
    """15/s is blocked at a limit of 10/s and never at 20/s, whatever the lag."""
    seen = Observations()
    flow(seen, "just_above", rate=15, seconds=range(200))
    seen.mark("just_above").first_request = START
    broken = [bound.name for bound in judge(seen, settings(lag_s=60)) if not bound.is_kept]
    assert "just_above is blocked" in broken


def test_one_wrong_block_breaks_never_blocked() -> None:
    """A single 403 to an address under the limit is one too many; no traffic proves nothing."""
    seen = Observations()
    assert not never_blocked(seen, "below", "why").is_kept
    flow(seen, "below", rate=8, seconds=range(10))
    assert never_blocked(seen, "below", "why").is_kept
    flow(seen, "below", rate=1, seconds=range(1), status=403)
    assert not never_blocked(seen, "below", "why").is_kept


def test_a_hammering_address_that_gets_through_breaks_the_bound() -> None:
    """Blocked requests count, so the block holds until silence."""
    seen = run_of(20)
    assert stays_blocked(seen, "above").is_kept
    flow(seen, "above", rate=1, seconds=range(27, 28))
    assert not stays_blocked(seen, "above").is_kept


@pytest.mark.parametrize(("probe_s", "is_kept"), [(60, True), (73, True), (80, False)])
def test_silence_is_rewarded_within_window_check_and_lag(probe_s: int, *, is_kept: bool) -> None:
    """An address is free again 70 s (and the slack) after its last request."""
    assert unblocked_in_time(run_of(20, probe_s=probe_s), "above", settings()).is_kept is is_kept


def test_answers_are_shares_of_what_was_sent() -> None:
    """One answer in a hundred of another kind breaks a bound of all, not one of 98 %."""
    seen = Observations()
    flow(seen, "steady", rate=99, seconds=range(1))
    flow(seen, "steady", rate=1, seconds=range(1), status=503)
    assert not answered(seen, "steady", (200,)).is_kept
    assert answered(seen, "steady", (200,), share=0.98).is_kept
    assert not answered(seen, "absent", (200,)).is_kept


def test_a_stage_lets_through_its_burst_and_its_rate() -> None:
    """A bucket of 20 that refills at 10/s lets 120 through in 10 s."""
    seen = Observations()
    flow(seen, "burst", rate=12, seconds=range(10))
    flow(seen, "burst", rate=30, seconds=range(10), status=429)
    assert throttled_above_the_stage_limit(seen, "burst", rate_rps=10, burst=20, offered=42).is_kept
    flow(seen, "burst", rate=1, seconds=range(5, 6))
    assert not throttled_above_the_stage_limit(seen, "burst", rate_rps=10, burst=20, offered=42).is_kept
