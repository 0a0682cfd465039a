"""`webhookctl cost estimate`."""

import json
from collections.abc import Callable

from tests.cli.conftest import Ran


def test_a_million_is_priced_without_an_account(cli: Callable[..., Ran]) -> None:
    """Lines add up to the sum, and the price table's date is printed."""
    report = json.loads(cli("cost", "estimate", "--per-month", "1M", "-e", "prod", "-o", "json").out)
    assert report["webhooks"] == 1_000_000
    assert abs(sum(line["usd"] for line in report["lines"]) - report["usd"]) < 0.01
    assert report["prices_as_of"] == "2026-01-01"


def test_sampling_every_trace_costs_five_dollars_a_million(cli: Callable[..., Ran]) -> None:
    """The trace rate is the largest lever: 100 % in dev, 1 % in prod."""

    def price(environment: str) -> float:
        query = "lines[?service=='X-Ray'].usd | [0]"
        return float(cli("cost", "estimate", "-e", environment, "-o", "json", "--query", query).out)

    assert price("dev") == 5.0
    assert price("prod") == 0.05


def test_a_count_that_is_none_is_a_usage_error(cli: Callable[..., Ran]) -> None:
    """`--per-month lots` names what is expected."""
    ran = cli("cost", "estimate", "--per-month", "lots")
    assert ran.exit_code == 2
    assert "like 250000, 500K, 1M" in ran.err
