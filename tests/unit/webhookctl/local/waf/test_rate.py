"""Laws of the rate-based rule, in simulated time."""

import pytest

from stack.limits import WAF_CHECK_INTERVAL_S, WAF_RATE_LIMIT, WAF_WINDOW_S
from webhookctl.local.waf.rate import MAX_LIMITED_KEYS, RateLimiter, RateSettings

TABLE_PHASES = (0.25, 0.33, 0.4, 0.5, 0.65, 0.75, 0.85, 0.93)
ALL_PHASES = tuple(n / 200 for n in range(200))

ALLOWED_BEFORE_BLOCK = {
    (15, 0): (617, 745),
    (15, 10): (767, 895),
    (15, 30): (1067, 1195),
    (15, 50): (1367, 1495),
    (50, 0): (614, 1091),
    (50, 10): (1114, 1591),
    (50, 30): (2114, 2591),
    (50, 50): (3114, 3591),
    (100, 0): (623, 1572),
    (100, 10): (1623, 2572),
    (100, 30): (3623, 4572),
    (100, 50): (5623, 6572),
}
"""(requests a second, lag in seconds) -> fewest and most requests let through by 600 in 60 s at `TABLE_PHASES`.

It pins the model at eight phases of the check; it is not what any phase may give. That is the law: limit <= allowed <=
limit + rate x (check + lag).
"""


def limiter(*, lag: float = 0, phase: float = 0.5, limit: int = WAF_RATE_LIMIT) -> RateLimiter:
    settings = RateSettings(limit=limit, window_s=WAF_WINDOW_S, block_lag_s=lag, unblock_lag_s=lag)
    return RateLimiter(settings, start=0, phase=lambda: phase)


def allowed_before_block(rate: float, *, lag: float, phase: float, seconds: float = 300) -> int | None:
    rule = limiter(lag=lag, phase=phase)
    for n in range(int(rate * seconds)):
        if rule.observe("10.0.0.1", n / rate):
            return n
    return None


@pytest.mark.parametrize(("rate", "lag"), sorted(ALLOWED_BEFORE_BLOCK))
def test_requests_before_the_first_block_match_the_table_at_its_phases(rate: int, lag: int) -> None:
    """What one address gets through at the table's phases lies inside the table's ranges."""
    low, high = ALLOWED_BEFORE_BLOCK[rate, lag]
    for phase in TABLE_PHASES:
        allowed = allowed_before_block(rate, lag=lag, phase=phase)
        assert allowed is not None
        assert low <= allowed <= high, f"phase {phase}"


@pytest.mark.parametrize(("rate", "lag"), [(12, 0), (15, 0), (50, 0), (100, 0), (100, 10), (15, 30)])
def test_every_phase_blocks_between_the_limit_and_one_check_and_the_lag(rate: int, lag: int) -> None:
    """From limit to limit + rate x (check interval + lag), both ends all but reached, whatever the checks' phase."""
    counts = [allowed_before_block(rate, lag=lag, phase=phase) or 0 for phase in ALL_PHASES]
    lowest, highest = WAF_RATE_LIMIT + rate * lag, WAF_RATE_LIMIT + rate * (WAF_CHECK_INTERVAL_S + lag)
    assert lowest <= min(counts) <= lowest + 0.05 * rate * WAF_CHECK_INTERVAL_S + 1
    assert highest - 0.05 * rate * WAF_CHECK_INTERVAL_S - 1 <= max(counts) <= highest + 1


@pytest.mark.parametrize("phase", TABLE_PHASES)
def test_a_rate_below_the_limit_is_never_blocked(phase: float) -> None:
    """9.5 requests a second pass for ever."""
    assert allowed_before_block(9.5, lag=0, phase=phase, seconds=900) is None


def test_addresses_are_counted_apart() -> None:
    """One address over the limit leaves another untouched."""
    rule = limiter()
    for n in range(2000):
        rule.observe("10.0.0.1", n / 50)
        if n % 10 == 0:
            assert not rule.observe("10.0.0.2", n / 50)
    assert rule.limited_keys(40) == ["10.0.0.1"]


def test_blocked_requests_keep_the_block_alive() -> None:
    """An address that goes on hammering stays blocked: its refused requests count too."""
    rule = limiter()
    verdicts = [rule.observe("10.0.0.1", n / 20) for n in range(20 * 600)]
    first = verdicts.index(True)
    assert all(verdicts[first:])


@pytest.mark.parametrize("lag", [0, 10, 30, 60])
def test_silence_lifts_the_block_within_the_window_and_the_lag(lag: float) -> None:
    """After the last request an address is free again within window + check + lag."""
    rule = limiter(lag=lag)
    for n in range(50 * 120):
        rule.observe("10.0.0.1", n / 50)
    assert rule.limited_keys(120) == ["10.0.0.1"]
    assert rule.limited_keys(120 + WAF_WINDOW_S + WAF_CHECK_INTERVAL_S + lag) == []
    assert not rule.observe("10.0.0.1", 120 + WAF_WINDOW_S + WAF_CHECK_INTERVAL_S + lag)


def test_idle_addresses_are_forgotten() -> None:
    """Memory holds only the addresses of the last window."""
    rule = limiter()
    for n in range(1000):
        rule.observe(f"10.0.{n // 250}.{n % 250}", n / 100)
    assert len(rule._keys) == 1000
    rule.observe("10.9.9.9", 10_000)
    assert len(rule._keys) == 1


def test_a_long_silence_costs_no_time() -> None:
    """The checks of an idle year are skipped, not replayed."""
    rule = limiter()
    assert not rule.observe("10.0.0.1", 365 * 24 * 3600.0)


def test_at_most_ten_thousand_keys_are_limited() -> None:
    """AWS limits no more than 10,000 keys of one rule at a time."""
    rule = limiter(limit=10)
    for n in range(MAX_LIMITED_KEYS + 50):
        for _ in range(11):
            rule.observe(str(n), 1.0)
    assert len(rule.limited_keys(30)) == MAX_LIMITED_KEYS
