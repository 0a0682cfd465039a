"""The bill of webhooks of all three providers on the deployed local environment, printed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import Cli
from tests.eventually import eventually

pytestmark = [pytest.mark.integration, pytest.mark.load]
MIX = {"stripe": 60, "square": 30, "paypal": 10}
AUDIT_LINES_USD = 1.0


def test_a_million_webhooks_cost_less_than_8_20_dollars(deployed: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    """Requests, write units as DynamoDB reports them and log bytes are counted; the rest is named as the model's.

    Every webhook costs a put, an update and an index entry, one in ten (PayPal's) a claim of its delivery id.
    """
    since = after_what_was_before()
    for provider, number in MIX.items():
        deployed.json("send", provider, "--count", str(number), "--concurrency", "4", "--source-address", "127.0.0.71")
    count = sum(MIX.values())
    writes = round((3 * count + MIX["paypal"]) / count, 3)
    read = ("cost", "actual", "--since", since, "--settings-of", "prod")
    assert eventually(lambda: is_all_counted(deployed.json(*read), count, writes), within_s=60)
    report = deployed.json(*read)
    with capsys.disabled():
        print("", deployed.code(*read)[1], sep="\n")  # noqa: T201
    assert report["webhooks"] == count
    assert writes <= report["write_units"] < writes + 0.1  # of the whole session's environment, so never less
    assert 0.5 <= report["read_units"] < 0.6
    lines = {line["service"]: line for line in report["lines"]}
    assert lines["DynamoDB"]["at_settings"] == lines["DynamoDB"]["usd_per_million"]
    assert {name for name, line in lines.items() if line["modelled"]} == {"Lambda", "SQS", "CloudWatch Logs", "X-Ray"}
    assert report["usd_per_million_at_settings"] < 8.20


def after_what_was_before() -> str:
    """Wait for a second that holds no count of an earlier webhook: points are of whole seconds, some come one late."""
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=3)
    assert eventually(lambda: datetime.now(UTC) > start, within_s=5)
    return f"{start:%Y-%m-%dT%H:%M:%SZ}"


def is_all_counted(report: dict[str, Any], webhooks: int, write_units: float) -> bool:
    """Every webhook was counted at the gateway and is processed, and most audit lines are written."""
    (logs,) = [line["usd_per_million"] for line in report["lines"] if line["service"] == "CloudWatch Logs"]
    return report["webhooks"] == webhooks and report["write_units"] >= write_units and bool(logs > AUDIT_LINES_USD)
