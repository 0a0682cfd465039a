"""Laws of `waf status`."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes_waf import COUNTING, RATE, FakeAcl
from webhookctl.core.logs import LogEvent
from webhookctl.core.waf import Rule, busy_addresses, main_rate_rule, waf_status
from webhookctl.errors import CheckFailedError

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
PROVIDERS = ("10.9.0.0/24",)
LISTED = replace(RATE, name="provider", metric="p", limit=6000, only=PROVIDERS)
OTHERS = replace(RATE, never=PROVIDERS)


def access_log(address: str, count: int, *, seconds: float = 0.0, start: datetime = NOW) -> Iterator[LogEvent]:
    """Yield `count` requests, evenly over `seconds`."""
    for n in range(count):
        at = start + timedelta(seconds=seconds * n / count)
        message = json.dumps({"sourceIp": address, "status": "200"})
        yield LogEvent(at=at, group="g", stream="s", message=message, event_id=f"{address}{n}")


def near(lines: Sequence[LogEvent], *rules: Rule) -> list[tuple[str, int, int]]:
    return [(busy.address, busy.requests, busy.limit) for busy in busy_addresses(lines, rules)]


def test_status_counts_by_rule_and_lists_the_blocked() -> None:
    """Each rule carries its own sums; blocked addresses come from the rate rules."""
    found = waf_status(FakeAcl(blocked=["127.0.0.9/32"]), [], now=NOW)
    assert [(rule.name, rule.blocked) for rule in found.rules[:2]] == [("rate", 7), ("bad", 0)]
    assert found.blocked_addresses == ("127.0.0.9/32",)
    assert found.gaps == ()


def test_what_no_rule_ended_is_counted_at_the_default_action() -> None:
    """That is where an allowed request stands: a blocking rule allows none."""
    default = waf_status(FakeAcl(), [], now=NOW).rules[-1]
    assert (default.name, default.action, default.priority, default.allowed) == ("default action", "Allow", None, 12)


def test_a_web_acl_without_a_rate_rule_is_shown_with_its_gap() -> None:
    """The rules and counts are there, and what is missing is said."""
    found = waf_status(FakeAcl([COUNTING]), [], now=NOW)
    assert [rule.name for rule in found.rules] == ["bad", "default action"]
    assert not found.limits_addresses
    assert "no rate rule" in found.gaps[0]


def test_a_rule_by_custom_keys_is_shown_and_not_asked_for_its_addresses() -> None:
    """AWS refuses to list the keys of such a rule; it says nothing about one address either."""
    custom = replace(RATE, name="custom", counts_by="CUSTOM_KEYS", limit=100)
    found = waf_status(FakeAcl([RATE, custom]), list(access_log("10.0.0.1", 200)), now=NOW)
    assert "'custom' counts by CUSTOM_KEYS" in found.gaps[0]
    assert found.near_the_limit == ()


def test_an_address_near_the_limit_is_named() -> None:
    """Four fifths of the limit in one window is near it."""
    lines = [*access_log("10.0.0.1", 480), *access_log("10.0.0.2", 479)]
    assert near(lines, RATE) == [("10.0.0.1", 480, 600)]


@pytest.mark.parametrize("offset_s", [0, 10, 40, 59])
def test_a_window_slides_over_the_minutes(offset_s: float) -> None:
    """700 requests in 40 s are 700 in a window wherever the minute ends; over 90 s they are never 480 in 60."""
    start = NOW.replace(second=0) + timedelta(seconds=offset_s)
    assert near(list(access_log("10.0.0.1", 700, seconds=40, start=start)), RATE) == [("10.0.0.1", 700, 600)]
    assert near(list(access_log("10.0.0.1", 700, seconds=90, start=start)), RATE) == []


def test_an_allow_listed_provider_is_held_against_its_own_limit() -> None:
    """840 a minute are much of 600 and little of 6000."""
    lines = [*access_log("10.9.0.7", 840), *access_log("10.0.0.1", 840)]
    assert near(lines, OTHERS, LISTED) == [("10.0.0.1", 840, 600)]
    assert near(list(access_log("10.9.0.7", 4800)), OTHERS, LISTED) == [("10.9.0.7", 4800, 6000)]


def test_the_strictest_rate_rule_is_the_limit() -> None:
    """An allow-listed provider's own, higher limit is not the product's."""
    assert main_rate_rule([LISTED, RATE]).name == "rate"
    with pytest.raises(CheckFailedError):
        main_rate_rule([COUNTING])
