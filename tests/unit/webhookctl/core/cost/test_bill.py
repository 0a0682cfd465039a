"""What webhooks cost: the model of a month, and the bill of what CloudWatch counted."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from stack import outputs as names
from stack.settings import settings_for
from tests.fakes_outputs import stack_outputs
from tests.fakes_trip import Trip
from webhookctl.core.cost.bill import ActualReport, actual, estimate
from webhookctl.core.cost.usage import (
    CLAIM_LINE_BYTES,
    LOG_BYTES,
    METRIC_LINE_BYTES,
    compute_gb_seconds,
    messages_a_batch,
    traced_share,
)
from webhookctl.core.metrics import MetricQuery, Series
from webhookctl.core.samples.ids import IdSource
from webhookctl.core.send.compose import Recipe, compose
from webhookctl.errors import NotFoundError

TRACE_ID = "1-5759e988-bd862e3fe1be46a994272793"
TRACE_BYTES = len(f'"traceId":"{TRACE_ID}",')
NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
OUTPUTS = stack_outputs("prod")


class CountedMetrics:
    """Answers with totals by metric and dimension values; what was not counted is an empty series."""

    def __init__(self, totals: Mapping[tuple[str, ...], float]) -> None:
        self._totals = totals

    def read(
        self, queries: Mapping[str, MetricQuery], *, start: datetime, end: datetime, period: timedelta
    ) -> dict[str, Series]:
        """Return one point for each counted metric."""
        assert start < end
        assert period > timedelta()
        found = {key: self._totals.get((q.metric, *q.dimensions.values())) for key, q in queries.items()}
        return {k: Series(points=() if value is None else ((start, value),)) for k, value in found.items()}


THOUSAND = {
    ("Count", "payment-webhooks-prod", "prod"): 1000.0,
    ("ConsumedWriteCapacityUnits", "table"): 2000.0,
    ("ConsumedWriteCapacityUnits", "table", "paymentId-index"): 1000.0,
    ("ConsumedReadCapacityUnits", "table"): 1000.0,
    ("Invocations", "receiver"): 1000.0,
    ("Invocations", "processor"): 100.0,
    ("Duration", "receiver"): 10_000.0,
    ("IncomingBytes", "/aws/lambda/audit"): 2_000_000.0,
    ("IncomingBytes", "/access"): 300_000.0,
}


def bill(
    totals: Mapping[tuple[str, ...], float], *, deployed: str = "prod", settings: str = "prod", is_aws: bool = True
) -> ActualReport:
    return actual(
        OUTPUTS,
        CountedMetrics(totals),
        deployed=settings_for(deployed),
        settings=settings_for(settings),
        is_aws=is_aws,
        since=NOW - timedelta(hours=1),
        now=NOW,
    )


def test_the_bill_prices_what_was_counted() -> None:
    """Table and index writes, batches received and deleted, bytes of the stack's own log groups, compute by memory."""
    report = bill(THOUSAND)
    prices = {line.service: line.usd_per_million for line in report.lines}
    assert (report.webhooks, report.write_units, report.read_units) == (1000, 3.0, 1.0)
    assert prices["API Gateway"] == 3.5
    assert prices["DynamoDB"] == 3 * 0.625 + 0.125
    assert prices["SQS"] == pytest.approx(0.4 * 1.2, abs=0.01)
    assert prices["CloudWatch Logs"] == 1.15
    assert prices["Lambda"] == pytest.approx(0.2 * 1.1 + 10 * 0.5 / 1000 * 13.3334, abs=0.01)
    assert report.usd_per_million == pytest.approx(sum(prices.values()), abs=0.05)


def test_on_aws_at_its_own_settings_everything_is_counted() -> None:
    """Both prices are one; of traces alone no metric tells, so that they are always by the sampling rule."""
    report = bill(THOUSAND)
    assert report.usd_per_million == report.usd_per_million_at_settings
    assert {line.service: line.modelled for line in report.lines if line.modelled} == {"X-Ray": "sampled as in prod"}


def test_off_aws_only_lambdas_time_is_the_models() -> None:
    """How long a function takes on this machine says nothing of AWS; how often it ran does."""
    report = bill(THOUSAND, is_aws=False)
    for line in report.lines:
        if line.service == "Lambda":
            assert line.modelled == "time"
            assert line.at_settings == pytest.approx(0.2 * 1.1 + compute_gb_seconds() * 13.3334, abs=0.01)
        else:
            assert line.at_settings == line.usd_per_million


def test_what_other_settings_change_is_named_and_nothing_else_changes() -> None:
    """Batches and the processor's lines come from the model, with the rate that was counted; capacity stays."""
    report = bill(THOUSAND, deployed="dev", is_aws=False)
    by_service = {line.service: line for line in report.lines}
    assert {name for name, line in by_service.items() if line.modelled} == {"X-Ray", "SQS", "Lambda", "CloudWatch Logs"}
    assert by_service["Lambda"].modelled == "batches and time"
    assert by_service["X-Ray"].usd_per_million == 5.0
    assert by_service["X-Ray"].at_settings == 0.05
    batches = 1 / messages_a_batch(1000 / 3600, settings_for("prod"))
    assert by_service["SQS"].at_settings == pytest.approx(0.4 * (1 + 2 * batches), abs=0.01)
    assert by_service["DynamoDB"].at_settings == by_service["DynamoDB"].usd_per_million


def test_nothing_counted_is_no_bill() -> None:
    """Without a request there is no price of one."""
    with pytest.raises(NotFoundError, match="no request was counted since 2026-01-02 02:04 UTC"):
        bill({})


def test_a_reservoir_takes_every_request_of_a_quiet_hour() -> None:
    """One trace a second is all of a million webhooks a month; production has no reservoir."""
    quiet = settings_for("prod", overrides={"trace_reservoir_per_s": 1})
    assert traced_share(0.4, quiet) == 1.0
    assert traced_share(10.0, quiet) == pytest.approx(0.1 + 0.9 * 0.01)
    assert traced_share(0.4, settings_for("prod")) == 0.01


def test_fuller_batches_make_a_million_cheaper() -> None:
    """At thirty million a month the batches are full; a million spread over a month pays for small ones."""
    prod = settings_for("prod")
    busy, quiet = estimate(30_000_000, prod), estimate(1_000_000, prod)
    assert busy.usd_per_million < quiet.usd_per_million
    assert quiet.fixed_usd_month == busy.fixed_usd_month


def test_a_million_a_month_costs_less_than_8_20_in_production() -> None:
    """Spread evenly, every one a payment; and with a window of a second it would not."""
    prod = settings_for("prod")
    assert estimate(1_000_000, prod).usd_per_million < 8.20
    assert estimate(1_000_000, replace(prod, queue_window_s=1)).usd_per_million > 8.20


def trip_of_a_payment(provider: str) -> Trip:
    """One payment, received, processed and told in the audit log, without a trace."""
    trip = Trip()
    body = compose(Recipe(provider=provider), ids=IdSource(), now=lambda: datetime.now(UTC)).body
    assert trip.send(body, provider=provider) == 200
    trip.drain()
    trip.audit()
    return trip


def test_the_models_log_lines_are_as_long_as_the_real_ones() -> None:
    """The receiver's, the processor's, the audit logger's and the metric line of a payment, within a tenth."""
    whose = {"webhook": "receiver", "processing": "processor", "audit": "audit", "metric": "metric"}
    sizes = dict.fromkeys(whose.values(), 0)
    for line in trip_of_a_payment("stripe").lines:
        sizes[whose[line["type"]]] += len(json.dumps(line, separators=(",", ":")))
    sizes["processor"] += TRACE_BYTES
    sizes["audit"] += 2 * TRACE_BYTES
    expected = {**LOG_BYTES, "metric": METRIC_LINE_BYTES}
    assert {name: expected[name] for name in sizes} == {n: pytest.approx(size, rel=0.1) for n, size in sizes.items()}


def test_the_models_claim_line_is_as_long_as_the_real_one() -> None:
    """A PayPal delivery id leaves one audit line."""
    lines = [line for line in trip_of_a_payment("paypal").lines if line.get("status") == "DELIVERY"]
    (size,) = [len(json.dumps(line, separators=(",", ":"))) for line in lines]
    assert pytest.approx(size + TRACE_BYTES, rel=0.1) == CLAIM_LINE_BYTES


def test_the_models_access_line_is_as_long_as_the_real_one() -> None:
    """With an address, a path and ids of API Gateway's lengths."""
    values = {
        "requestId": "Jh2fYGZhoAMFkIQ=",
        "sourceIp": "198.51.100.124",
        "path": "/webhook/{provider}",
        "status": "200",
        "integrationLatency": "21",
        "xrayTraceId": TRACE_ID,
        "error": "-",
    }
    assert set(values) == set(names.ACCESS_LOG_FIELDS)
    assert LOG_BYTES["access"] == pytest.approx(len(json.dumps(values, separators=(",", ":"))), rel=0.1)


@pytest.mark.parametrize("provider", ["stripe", "square", "paypal"])
def test_a_payments_item_costs_one_write_unit_a_write(provider: str) -> None:
    """Below 1 KB by DynamoDB's own count (names, values, a number half a byte a digit), even of a traced one."""
    (item,) = [item for item in trip_of_a_payment(provider).aws.items.values() if item["status"]["S"] == "PROCESSED"]
    traced = {**item, "traceId": {"S": TRACE_ID}, "traceParent": {"S": "f" * 16}}
    assert sum(len(name) + stored_bytes(value) for name, value in traced.items()) <= 1024


def stored_bytes(value: Mapping[str, object]) -> int:
    """Return the size of an attribute value as it goes over the wire (binary in base64)."""
    ((kind, content),) = value.items()
    text = str(content)
    return {"S": len(text), "B": len(text) * 3 // 4, "N": len(text) // 2 + 2, "BOOL": 1}[kind]
