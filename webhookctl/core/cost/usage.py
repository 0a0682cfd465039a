"""What webhooks use of each service: a model."""

from dataclasses import dataclass
from datetime import timedelta
from math import expm1
from typing import Final

from stack.limits import MEMORY_MB, QUEUE_BATCH_SIZE, QUEUE_POLLERS
from stack.settings import Settings as StackSettings

MONTH: Final = timedelta(days=30.4)
GIB: Final = 1024.0
PUT, UPDATE, INDEX_ENTRY, DELIVERY_CLAIM = 1.0, 1.0, 1.0, 0.1
"""Write units of a webhook: items stay below 1 KB; one with a payment id has an index entry; a PayPal webhook claims
its delivery id, and one in ten webhooks is PayPal's."""
RECORDS: Final = PUT + UPDATE + DELIVERY_CLAIM
"""Stream records of a webhook, each with an audit line."""
READS: Final = 0.5
"""The processor's one eventually consistent read of up to 4 KB."""
LOG_BYTES: Final = {"access": 200.0, "receiver": 345.0, "processor": 320.0, "audit": 1100.0}
"""A Stripe payment's lines in production, unsampled: one access line, one of the receiver, one of the processor (at
INFO), two of the audit logger. A test measures them."""
CLAIM_LINE_BYTES: Final = 520.0
"""The audit line of a PayPal delivery id."""
METRIC_LINE_BYTES: Final = 265.0
"""The processor's metric line, one a batch and provider."""
REMOVAL_LINE_BYTES: Final = 370.0
"""The audit line of an item whose retention ended."""
MS: Final = {"receiver": 20.0, "processor": 14.0, "audit": 4.0}
"""Billed milliseconds a webhook. Processor time of the handlers with the SDK, measured: 3, 3 and 0.6 ms (of the last,
a 256 MB function has a seventh of a core); and 5 to 8 ms for each of the two calls that DynamoDB or SQS answers over
its network. Cold starts, one in thousands, are left out."""
QUIET_WAIT_S: Final = 20.0
"""With a batching window, Lambda may wait so long on a quiet queue (its guide, "Using Lambda with Amazon SQS")."""
SHARDS: Final = 4
"""A new on-demand table has four partitions, so its stream has four shards, each batched alone."""


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
    batches = 1 / messages_a_batch(rate, settings)
    log_bytes = LOG_BYTES["access"] + LOG_BYTES["receiver"] + LOG_BYTES["audit"] + DELIVERY_CLAIM * CLAIM_LINE_BYTES
    return Usage(
        webhooks=webhooks,
        requests=webhooks,
        invocations=webhooks * (1 + batches + RECORDS / records_a_batch(rate, settings)),
        gb_seconds=webhooks * compute_gb_seconds(),
        write_units=webhooks * (PUT + UPDATE + INDEX_ENTRY + DELIVERY_CLAIM),
        read_units=webhooks * READS,
        sqs_requests=webhooks * (1 + 2 * batches),
        log_bytes=webhooks * (log_bytes + processor_log_bytes(batches, settings)),
        traces=webhooks * traced_share(rate, settings),
    )


def compute_gb_seconds() -> float:
    """Return the compute that a webhook takes in the three functions."""
    return sum(MS[function] / 1000 * MEMORY_MB[function] / GIB for function in MS)


def processor_log_bytes(batches: float, settings: StackSettings) -> float:
    """Return what the processor logs of a webhook that takes part in so many batches (the n-th part of one, mostly)."""
    line = 0.0 if settings.processor_log_level in ("WARN", "WARNING", "ERROR") else LOG_BYTES["processor"]
    return line + METRIC_LINE_BYTES * batches


def traced_share(rate: float, settings: StackSettings) -> float:
    """Return which share of requests is traced: the first `trace_reservoir_per_s` of a second, and a part of the rest.

    `rate` is in requests a second.
    """
    from_reservoir = min(1.0, settings.trace_reservoir_per_s / rate) if rate else 1.0
    return from_reservoir + (1 - from_reservoir) * settings.trace_rate


def messages_a_batch(rate: float, settings: StackSettings) -> float:
    """Return how many messages a batch of the processor has at `rate` webhooks a second."""
    waited_s = max(QUIET_WAIT_S, settings.queue_window_s) if settings.queue_window_s else 0.0
    return _gathered(rate * waited_s / QUEUE_POLLERS, most=QUEUE_BATCH_SIZE)


def records_a_batch(rate: float, settings: StackSettings) -> float:
    """Return how many records a batch of the audit logger has at `rate` webhooks a second."""
    return _gathered(RECORDS * rate * settings.audit_window_s / SHARDS, most=settings.audit_batch_size)


def _gathered(expected: float, *, most: int) -> float:
    """Return the mean of what arrives at random in a window where so many are expected, if there is any."""
    return min(float(most), expected / -expm1(-expected)) if expected else 1.0
