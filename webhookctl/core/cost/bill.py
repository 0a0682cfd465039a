"""What an environment costs: priced from the dated table `prices.json`, per service, with what drives each line."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import ClassVar, Final

from stack.outputs import PROVIDERS
from stack.settings import Settings as StackSettings
from webhookctl.core.cost.counted import LAMBDA, LOGS, SQS, X_RAY, count, usage_at, usage_of
from webhookctl.core.cost.usage import DELIVERY_CLAIM, MONTH, REMOVAL_LINE_BYTES, Usage, expected_usage
from webhookctl.core.metrics import MetricReader
from webhookctl.core.outputs import StackOutputs

MILLION: Final = 1_000_000
WEB_ACL_RULES: Final = 3
SECRETS: Final = len(PROVIDERS) + 1
ALARMS: Final = 15
"""Tests count rules, secrets and alarms in the template."""
QUIET_ALARM_METRICS: Final = len(PROVIDERS)
"""Production's alarm on silence adds up the webhooks of every provider; each of its metrics is priced as an alarm."""
METRICS: Final = 10
"""Custom metrics in use: three providers with three outcomes or so, and the time to processed."""
_EMPTY_POLLS_S: Final = 20 / 5
"""An idle queue is polled for 20 s by each of five pollers."""
_SECRET_CALLS_S: Final = 60 / len(PROVIDERS)
"""A warm receiver asks for each provider's secret once a minute; each answer is a decryption too."""
_TABLE_KEY_S: Final = 300 / 3
"""DynamoDB asks for its table key every five minutes for each of three functions (DynamoDB developer guide, "Usage
notes"); SQS asks for a data key three times an hour, which is nothing beside it."""
ITEM_GB: Final = 1.5e-6
"""A stored webhook with its index entry and DynamoDB's own 100 bytes for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLine:
    """One service. `usd_per_million` is the price of a million webhooks; `lever` is what changes it."""

    TABLE: ClassVar = ("service", "units", "usd", "usd_per_million", "lever")
    SPARE: ClassVar = ("usd",)
    WHOLE: ClassVar = ("units",)
    service: str
    units: str
    usd: float
    usd_per_million: float
    lever: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedLine:
    """What a month costs without any webhook."""

    fixed: str
    units: str
    usd_month: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CostReport:
    """A bill. List prices; the free tier and taxes are left out.

    `fixed_usd_month` does not depend on traffic. `kept_usd_month` is what these webhooks cost in each month that the
    table keeps them, `removed_usd` what it costs to log their removal at the end.
    """

    prices_as_of: str
    region: str
    webhooks: int
    usd: float
    usd_per_million: float
    fixed_usd_month: float
    kept_usd_month: float
    removed_usd: float
    lines: tuple[CostLine, ...]
    fixed: tuple[FixedLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedLine:
    """One service as it was counted, and what the same webhooks cost at other settings.

    `modelled`: what of the latter was not counted but comes from the model; empty: nothing.
    """

    TABLE: ClassVar = ("service", "units", "usd_per_million", "at_settings", "modelled")
    WHOLE: ClassVar = ("units",)
    service: str
    units: str
    usd: float
    usd_per_million: float
    at_settings: float
    modelled: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActualReport:
    """The bill of what CloudWatch counted: as it is, and at the settings of `settings_of` on AWS.

    List prices; the free tier and taxes are left out. `write_units` and `read_units` are the capacity that DynamoDB
    says it consumed, table and index, for each webhook.
    """

    prices_as_of: str
    region: str
    webhooks: int
    write_units: float
    read_units: float
    usd: float
    usd_per_million: float
    settings_of: str
    usd_per_million_at_settings: float
    lines: tuple[ComparedLine, ...]


def estimate(webhooks: int, settings: StackSettings) -> CostReport:
    """Price a month with so many webhooks at an environment's settings."""
    return _report(expected_usage(webhooks, settings), settings)


def actual(
    outputs: StackOutputs,
    metrics: MetricReader,
    *,
    deployed: StackSettings,
    settings: StackSettings,
    is_aws: bool,
    since: datetime,
    now: datetime,
) -> ActualReport:
    """Price what was really used, as CloudWatch counted it, and the same webhooks at `settings` on AWS.

    `deployed` are the environment's own settings. Raises NotFoundError when there was no request.
    """
    counted = count(outputs, metrics, since=since, now=now)
    usage = usage_of(counted, deployed)
    there, modelled = usage_at(counted, settings, deployed=deployed, is_aws=is_aws)
    lines = _compared(usage, there, modelled)
    return ActualReport(
        prices_as_of=str(load_prices()["as_of"]),
        region=str(load_prices()["region"]),
        webhooks=round(usage.webhooks),
        write_units=round(usage.write_units / usage.webhooks, 3),
        read_units=round(usage.read_units / usage.webhooks, 3),
        usd=round(sum(line.usd for line in lines), 4),
        usd_per_million=_per_million(usage),
        settings_of=settings.environment,
        usd_per_million_at_settings=_per_million(there),
        lines=lines,
    )


def _compared(usage: Usage, there: Usage, modelled: Mapping[str, str]) -> tuple[ComparedLine, ...]:
    other = {line.service: line.usd_per_million for line in _lines(there)}
    return tuple(
        ComparedLine(
            service=line.service,
            units=line.units,
            usd=line.usd,
            usd_per_million=line.usd_per_million,
            at_settings=other[line.service],
            modelled=modelled.get(line.service, ""),
        )
        for line in _lines(usage)
    )


def _per_million(used: Usage) -> float:
    return round(sum(price(used) for _, _, _, price, _ in _SERVICES) * MILLION / used.webhooks, 2)


def _report(usage: Usage, settings: StackSettings) -> CostReport:
    lines = tuple(_lines(usage))
    fixed = tuple(_fixed(settings))
    usd = sum(line.usd for line in lines)
    kept = _price("dynamodb_gb_month") + (_price("dynamodb_recovery_gb_month") if settings.protected else 0)
    return CostReport(
        prices_as_of=str(load_prices()["as_of"]),
        region=str(load_prices()["region"]),
        webhooks=round(usage.webhooks),
        usd=round(usd, 4),
        usd_per_million=_per_million(usage),
        fixed_usd_month=round(sum(line.usd_month for line in fixed), 2),
        kept_usd_month=round(usage.webhooks * ITEM_GB * kept, 4),
        removed_usd=round(usage.webhooks * (1 + DELIVERY_CLAIM) * REMOVAL_LINE_BYTES / 1e9 * _price("logs_per_gb"), 4),
        lines=lines,
        fixed=fixed,
    )


@cache
def load_prices() -> Mapping[str, float | str]:
    """Return the dated price table."""
    prices: dict[str, float | str] = json.loads(files("webhookctl").joinpath("prices.json").read_text("utf-8"))
    return prices


def _price(name: str) -> float:
    return float(load_prices()[name])


def _of(units: float, name: str) -> float:
    return units / MILLION * _price(name)


def _lines(used: Usage) -> Iterator[CostLine]:
    for service, units, unit, price, lever in _SERVICES:
        usd = price(used)
        yield CostLine(
            service=service,
            units=f"{units(used):,.0f} {unit}",
            usd=round(usd, 4),
            usd_per_million=round(usd * MILLION / used.webhooks, 2),
            lever=lever,
        )


_Measure = Callable[[Usage], float]
_SERVICES: Final[tuple[tuple[str, _Measure, str, _Measure, str], ...]] = (
    (
        "API Gateway",
        lambda used: used.requests,
        "requests",
        lambda used: _of(used.requests, "api_gateway_per_million"),
        "none: one a webhook",
    ),
    ("WAF", lambda used: used.requests, "requests", lambda used: _of(used.requests, "waf_per_million"), "none"),
    (
        LAMBDA,
        lambda used: used.invocations,
        "invocations",
        lambda used: _of(used.invocations, "lambda_per_million") + used.gb_seconds * _price("lambda_arm_gb_second"),
        "batching windows",
    ),
    (
        "DynamoDB",
        lambda used: used.write_units,
        "write units",
        lambda used: (
            _of(used.write_units, "dynamodb_write_per_million") + _of(used.read_units, "dynamodb_read_per_million")
        ),
        "items under 1 KB",
    ),
    (
        SQS,
        lambda used: used.sqs_requests,
        "requests",
        lambda used: _of(used.sqs_requests, "sqs_per_million"),
        "queue_window_s",
    ),
    (
        LOGS,
        lambda used: used.log_bytes / MILLION,
        "MB",
        lambda used: used.log_bytes / 1e9 * _price("logs_per_gb"),
        "processor_log_level",
    ),
    (X_RAY, lambda used: used.traces, "traces", lambda used: _of(used.traces, "xray_per_million"), "trace_rate"),
)


def _fixed(settings: StackSettings) -> Iterator[FixedLine]:
    month_s = MONTH.total_seconds()
    alarms = ALARMS + QUIET_ALARM_METRICS * bool(settings.quiet_alarm_hours)
    secret_calls, key_calls, polls = month_s / _SECRET_CALLS_S, month_s / _TABLE_KEY_S, month_s / _EMPTY_POLLS_S
    for what, units, usd in (
        (
            "web ACL",
            f"1 with {WEB_ACL_RULES} rules",
            _price("waf_acl_month") + WEB_ACL_RULES * _price("waf_rule_month"),
        ),
        ("KMS", f"1 key, {key_calls:,.0f} calls", _price("kms_key_month") + _of(key_calls, "kms_per_million")),
        (
            "secrets",
            f"{SECRETS}, {secret_calls:,.0f} reads",
            SECRETS * _price("secret_month")
            + _of(secret_calls, "secret_call_per_million")
            + _of(secret_calls, "kms_per_million"),
        ),
        ("alarms", str(alarms), alarms * _price("alarm_month")),
        ("dashboard", "1", _price("dashboard_month")),
        ("custom metrics", str(METRICS), METRICS * _price("metric_month")),
        ("SQS", f"{polls:,.0f} empty polls", _of(polls, "sqs_per_million")),
    ):
        yield FixedLine(fixed=what, units=units, usd_month=round(usd, 2))
