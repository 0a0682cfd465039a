"""The whole trip in one process: the real handlers over `FakeAws`, with a sender, pollers and the audit log."""

import base64
import io
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from lambdas.audit import handler as audit_handler
from lambdas.processor import handler as processor_handler
from lambdas.receiver import handler as receiver_handler
from lambdas.shared.audit_record import parse_audit_keys
from lambdas.shared.audit_wire import lengthen
from lambdas.shared.event_store import EventStore
from lambdas.shared.logging import WideLog
from lambdas.shared.providers import Options, get_provider
from lambdas.shared.providers.base import Key, ProviderSecret
from lambdas.shared.providers.paypal_test_ca import TestCa, make_test_ca
from lambdas.shared.queue import ProcessingQueue
from lambdas.shared.secret_store import SecretStore
from lambdas.shared.settings import AuditSettings, ProcessorSettings, ReceiverSettings
from lambdas.shared.webhook import StoredWebhook
from stack import limits
from tests.fakes_aws import FakeAws
from webhookctl.core.audit.state import States

MAX_BODY_BYTES = limits.MAX_BODY_BYTES
NOTIFICATION_URL = "https://hooks.test.invalid/prod/webhook/square"


@cache
def test_ca() -> TestCa:
    """Return the one test authority of this test run."""
    return make_test_ca(now=datetime.now(UTC))


test_ca.__test__ = False  # type: ignore[attr-defined]


def secret(provider: str, *values: str) -> ProviderSecret:
    """Return a provider's secret with these keys, newest first."""
    keys = tuple(Key(id=f"k{i}", value=v) for i, v in enumerate(values or ("whsec_planted-key-of-the-test",)))
    extra: dict[str, Any] = {"square": {"notificationUrl": NOTIFICATION_URL}}.get(provider, {})
    if provider == "paypal":
        extra = {"trustPems": [], "testCa": test_ca().trust()}
    return ProviderSecret(keys=keys, extra=extra)


def stripe_body(event_id: str = "evt_1", **changes: Any) -> bytes:
    """Return a `payment_intent.succeeded` snapshot event, `changes` laid over its top level."""
    intent = {"id": "pi_1", "object": "payment_intent", "amount": 1200, "amount_received": 1200, "currency": "eur"}
    event = {
        "id": event_id,
        "object": "event",
        "api_version": "2025-03-31.basil",
        "created": 1_750_000_000,
        "livemode": False,
        "pending_webhooks": 1,
        "type": "payment_intent.succeeded",
        "data": {"object": {**intent, "status": "succeeded"}},
    }
    return json.dumps({**event, **changes}).encode()


def square_body(event_id: str = "sq-1", payment_id: str = "pay-1") -> bytes:
    """Return a `payment.updated` event of a payment completed yesterday: one older than the retention is refused."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    payment = {"id": payment_id, "status": "COMPLETED", "amount_money": {"amount": 900, "currency": "USD"}}
    event = {
        "merchant_id": "M1",
        "type": "payment.updated",
        "event_id": event_id,
        "created_at": f"{yesterday:%Y-%m-%d}T03:04:05Z",
        "data": {"type": "payment", "id": payment_id, "object": {"payment": payment}},
    }
    return json.dumps(event).encode()


def paypal_body(event_id: str = "WH-1", capture_id: str = "CAP1") -> bytes:
    """Return a `PAYMENT.CAPTURE.COMPLETED` event."""
    resource = {"id": capture_id, "status": "COMPLETED", "amount": {"value": "30.00", "currency_code": "USD"}}
    event = {
        "id": event_id,
        "event_version": "1.0",
        "create_time": "2026-01-02T03:04:05Z",
        "resource_type": "capture",
        "resource_version": "2.0",
        "event_type": "PAYMENT.CAPTURE.COMPLETED",
        "summary": "Payment completed",
        "resource": resource,
        "links": [],
    }
    return json.dumps(event).encode()


BODIES = {"stripe": stripe_body(), "square": square_body(), "paypal": paypal_body()}
IDS = {"stripe": "stripe:evt_1", "square": "square:sq-1", "paypal": "paypal:WH-1"}


def signed_headers(provider: str, body: bytes, *, secret: ProviderSecret, skew_s: float = 0) -> dict[str, str]:
    """Return what the provider would send with `body`, signed `skew_s` seconds from now."""
    if provider == "paypal":
        secret = ProviderSecret(keys=secret.keys, extra={**secret.extra, "signing": test_ca().signing()})
    at = datetime.now(UTC) + timedelta(seconds=skew_s)
    return get_provider(provider, Options(allow_test_ca=True)).sign(body, secret, at=at)


def gateway_event(provider: str, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the REST API proxy event of a POST with these exact bytes."""
    return {
        "resource": "/webhook/{provider}",
        "httpMethod": "POST",
        "pathParameters": {"provider": provider},
        "headers": dict(headers),
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "requestContext": {"requestId": uuid.uuid4().hex, "identity": {"sourceIp": "127.0.0.1"}},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


@dataclass
class LambdaContext:
    """Lambda's context: what is left of `seconds` on the account's clock."""

    clock: Callable[[], float]
    seconds: float
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.clock()

    def get_remaining_time_in_millis(self) -> int:
        """Return the time left."""
        return int((self.seconds - (self.clock() - self.started)) * 1000)


@dataclass
class Trip:
    """The three functions of one environment, warm. `cold()` starts them afresh, as a new Lambda instance would."""

    aws: FakeAws = field(default_factory=FakeAws)
    lines: list[dict[str, Any]] = field(default_factory=list)
    receiver_timeout_s: float = limits.RECEIVER_TIMEOUT_S
    processor_timeout_s: float = limits.PROCESSOR_TIMEOUT_S
    audited: int = 0
    allow_failure_injection: bool = True
    retention_days: int = 90
    refuse_outlived: bool = True

    def __post_init__(self) -> None:
        for provider in ("stripe", "square", "paypal"):
            self.aws.secrets.setdefault(provider, secret(provider).to_json())
        self.aws.secrets.setdefault("audit", '{"v":1,"keys":[{"id":"a1","value":"audit-seal-planted"}]}')
        self._clients = {name: self.aws.client(name) for name in ("dynamodb", "sqs", "secretsmanager")}
        self.cold()

    def cold(self) -> None:
        """Forget every cache of the functions."""
        events = EventStore(self._clients["dynamodb"], "webhooks")
        queue = ProcessingQueue(self._clients["sqs"], "http://aws.invalid/queue")
        self.receiver = receiver_handler.Environment(
            settings=ReceiverSettings(
                environment="test",
                log_level="INFO",
                table_name="webhooks",
                queue_url="http://aws.invalid/queue",
                secret_arns={name: name for name in ("stripe", "square", "paypal")},
                allow_test_ca=True,
                refuse_outlived=self.refuse_outlived,
                max_body_bytes=MAX_BODY_BYTES,
                retention_days=self.retention_days,
            ),
            secrets=SecretStore(self._clients["secretsmanager"], ProviderSecret.from_json, monotonic=self.aws.clock),
            events=events,
            queue=queue,
            log=WideLog(environment="test", level="INFO"),
        )
        self.processor = processor_handler.Environment(
            settings=ProcessorSettings(
                environment="test",
                log_level="INFO",
                table_name="webhooks",
                queue_url="http://aws.invalid/queue",
                max_receive_count=self.aws.max_receive_count,
                retry_base_s=1,
                retry_cap_s=60,
                allow_failure_injection=self.allow_failure_injection,
                retention_days=self.retention_days,
            ),
            events=events,
            queue=queue,
            log=WideLog(environment="test", level="INFO"),
        )
        self.auditor = audit_handler.Environment(
            settings=AuditSettings(environment="test", log_level="INFO", audit_key_arn="audit"),
            keys=SecretStore(self._clients["secretsmanager"], parse_audit_keys, monotonic=self.aws.clock),
            log=WideLog(environment="test", level="INFO"),
        )

    # -- sending -----------------------------------------------------------------------------------------------

    def send(self, body: bytes, *, provider: str = "stripe", skew_s: float = 0, key: str | None = None) -> int:
        """Deliver a signed webhook and return the HTTP status."""
        signing = secret(provider, *([key] if key else []))
        return self.post(provider, body, signed_headers(provider, body, secret=signing, skew_s=skew_s))

    def post(self, provider: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Deliver exact bytes and headers; return the HTTP status."""
        return int(self.invoke_receiver(gateway_event(provider, body, headers))["statusCode"])

    def invoke_receiver(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Run the receiver on a gateway event."""
        with self._logged():
            context = LambdaContext(self.aws.clock, self.receiver_timeout_s)
            return receiver_handler.respond(event, context, environment=self.receiver)

    # -- pollers -----------------------------------------------------------------------------------------------

    def poll_queue(self) -> int:
        """Run the processor on the next batch and delete what it finished; return the batch's size."""
        event = self.aws.receive()
        if event["Records"]:
            self.aws.delete(event, self.invoke_processor(event))
        return len(event["Records"])

    def invoke_processor(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Run the processor on a batch, deleting nothing."""
        with self._logged():
            context = LambdaContext(self.aws.clock, self.processor_timeout_s)
            return processor_handler.process_batch(event, context, environment=self.processor)

    def drain(self) -> None:
        """Poll, letting time pass, until the queue is empty: every message is processed or in the DLQ."""
        for _ in range(10_000):
            if not self.aws.queue:
                return
            if self.poll_queue() == 0 and self.aws.queue:
                self.aws.clock.advance(max(0.0, min(m.visible_at for m in self.aws.queue.values()) - self.aws.clock()))
        raise AssertionError("the queue never empties")

    def audit(self, *, batch: int = 100) -> None:
        """Run the audit logger over the stream from where it stood, as Lambda's poller does (without retries)."""
        while self.audited < len(self.aws.stream):
            records = self.aws.stream[self.audited : self.audited + batch]
            with self._logged():
                audit_handler.record_batch({"Records": records}, environment=self.auditor)
            self.audited += len(records)

    @contextmanager
    def _logged(self) -> Iterator[None]:
        out = io.StringIO()
        try:
            with redirect_stdout(out):
                yield
        finally:
            self.lines.extend(json.loads(line) for line in out.getvalue().splitlines())

    # -- looking -----------------------------------------------------------------------------------------------

    def stored(self, webhook_id: str = "stripe:evt_1") -> StoredWebhook:
        """Return a stored webhook."""
        return StoredWebhook.from_item(self.aws.items[webhook_id])

    def effects(self, webhook_id: str = "stripe:evt_1") -> int:
        """Count the writes that made this webhook PROCESSED."""
        return sum(
            record["dynamodb"]["NewImage"]["status"]["S"] == "PROCESSED"
            for record in self.aws.stream
            if record["dynamodb"]["NewImage"]["webhookId"]["S"] == webhook_id
        )

    def audit_lines(self) -> list[dict[str, Any]]:
        """Return the audit lines, one per stream event id."""
        written = [lengthen(line) for line in self.lines if line.get("type") == "audit"]
        with States() as states:
            return [states.complete(line) for line in {line["streamEventId"]: line for line in written}.values()]
