"""SQS batch in, item failures out: each message stands alone, and a failed one comes back after a growing delay."""

import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, Protocol

from lambdas.processor.process import Outcome, Processed, Processor, describe
from lambdas.shared import aws, deadline
from lambdas.shared.clock import utc_now
from lambdas.shared.errors import WebhookError
from lambdas.shared.event_store import EventStore
from lambdas.shared.logging import WideLog, metric
from lambdas.shared.providers import get_provider
from lambdas.shared.queue import ProcessingQueue
from lambdas.shared.settings import ProcessorSettings
from lambdas.shared.tracing import AwsCall, Span, TraceHeader, span
from lambdas.shared.webhook import StoredWebhook, message_webhook_id

FUNCTION = "payment-processor"

RECORD_BUDGET_S = 2 * aws.CALL_BUDGET_S
"""Time that must be left to begin with a message: a read and a write at their slowest."""


class LambdaContext(Protocol):
    """What is used of Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends this invocation."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What outlives one invocation: settings, and clients."""

    settings: ProcessorSettings
    events: EventStore
    queue: ProcessingQueue
    log: WideLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One SQS record."""

    message_id: str
    receipt_handle: str
    body: str
    receive_count: int
    trace: TraceHeader

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Message":
        """Read a record of a Lambda SQS event."""
        attributes = record.get("attributes", {})
        return cls(
            message_id=record["messageId"],
            receipt_handle=record["receiptHandle"],
            body=record["body"],
            receive_count=int(attributes.get("ApproximateReceiveCount", "1")),
            trace=TraceHeader.parse(attributes.get("AWSTraceHeader")),
        )


def handle(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Process a batch; the answer names the messages that must come back (ReportBatchItemFailures)."""
    return process_batch(event, context, environment=_environment())


def process_batch(event: Mapping[str, Any], context: LambdaContext, *, environment: Environment) -> dict[str, Any]:
    """Process each message of a batch with the given collaborators. Never raises for a message."""
    settings = environment.settings
    processor = Processor(
        get_provider=get_provider,
        events=environment.events,
        now=utc_now,
        retention=timedelta(days=settings.retention_days),
        allow_failure_injection=settings.allow_failure_injection,
    )
    failures = []
    waits = _Waits()
    with deadline.within(lambda: context.get_remaining_time_in_millis() / 1000):
        for record in event["Records"]:
            message = Message.from_record(record)
            if not _is_done(message, processor, waits, environment=environment):
                failures.append({"itemIdentifier": message.message_id})
    waits.write(environment.log)
    return {"batchItemFailures": failures}


def retry_delay_s(receive_count: int, *, base_s: int, cap_s: int) -> int:
    """Return how long a message stays away after its nth failed receive: the base doubled each time, up to the cap."""
    return int(min(cap_s, base_s * 2 ** min(receive_count - 1, 16)))


def _is_done(message: Message, processor: Processor, waits: "_Waits", *, environment: Environment) -> bool:
    started = utc_now()
    settings = environment.settings
    calls = {"load": AwsCall.table("GetItem", settings.table_name)}
    trip = _Trip(message, processor)
    line: dict[str, Any] = {"type": "processing", "messageId": message.message_id, "attempt": message.receive_count}
    error: Exception | None = None
    try:
        with span(f"{FUNCTION}-{settings.environment}", message.trace, calls=calls) as trace:
            line |= trip.run(trace, waits)
    except Exception as caught:  # noqa: BLE001 - the batch edge: one message's failure must not touch its neighbours
        error = caught
        line |= _give_back(message, trip.webhook, caught, processor, environment=environment)
    line |= _webhook_fields(trip.webhook, message.trace) | {
        "durationMs": round((utc_now() - started).total_seconds() * 1000)
    }
    environment.log.write(line, at=utc_now(), level="ERROR" if error else "INFO")
    return error is None


class _Trip:
    """One message's way through load and process; remembers the webhook for the log line, whatever happens."""

    def __init__(self, message: Message, processor: Processor) -> None:
        self._message = message
        self._processor = processor
        self.webhook: StoredWebhook | None = None

    def run(self, trace: Span, waits: "_Waits") -> dict[str, Any]:
        trace.annotate(attempt=self._message.receive_count, outcome="failed")
        deadline.require(RECORD_BUDGET_S)
        with trace.step("load"):
            webhook = self._processor.load(message_webhook_id(self._message.body))
        self.webhook = webhook
        trace.annotate(
            webhook_id=webhook.webhook_id,
            provider=webhook.provider,
            event_id=webhook.event_id,
            event_type=webhook.event_type,
        )
        with trace.step("normalise"):
            done = self._processor.process(webhook, receive_count=self._message.receive_count)
        trace.annotate(outcome=done.outcome.value)
        kind = done.webhook.event.kind if done.webhook.event else None
        waits.note(done)
        return {"outcome": done.outcome.value, "kind": kind}


class _Waits:
    """How long a batch's webhooks waited until they were processed: one metric line per provider, not per webhook."""

    def __init__(self) -> None:
        self._waited_ms: defaultdict[str, list[int]] = defaultdict(list)

    def note(self, done: Processed) -> None:
        webhook = done.webhook
        if done.outcome is Outcome.PROCESSED and webhook.processed_at is not None:
            waited = webhook.processed_at - webhook.received_at
            self._waited_ms[webhook.provider].append(round(waited.total_seconds() * 1000))

    def write(self, log: WideLog) -> None:
        for provider, waited_ms in self._waited_ms.items():
            values = metric("TimeToProcessed", waited_ms, dimensions=("provider",), at=utc_now(), unit="Milliseconds")
            log.measure({"provider": provider, **values})


def _give_back(
    message: Message, webhook: StoredWebhook | None, error: Exception, processor: Processor, *, environment: Environment
) -> dict[str, Any]:
    """Record the failure on the last receive; otherwise ask for the message back after a growing delay.

    Both are best effort: if AWS refuses, the message still comes back or goes to the DLQ by the queue's own rules.
    """
    settings = environment.settings
    is_last = message.receive_count >= settings.max_receive_count
    described = describe(error, at=utc_now())
    line: dict[str, Any] = {
        "outcome": "dead_lettered" if is_last else "retried",
        "reason": _reason(error),
        "error": described.message,
        "errorClass": described.error_class,
        "fingerprint": described.fingerprint,
    }
    delay_s = (
        0 if is_last else retry_delay_s(message.receive_count, base_s=settings.retry_base_s, cap_s=settings.retry_cap_s)
    )
    try:
        if is_last and webhook is not None:
            processor.record_failure(webhook, error, receive_count=message.receive_count)
        environment.queue.return_after(message.receipt_handle, delay_s=delay_s)
    except Exception as second:  # noqa: BLE001 - the batch edge, as above
        line["secondError"] = _reason(second)
    if webhook is not None:
        line |= metric("Webhooks", 1, dimensions=("outcome", "provider"), at=utc_now())
    return line | {"delayS": delay_s}


def _reason(error: Exception) -> str:
    return error.reason if isinstance(error, WebhookError) else "unforeseen"


def _webhook_fields(webhook: StoredWebhook | None, trace: TraceHeader) -> dict[str, Any]:
    if webhook is None:
        return {}
    return {
        "webhookId": webhook.webhook_id,
        "provider": webhook.provider,
        "eventType": webhook.event_type,
        "traceId": trace.root or webhook.trace_id,  # a delivery again has its own
    }


@cache
def _environment() -> Environment:
    settings = ProcessorSettings.from_environ(os.environ)
    return Environment(
        settings=settings,
        events=EventStore(aws.dynamodb(), settings.table_name),
        queue=ProcessingQueue(aws.sqs(), settings.queue_url),
        log=WideLog(environment=settings.environment, level=settings.log_level),
    )
