"""Laws of `waf status` and `waf probe`."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from webhookctl.core.logs import LogEvent
from webhookctl.core.waf import Rule, blocking_rule, busy_addresses, main_rate_rule, probe, waf_status
from webhookctl.errors import CheckFailedError
from webhookctl.local.waf.rate import RateLimiter, RateSettings

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
RATE = Rule(priority=0, name="rate", metric="rateMetric", action="Block", limit=600, window_s=60)
COUNTING = Rule(priority=1, name="bad", metric="badMetric", action="managed")


class FakeAcl:
    name = "acl"

    def __init__(self, rules: list[Rule] | None = None, *, blocked: list[str] | None = None) -> None:
        self._rules = [RATE, COUNTING] if rules is None else rules
        self._blocked = blocked or []
        self.samples: list[Mapping[str, Any]] = []

    def rules(self) -> list[Rule]:
        return self._rules

    def counts(self, since: datetime, until: datetime) -> Mapping[tuple[str, str], int]:
        assert until - since == timedelta(hours=1)
        return {("BlockedRequests", "rateMetric"): 7, ("AllowedRequests", "badMetric"): 1}

    def blocked_addresses(self, rule: str) -> list[str]:
        assert rule == "rate"
        return self._blocked

    def sampled(self, rule_metric: str, since: datetime, until: datetime) -> list[Mapping[str, Any]]:
        assert since <= until
        return self.samples if rule_metric == "badMetric" else []


def access_log(address: str, count: int) -> Iterator[LogEvent]:
    for n in range(count):
        message = json.dumps({"sourceIp": address, "status": "200"})
        yield LogEvent(at=NOW, group="g", stream="s", message=message, event_id=f"{address}{n}")


def test_status_counts_by_rule_and_lists_the_blocked() -> None:
    """Each rule carries its own sums; blocked addresses come from the rate rules."""
    found = waf_status(FakeAcl(blocked=["127.0.0.9/32"]), [], now=NOW)
    assert [(rule.name, rule.blocked) for rule in found.rules] == [("rate", 7), ("bad", 0)]
    assert found.blocked_addresses == ("127.0.0.9/32",)


def test_an_address_near_the_limit_is_named() -> None:
    """Four fifths of the limit in one window is near it."""
    lines = [*access_log("10.0.0.1", 480), *access_log("10.0.0.2", 479)]
    assert [(busy.address, busy.requests) for busy in busy_addresses(lines, RATE)] == [("10.0.0.1", 480)]


def test_the_strictest_rate_rule_is_the_limit() -> None:
    """An allow-listed provider's own, higher limit is not the product's."""
    provider = Rule(priority=1, name="p", metric="p", action="Block", limit=6000, window_s=60)
    assert main_rate_rule([provider, RATE]).name == "rate"
    with pytest.raises(CheckFailedError):
        main_rate_rule([COUNTING])


class World:
    """A simulated address, WAF and clock."""

    def __init__(self, limit: int, lag_s: float) -> None:
        settings = RateSettings(limit=limit, window_s=60, block_lag_s=lag_s, unblock_lag_s=lag_s)
        self.limiter = RateLimiter(settings, start=0, phase=lambda: 0.3)
        self.time = 0.0

    def offer(self, rate: float) -> Iterator[tuple[float, int]]:
        for n in range(int(rate)):
            moment = self.time + n / rate
            yield moment, 403 if self.limiter.observe("127.0.0.77", moment) else 401
        self.time += 1

    def measure(self, acl: FakeAcl, *, lag_s: float) -> Any:
        return probe(
            acl,
            self.offer,
            address="127.0.0.77",
            lag_s=lag_s,
            timeout_s=200,
            now=lambda: NOW,
            clock=lambda: self.time,
        )


@pytest.mark.parametrize("lag_s", [0, 10, 30])
def test_a_probe_finds_the_deployed_limit_between_its_bounds(lag_s: float) -> None:
    """Whatever the lag, the deployed limit lies inside the measured range, and the rule is named."""
    found = World(600, lag_s).measure(FakeAcl(blocked=["127.0.0.77/32"]), lag_s=lag_s)
    assert found.agrees
    assert found.limit_at_least <= 600 <= found.limit_at_most
    assert found.blocked_by == "rate"


def test_a_probe_finds_another_limit_than_the_deployed_one() -> None:
    """A web ACL that says 600 and blocks at 150 disagrees."""
    assert not World(150, 0).measure(FakeAcl(), lag_s=0).agrees


def test_a_probe_that_is_never_blocked_says_so() -> None:
    """Without enforcement there is nothing to measure."""
    with pytest.raises(CheckFailedError, match="none was blocked"):
        World(10**9, 0).measure(FakeAcl(), lag_s=0)


def test_samples_name_the_rule_that_no_limited_key_names() -> None:
    """A block that is not by rate is found among the sampled requests of that address."""
    acl = FakeAcl()
    acl.samples = [{"Action": "BLOCK", "Request": {"ClientIP": "10.0.0.5"}}]
    assert blocking_rule(acl, "10.0.0.5", since=NOW, until=NOW) == "bad"
    assert blocking_rule(acl, "10.0.0.6", since=NOW, until=NOW).startswith("unknown")
