"""What webhooks used of each service, as CloudWatch counted it; and what the same ones use at other settings."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from stack import outputs as names
from stack.limits import MEMORY_MB
from stack.settings import Settings as StackSettings
from webhookctl.core.cost.usage import (
    GIB,
    RECORDS,
    Usage,
    compute_gb_seconds,
    messages_a_batch,
    processor_log_bytes,
    records_a_batch,
    traced_share,
)
from webhookctl.core.metrics import MetricQuery, MetricReader
from webhookctl.core.outputs import StackOutputs
from webhookctl.errors import NotFoundError

LAMBDA, SQS, LOGS, X_RAY = "Lambda", "SQS", "CloudWatch Logs", "X-Ray"
_PERIOD: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What CloudWatch counted. By function: invocations and their milliseconds; by log group's owner: bytes.

    `rate` is in requests a second.
    """

    requests: float
    rate: float
    invocations: Mapping[str, float]
    ms: Mapping[str, float]
    write_units: float
    read_units: float
    log_bytes: Mapping[str, float]


def count(outputs: StackOutputs, metrics: MetricReader, *, since: datetime, now: datetime) -> Counted:
    """Read the counts. Raises NotFoundError when there was no request."""
    end = now + timedelta(minutes=1)
    found = metrics.read(_queries(outputs), start=since, end=end, period=_PERIOD)
    sums = {key: series.total for key, series in found.items()}
    requests = sums["requests"]
    if not requests:
        raise NotFoundError(f"no request was counted since {since:%Y-%m-%d %H:%M} UTC", hint="--since 7d")
    return Counted(
        requests=requests,
        rate=requests / (now - since).total_seconds(),
        invocations={function: sums[f"{function} invocations"] for function in MEMORY_MB},
        ms={function: sums[f"{function} ms"] for function in MEMORY_MB},
        write_units=sums["table writes"] + sums["index writes"],
        read_units=sums["table reads"] + sums["index reads"],
        log_bytes={key.removeprefix("log "): value for key, value in sums.items() if key.startswith("log ")},
    )


def usage_of(counted: Counted, settings: StackSettings) -> Usage:
    """Return the usage as it was counted.

    No metric counts calls of SQS: each request sends a message, and each batch of the processor is received and
    deleted. Traces are those that `settings` sample of so many requests.
    """
    return Usage(
        webhooks=counted.requests,
        requests=counted.requests,
        invocations=sum(counted.invocations.values()),
        gb_seconds=sum(ms / 1000 * MEMORY_MB[function] / GIB for function, ms in counted.ms.items()),
        write_units=counted.write_units,
        read_units=counted.read_units,
        sqs_requests=counted.requests + 2 * counted.invocations["processor"],
        log_bytes=sum(counted.log_bytes.values()),
        traces=counted.requests * traced_share(counted.rate, settings),
    )


def usage_at(
    counted: Counted, settings: StackSettings, *, deployed: StackSettings, is_aws: bool
) -> tuple[Usage, Mapping[str, str]]:
    """Return what the same webhooks use at `settings` on AWS, and by service what of it the model had to say.

    Replaced is only what was not seen here: Lambda's time on a machine that is not AWS's, and what `deployed` does in
    another way: batches, the processor's log level. Requests, capacity and every other log line are as counted.
    """
    modelled = {X_RAY: f"sampled as in {settings.environment}"}
    invocations, log_bytes = dict(counted.invocations), dict(counted.log_bytes)
    if _windows(settings) != _windows(deployed):
        modelled |= {SQS: "batches", LAMBDA: "batches"}
        invocations["processor"] = counted.requests / messages_a_batch(counted.rate, settings)
        invocations["audit"] = RECORDS * counted.requests / records_a_batch(counted.rate, settings)
    if SQS in modelled or settings.processor_log_level != deployed.processor_log_level:
        modelled[LOGS] = "the processor's lines"
        batches = invocations["processor"] / counted.requests
        log_bytes["processor"] = counted.requests * processor_log_bytes(batches, settings)
    usage = usage_of(replace(counted, invocations=invocations, log_bytes=log_bytes), settings)
    if is_aws:
        return usage, modelled
    modelled[LAMBDA] = " and ".join(filter(None, [modelled.get(LAMBDA), "time"]))
    return replace(usage, gb_seconds=counted.requests * compute_gb_seconds()), modelled


def _windows(settings: StackSettings) -> tuple[int, int]:
    return settings.queue_window_s, settings.audit_window_s


def _queries(outputs: StackOutputs) -> dict[str, MetricQuery]:
    api = {"ApiName": names.api_name(outputs.environment), "Stage": names.STAGE}
    queries = {"requests": MetricQuery(namespace="AWS/ApiGateway", metric="Count", dimensions=api)}
    return queries | _capacity(outputs) | _functions(outputs) | _logs(outputs)


def _capacity(outputs: StackOutputs) -> dict[str, MetricQuery]:
    table = {"TableName": outputs[names.TABLE_NAME]}
    places = {"table": table, "index": {**table, "GlobalSecondaryIndexName": names.PAYMENT_INDEX}}
    return {
        f"{place} {kind.lower()}s": MetricQuery(
            namespace="AWS/DynamoDB", metric=f"Consumed{kind}CapacityUnits", dimensions=dimensions
        )
        for place, dimensions in places.items()
        for kind in ("Read", "Write")
    }


def _functions(outputs: StackOutputs) -> dict[str, MetricQuery]:
    return {
        f"{function} {key}": MetricQuery(namespace="AWS/Lambda", metric=metric, dimensions={"FunctionName": name})
        for function, name in _function_names(outputs).items()
        for key, metric in (("invocations", "Invocations"), ("ms", "Duration"))
    }


def _logs(outputs: StackOutputs) -> dict[str, MetricQuery]:
    groups = {whose: names.log_group_name(name) for whose, name in _function_names(outputs).items()}
    groups |= {"access": outputs[names.ACCESS_LOG_GROUP], "waf": outputs[names.WAF_LOG_GROUP]}
    return {
        f"log {whose}": MetricQuery(namespace="AWS/Logs", metric="IncomingBytes", dimensions={"LogGroupName": group})
        for whose, group in groups.items()
    }


def _function_names(outputs: StackOutputs) -> Mapping[str, str]:
    return {
        "receiver": outputs[names.RECEIVER_NAME],
        "processor": outputs[names.PROCESSOR_NAME],
        "audit": outputs[names.AUDIT_NAME],
    }
