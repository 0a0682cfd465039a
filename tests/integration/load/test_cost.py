"""The bill of a thousand webhooks on the deployed local environment, printed."""

from datetime import UTC, datetime

import pytest

from tests.conftest import Cli

pytestmark = [pytest.mark.integration, pytest.mark.load]


def test_a_thousand_webhooks_cost_what_the_model_says(deployed: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    """Three write units and a read each, as DynamoDB reports them, and the log lines of the model.

    Lambda's time and the batches are the engine's and this machine's own, so their prices are printed, not judged.
    """
    since = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    for address in ("127.0.0.71", "127.0.0.72"):  # the firewall takes 600 a minute from each
        words = ("send", "stripe", "--count", "500", "--concurrency", "4", "--source-address", address, "--wait")
        deployed.json(*words, "--timeout", "5m")
    report = deployed.json("cost", "actual", "--since", since, "--settings-of", "prod")
    prices = {line["service"]: line["usd_per_million"] for line in report["lines"]}
    with capsys.disabled():
        print("", *(f"{name:16} {usd:6.2f}" for name, usd in prices.items()), sep="\n")  # noqa: T201
        print(f"{'a million':16} {report['usd_per_million']:6.2f}")  # noqa: T201
    assert report["webhooks"] == 1000
    assert 3 * 0.625 + 0.0625 <= prices["DynamoDB"] < 3 * 0.625 + 0.5  # waiting for the webhooks reads the table too
    assert prices["CloudWatch Logs"] < 1.9
    assert (prices["API Gateway"], prices["WAF"], prices["X-Ray"]) == (3.5, 0.6, 0.05)
