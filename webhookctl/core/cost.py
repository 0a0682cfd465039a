"""What an environment costs: priced from the dated table `prices.json`, per service, with what drives each line."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from typing import ClassVar, Final

from stack import outputs as names
from stack.settings import Settings as StackSettings
from webhookctl.core.metrics import MetricQuery, MetricReader
from webhookctl.core.outputs import StackOutputs
from webhookctl.errors import NotFoundError

MILLION: Final = 1_000_000
MEMORY_MB: Final = {"receiver": 512, "processor": 512, "audit": 256}
"""As the stack gives the functions."""
_GIB: Final = 1024.0
_WRITES: Final = 3.1
"""A webhook's write units: the put, the update to PROCESSED, one index entry, and a PayPal delivery record at times."""
_READS: Final = 1.0
_SQS: Final = 1.4
"""Send, and a batch's share of receiving and deleting."""
_LOG_BYTES: Final = {"receiver": 600, "processor": 500, "audit": 1100, "access": 450}
_MS: Final = {"receiver": 12.0, "processor": 6.0, "audit": 2.0}
_INVOCATIONS: Final = {"receiver": 1.0, "processor": 0.3, "audit": 0.1}
_KMS: Final = 0.01
_FIXED: Final = {"waf_rules": 3, "secrets": 4, "alarms": 13}


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLine:
    """One service. `usd_per_million` is the price of a million webhooks; `lever` is what changes it."""

    TABLE: ClassVar = ("service", "units", "usd", "usd_per_million", "lever")
    service: str
    units: str
    usd: float
    usd_per_million: float
    lever: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CostReport:
    """A bill. `fixed_usd_month` does not depend on traffic. List prices; the free tier and taxes are left out."""

    prices_as_of: str
    region: str
    webhooks: int
    usd: float
    usd_per_million: float
    fixed_usd_month: float
    lines: tuple[CostLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What was used. Sizes in bytes, compute in GB-seconds."""

    webhooks: float
    requests: float
    invocations: float
    gb_seconds: float
    write_units: float
    read_units: float
    sqs_requests: float
    log_bytes: float
    traces: float
    kms_calls: float


def estimate(webhooks: int, settings: StackSettings) -> CostReport:
    """Price a month with so many webhooks at an environment's settings."""
    gb_seconds = sum(_MS[f] / 1000 * MEMORY_MB[f] / _GIB for f in MEMORY_MB)
    return _report(
        Usage(
            webhooks=webhooks,
            requests=webhooks,
            invocations=webhooks * sum(_INVOCATIONS.values()),
            gb_seconds=webhooks * gb_seconds,
            write_units=webhooks * _WRITES,
            read_units=webhooks * _READS,
            sqs_requests=webhooks * _SQS,
            log_bytes=webhooks * sum(_LOG_BYTES.values()),
            traces=webhooks * settings.trace_rate,
            kms_calls=webhooks * _KMS,
        )
    )


def actual(
    outputs: StackOutputs, metrics: MetricReader, settings: StackSettings, *, since: datetime, now: datetime
) -> CostReport:
    """Price what was really used, as CloudWatch counted it.

    Where a service publishes no metric (DynamoDB's and SQS's on the local environment) its units are the usual ones of
    as many webhooks. Raises NotFoundError when there was no request.
    """
    functions = {
        "receiver": outputs[names.RECEIVER_NAME],
        "processor": outputs[names.PROCESSOR_NAME],
        "audit": outputs[names.AUDIT_NAME],
    }
    found = metrics.read(_queries(outputs, functions), start=since, end=now + timedelta(minutes=1), period=_PERIOD)
    sums = {key: series.total for key, series in found.items()}
    requests = sums["requests"]
    if not requests:
        raise NotFoundError(f"no request was counted since {since:%Y-%m-%d %H:%M} UTC", hint="--since 7d")
    milliseconds = {f: sums[f"{f} ms"] for f in functions}
    return _report(
        Usage(
            webhooks=requests,
            requests=requests,
            invocations=sum(sums[f"{f} invocations"] for f in functions),
            gb_seconds=sum(ms / 1000 * MEMORY_MB[f] / _GIB for f, ms in milliseconds.items()),
            write_units=sums["writes"] or requests * _WRITES,
            read_units=sums["reads"] or requests * _READS,
            sqs_requests=requests * _SQS,
            log_bytes=sums["log bytes"] or requests * sum(_LOG_BYTES.values()),
            traces=requests * settings.trace_rate,
            kms_calls=requests * _KMS,
        )
    )


_PERIOD: Final = timedelta(minutes=5)


def _queries(outputs: StackOutputs, functions: Mapping[str, str]) -> dict[str, MetricQuery]:
    table = {"TableName": outputs[names.TABLE_NAME]}
    api = {"ApiName": names.api_name(outputs.environment), "Stage": names.STAGE}
    queries = {
        "requests": MetricQuery(namespace="AWS/ApiGateway", metric="Count", dimensions=api),
        "writes": MetricQuery(namespace="AWS/DynamoDB", metric="ConsumedWriteCapacityUnits", dimensions=table),
        "reads": MetricQuery(namespace="AWS/DynamoDB", metric="ConsumedReadCapacityUnits", dimensions=table),
        "log bytes": MetricQuery(namespace="AWS/Logs", metric="IncomingBytes"),
    }
    for function, name in functions.items():
        dimensions = {"FunctionName": name}
        queries[f"{function} invocations"] = MetricQuery(
            namespace="AWS/Lambda", metric="Invocations", dimensions=dimensions
        )
        queries[f"{function} ms"] = MetricQuery(namespace="AWS/Lambda", metric="Duration", dimensions=dimensions)
    return queries


def _report(usage: Usage) -> CostReport:
    prices = load_prices()
    lines = tuple(
        CostLine(
            service=service,
            units=f"{units:,.0f} {unit}",
            usd=round(usd, 4),
            usd_per_million=round(usd * MILLION / usage.webhooks, 2),
            lever=lever,
        )
        for service, units, unit, usd, lever in _priced(usage, prices)
    )
    usd = sum(line.usd for line in lines)
    return CostReport(
        prices_as_of=str(prices["as_of"]),
        region=str(prices["region"]),
        webhooks=round(usage.webhooks),
        usd=round(usd, 4),
        usd_per_million=round(usd * MILLION / usage.webhooks, 2),
        fixed_usd_month=round(_fixed(prices), 2),
        lines=lines,
    )


def load_prices() -> Mapping[str, float | str]:
    """Return the dated price table."""
    prices: dict[str, float | str] = json.loads(files("webhookctl").joinpath("prices.json").read_text("utf-8"))
    return prices


def _price(prices: Mapping[str, float | str], name: str) -> float:
    return float(prices[name])


def _priced(used: Usage, prices: Mapping[str, float | str]) -> tuple[tuple[str, float, str, float, str], ...]:
    def of(units: float, name: str) -> float:
        return units / MILLION * _price(prices, name)

    compute = of(used.invocations, "lambda_per_million") + used.gb_seconds * _price(prices, "lambda_arm_gb_second")
    table = of(used.write_units, "dynamodb_write_per_million") + of(used.read_units, "dynamodb_read_per_million")
    logs = used.log_bytes / 1e9 * _price(prices, "logs_per_gb")
    return (
        ("API Gateway", used.requests, "requests", of(used.requests, "api_gateway_per_million"), "none: one a webhook"),
        ("WAF", used.requests, "requests", of(used.requests, "waf_per_million"), "none: one a webhook"),
        ("Lambda", used.invocations, "invocations", compute, "memory, batch sizes"),
        ("DynamoDB", used.write_units, "write units", table, "items under 1 KB, no further index"),
        ("SQS", used.sqs_requests, "requests", of(used.sqs_requests, "sqs_per_million"), "batch size"),
        ("CloudWatch Logs", used.log_bytes / MILLION, "MB", logs, "log_level, log filter of the WAF"),
        ("X-Ray", used.traces, "traces", of(used.traces, "xray_per_million"), "trace_rate in webhookctl.toml"),
        ("KMS", used.kms_calls, "calls", of(used.kms_calls, "kms_per_million"), "data key reuse of the queues"),
    )


def _fixed(prices: Mapping[str, float | str]) -> float:
    return (
        _price(prices, "waf_acl_month")
        + _FIXED["waf_rules"] * _price(prices, "waf_rule_month")
        + _price(prices, "kms_key_month")
        + _FIXED["secrets"] * _price(prices, "secret_month")
        + _FIXED["alarms"] * _price(prices, "alarm_month")
    )
