"""What webhooks use of each service: as a model of a month, and as CloudWatch counted it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from stack import outputs as names
from stack.limits import MEMORY_MB, QUEUE_BATCH_SIZE
from stack.settings import Settings as StackSettings
from webhookctl.core.metrics import MetricQuery, MetricReader
from webhookctl.core.outputs import StackOutputs
from webhookctl.errors import NotFoundError

MONTH: Final = timedelta(days=30.4)
GIB: Final = 1024.0
PUT, UPDATE, INDEX_ENTRY, DELIVERY_CLAIM = 1.0, 1.0, 1.0, 0.1
"""Write units of a webhook: items stay below 1 KB; one with a payment id has an index entry; a PayPal webhook claims
its delivery id, and one in ten webhooks is PayPal's."""
READS: Final = 0.5
"""The processor's one eventually consistent read of up to 4 KB."""
LOG_BYTES: Final = {"access": 200.0, "receiver": 345.0, "processor": 320.0, "audit": 1900.0}
"""A Stripe payment's lines in production, unsampled: one access line, one of the receiver, one of the processor (at
INFO), two of the audit logger. A test measures them."""
METRIC_LINE_BYTES: Final = 250.0
"""The processor's metric line, one a batch and provider."""
MS: Final = {"receiver": 20.0, "processor": 8.0, "audit": 1.0}
"""Billed milliseconds a webhook: measured locally, and about 5 ms for each of the two or three calls that AWS answers
over its network."""
POLLERS: Final = 5
"""Lambda polls a queue with five pollers at least, each gathering a batch of its own."""
QUIET_WAIT_S: Final = 20.0
"""With a batching window, Lambda may wait so long on a quiet queue (its guide, "Using Lambda with Amazon SQS")."""
SHARDS: Final = 4
"""A new on-demand table has four partitions, so its stream has four shards, each batched alone."""
_PERIOD: Final = timedelta(minutes=5)


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


def expected_usage(webhooks: int, settings: StackSettings) -> Usage:
    """Return what a month with so many webhooks would use, spread evenly: bursts fill batches better."""
    rate = webhooks / MONTH.total_seconds()
    messages, records = _messages_a_batch(rate, settings), _records_a_batch(rate, settings)
    processor_bytes = 0.0 if settings.processor_log_level in ("WARN", "WARNING", "ERROR") else LOG_BYTES["processor"]
    log_bytes = LOG_BYTES | {"processor": processor_bytes + METRIC_LINE_BYTES / messages}
    return Usage(
        webhooks=webhooks,
        requests=webhooks,
        invocations=webhooks * (1 + 1 / messages + 2 / records),
        gb_seconds=webhooks * sum(MS[f] / 1000 * MEMORY_MB[f] / GIB for f in MS),
        write_units=webhooks * (PUT + UPDATE + INDEX_ENTRY + DELIVERY_CLAIM),
        read_units=webhooks * READS,
        sqs_requests=webhooks * (1 + 2 / messages),
        log_bytes=webhooks * sum(log_bytes.values()),
        traces=webhooks * traced_share(rate, settings),
    )


def traced_share(rate: float, settings: StackSettings) -> float:
    """Return which share of requests is traced: the first `trace_reservoir_per_s` of a second, and a part of the rest.

    `rate` is in requests a second.
    """
    from_reservoir = min(1.0, settings.trace_reservoir_per_s / rate) if rate else 1.0
    return from_reservoir + (1 - from_reservoir) * settings.trace_rate


def _messages_a_batch(rate: float, settings: StackSettings) -> float:
    waited_s = QUIET_WAIT_S if settings.queue_window_s else 0.0
    return min(float(QUEUE_BATCH_SIZE), 1 + rate * waited_s / POLLERS)


def _records_a_batch(rate: float, settings: StackSettings) -> float:
    return min(float(settings.audit_batch_size), 1 + 2 * rate * settings.audit_window_s / SHARDS)


def measured_usage(
    outputs: StackOutputs, metrics: MetricReader, settings: StackSettings, *, since: datetime, now: datetime
) -> Usage:
    """Return what was used, as CloudWatch counted it. Raises NotFoundError when there was no request.

    No metric counts calls of SQS: each request sends a message, and each batch of the processor is received and
    deleted. Traces are those that `settings` sample of so many requests.
    """
    end = now + timedelta(minutes=1)
    found = metrics.read(_queries(outputs), start=since, end=end, period=_PERIOD)
    sums = {key: series.total for key, series in found.items()}
    requests = sums["requests"]
    if not requests:
        raise NotFoundError(f"no request was counted since {since:%Y-%m-%d %H:%M} UTC", hint="--since 7d")
    return Usage(
        webhooks=requests,
        requests=requests,
        invocations=sum(sums[f"{function} invocations"] for function in MEMORY_MB),
        gb_seconds=sum(sums[f"{f} ms"] / 1000 * MEMORY_MB[f] / GIB for f in MEMORY_MB),
        write_units=sums["table writes"] + sums["index writes"],
        read_units=sums["table reads"] + sums["index reads"],
        sqs_requests=requests + 2 * sums["processor invocations"],
        log_bytes=sum(value for key, value in sums.items() if key.startswith("log ")),
        traces=requests * traced_share(requests / (now - since).total_seconds(), settings),
    )


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
    groups = [names.log_group_name(name) for name in _function_names(outputs).values()]
    groups += [outputs[names.ACCESS_LOG_GROUP], outputs[names.WAF_LOG_GROUP]]
    return {
        f"log {group}": MetricQuery(namespace="AWS/Logs", metric="IncomingBytes", dimensions={"LogGroupName": group})
        for group in groups
    }


def _function_names(outputs: StackOutputs) -> Mapping[str, str]:
    return {
        "receiver": outputs[names.RECEIVER_NAME],
        "processor": outputs[names.PROCESSOR_NAME],
        "audit": outputs[names.AUDIT_NAME],
    }
