"""Laws of the load tests' verdicts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loadtests.bounds import (
    answered,
    blocked_in_time,
    never_blocked,
    offers_its_rate,
    stays_blocked,
    throttled_above_the_stage_limit,
    unblocked_in_time,
    verdict_of,
)
from loadtests.observations import Observations
from loadtests.rate_limit_bounds import judge
from loadtests.settings import LoadSettings

START = 1_700_000_000.0


def settings(**changes: Any) -> LoadSettings:
    values: dict[str, Any] = {"lag_s": 0.0, "rate_rps": 50.0, "duration_s": 300.0} | changes
    return LoadSettings(host="http://127.0.0.1:1/prod", secrets=Path("s"), out=None, **values)


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
    assert throttled_above_the_stage_limit(seen, "burst", rate_rps=10, burst=20).is_kept
    flow(seen, "burst", rate=1, seconds=range(5, 6))
    assert not throttled_above_the_stage_limit(seen, "burst", rate_rps=10, burst=20).is_kept


def test_a_stage_that_was_not_put_to_the_test_is_not_said_to_hold() -> None:
    """What the bucket would have let through anyhow is no evidence; one 429 of it is."""
    seen = Observations()
    flow(seen, "burst", rate=12, seconds=range(10))
    calm = throttled_above_the_stage_limit(seen, "burst", rate_rps=1000, burst=1000)
    assert (verdict_of(calm), calm.is_exercised) == ("not exercised", False)
    flow(seen, "burst", rate=1, seconds=range(1), status=429)
    assert throttled_above_the_stage_limit(seen, "burst", rate_rps=1000, burst=1000).is_exercised


def test_a_role_that_sends_too_little_proves_nothing() -> None:
    """8/s is 480 in a window: 432 count, 431 don't, and a run shorter than a window never does."""
    seen = Observations()
    flow(seen, "below", rate=8, seconds=range(50))
    assert "client too slow" in offers_its_rate(seen, "below", 8, settings()).measured
    flow(seen, "below", rate=8, seconds=range(50, 54))
    assert offers_its_rate(seen, "below", 8, settings()).is_kept


def whole_run(*, address_of_all: bool = False) -> Observations:
    """Return a run in which every bound of the scenario is kept."""
    seen = run_of(20)
    flow(seen, "below", rate=8, seconds=range(70))
    if not address_of_all:
        flow(seen, "neighbour", rate=3, seconds=range(70))
        flow(seen, "just_above", rate=15, seconds=range(45))
        flow(seen, "just_above", rate=15, seconds=range(45, 48), status=403)
        seen.mark("just_above").first_block = START + 45
    return seen


def every_200_is(status: int, *roles: str) -> Callable[[Observations], None]:
    """Return what changes the good answers of roles to another one."""

    def change(seen: Observations) -> None:
        for key in [key for key in seen.cells if key[1] in roles and key[3] == 200]:
            second, role, address, _ = key
            seen.cells[second, role, address, status] = seen.cells.pop(key)

    return change


def half_as_many(seen: Observations) -> None:
    """Let `below` be a client that offers 4/s."""
    for key, cell in seen.cells.items():
        cell.count //= 2 if key[1] == "below" else 1


ALL_ROLES = ("below", "neighbour", "just_above", "above")


@pytest.mark.parametrize(
    ("harm", "broken"),
    [
        (lambda _: None, set()),
        (every_200_is(500, "below", "neighbour"), {"below is answered 200", "neighbour is answered 200"}),
        (
            every_200_is(0, *ALL_ROLES),
            {f"{role} is answered 200" for role in ("below", "neighbour")}
            | {f"{role} is answered 200/403" for role in ("above", "just_above")},
        ),
        (half_as_many, {"below offers its rate"}),
    ],
)
def test_a_broken_intake_and_a_lame_client_break_the_verdict(
    harm: Callable[[Observations], None], broken: set[str]
) -> None:
    """No 403 to the wrong address is not enough: the load must have been offered, and taken."""
    seen = whole_run()
    harm(seen)
    assert {bound.name for bound in judge(seen, settings()) if not bound.is_kept} == broken


def test_a_limit_that_is_not_the_products_is_named() -> None:
    """Twice the limit in stack and load test alike moves every other bound with it."""
    bounds = {bound.name: bound for bound in judge(whole_run(), settings(limit=1200))}
    assert not bounds["the configured limit is the product's"].is_kept
    assert bounds["the configured limit is the product's"].measured == "1200 in 60 s"


def test_what_takes_two_addresses_is_not_exercised_from_one() -> None:
    """Beyond this machine the neighbour and the address just above are said to be untried, the rest is judged."""
    bounds = judge(whole_run(address_of_all=True), settings(is_one_address=True))
    verdicts = {bound.name: verdict_of(bound) for bound in bounds}
    untried = {name for name, verdict in verdicts.items() if verdict == "not exercised"}
    assert untried == {"neighbour is never blocked", "just_above is blocked in time"}
    assert set(verdicts.values()) == {"not exercised", "kept"}
