"""Makes dead letters in a deployed environment: the rows that the processor would have left, and their messages.

Faster than five failed tries each, and the processor's part in it is not what these tests are about. The rows are
written as the Lambdas write them, one conditional write for each state, so that the audit log has both.
"""

import json
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import sha256
from typing import Any

from lambdas.shared.body import decompress
from lambdas.shared.event_store import EventStore
from lambdas.shared.providers import get_provider
from lambdas.shared.webhook import LastError, Status, StoredWebhook
from stack import outputs as names
from tests.conftest import Cli
from webhookctl.aws.dead_letter_table import DeadLetterTable
from webhookctl.aws.queues import SqsQueue
from webhookctl.config import Settings
from webhookctl.context import AppContext
from webhookctl.core.dlq.dead_letter import OutgoingMessage, QueueMessage
from webhookctl.core.logs import LogEvent

AT = datetime.now(UTC).replace(microsecond=0)


def stripe_event(name: str, *, amount: int = 4200, currency: str = "usd", kind: str = "succeeded") -> dict[str, Any]:
    payment = {"id": f"pi_{name}", "object": "payment_intent", "amount": amount, "amount_received": amount}
    return {
        "id": f"evt_{name}",
        "object": "event",
        "type": f"payment_intent.{kind}",
        "created": int(AT.timestamp()) - 3600,
        "data": {"object": {**payment, "currency": currency, "metadata": {"shop": name[:1]}}},
    }


def paypal_event(name: str, *, value: str = "99.50", currency: str = "EUR") -> dict[str, Any]:
    return {
        "id": f"WH-{name}",
        "event_type": "PAYMENT.CAPTURE.COMPLETED",
        "create_time": f"{AT - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
        "resource_type": "capture",
        "resource": {"id": f"cap-{name}", "amount": {"value": value, "currency_code": currency}, "status": "COMPLETED"},
    }


@dataclass
class DeadLetters:
    """The dead-letter queue of the deployed environment, as a test fills and reads it."""

    cli: Cli

    @cached_property
    def app(self) -> AppContext:
        return AppContext(Settings(home=self.cli.home))

    @cached_property
    def store(self) -> EventStore:
        return EventStore(self.app.session.client("dynamodb"), self.app.outputs[names.TABLE_NAME])

    @cached_property
    def table(self) -> DeadLetterTable:
        return DeadLetterTable(self.app.session, self.app.outputs[names.TABLE_NAME])

    @cached_property
    def queue(self) -> SqsQueue:
        return SqsQueue(self.app.session, self.app.outputs[names.DLQ_URL])

    def add(
        self,
        provider: str,
        event: Mapping[str, Any],
        *,
        error: str = "ledger unreachable",
        received_at: datetime = AT - timedelta(hours=1),
    ) -> str:
        """Store a webhook that failed, put its message into the queue, and return its id."""
        webhook_id = self.store_failed(provider, event, error=error, received_at=received_at)
        self.send([webhook_id])
        return webhook_id

    def add_many(self, events: Sequence[Mapping[str, Any]]) -> list[str]:
        """Store many Stripe webhooks that failed, with their messages."""
        with ThreadPoolExecutor(8) as pool:
            ids = list(pool.map(lambda event: self.store_failed("stripe", event), events))
            list(pool.map(lambda start: self.send(ids[start : start + 10]), range(0, len(ids), 10)))
        return ids

    def store_failed(
        self,
        provider: str,
        event: Mapping[str, Any],
        *,
        error: str = "ledger unreachable",
        received_at: datetime = AT - timedelta(hours=1),
        trace: tuple[str | None, str | None] = (None, None),
    ) -> str:
        body = json.dumps(event).encode()
        identity = get_provider(provider).identify(body)
        received = StoredWebhook(
            webhook_id=f"{provider}:{identity.event_id}",
            provider=provider,
            event_type=identity.event_type,
            event_created_at=identity.created_at or received_at,
            received_at=received_at,
            status=Status.RECEIVED,
            body=body,
            body_sha256=sha256(body).hexdigest(),
            trace_id=trace[0],
            trace_parent=trace[1],
        ).sealed()
        fingerprint = sha256(error.encode()).hexdigest()[:16]
        reason = LastError(error_class="ProcessingError", message=error, fingerprint=fingerprint, at=received_at)
        assert self.store.put(received).existing is None
        assert self.store.update(received, received.failed(reason, attempts=5)).existing is None
        return received.webhook_id

    def send(self, webhook_ids: Sequence[str], *, trace_header: str | None = None) -> None:
        messages = [
            OutgoingMessage(key=str(n), body=json.dumps({"webhookId": webhook_id, "v": 1}), trace_header=trace_header)
            for n, webhook_id in enumerate(webhook_ids)
        ]
        assert not self.queue.send(messages).failed

    def webhook(self, webhook_id: str) -> StoredWebhook:
        return self.table.get_many([webhook_id])[webhook_id]

    def process_behind_the_back(self, webhook_id: str) -> None:
        """Bring a webhook to PROCESSED as another delivery of it would."""
        before = self.webhook(webhook_id)
        event = get_provider(before.provider).normalise(before.body)
        after = before.processed(event, at=datetime.now(UTC), attempts=1, expires_at=2_000_000_000)
        assert self.store.update(before, replace(after)).existing is None

    def empty(self) -> None:
        """Take everything out of the queue, also what is hidden."""
        self.app.session.client("sqs").purge_queue(QueueUrl=self.queue.url)
        assert self.queue.depth().held == 0

    def listed(self) -> set[str]:
        """Return the webhooks that have a visible dead letter: the local queue needs no long poll to tell all."""
        seen: dict[str, QueueMessage] = {}
        while fresh := self.queue.receive(limit=10, visibility_s=30, wait_s=0):
            seen |= {message.message_id: message for message in fresh}
        messages = list(seen.values())
        for start in range(0, len(messages), 10):
            self.queue.hide(messages[start : start + 10], visibility_s=0)
        return {message.webhook_id or "" for message in messages}

    def original_body(self, webhook_id: str) -> bytes:
        """Return the body that an edit replaced."""
        client = self.app.session.client("dynamodb")
        answer = client.get_item(TableName=self.app.outputs[names.TABLE_NAME], Key={"webhookId": {"S": webhook_id}})
        return decompress(answer["Item"]["originalBody"]["B"])

    def audit_lines(self) -> list[LogEvent]:
        """Return what the audit log group got in the last minutes."""
        group = self.app.outputs[names.AUDIT_LOG_GROUP]
        return list(self.app.logs.events(group, start=datetime.now(UTC) - timedelta(minutes=5)))

    def settled(self, webhook_ids: Sequence[str], *, within_s: float) -> dict[str, StoredWebhook]:
        """Return the webhooks once all are PROCESSED, or as they stand when the time is over."""
        deadline = time.monotonic() + within_s
        while True:
            found = dict(self.table.get_many(webhook_ids))
            is_over = all(webhook.status is Status.PROCESSED for webhook in found.values())
            if is_over or time.monotonic() > deadline:
                return found
            time.sleep(0.5)

    def cli_environment(self) -> dict[str, str]:
        """Return the variables with which another process works on the same environment."""
        return {**os.environ, "WEBHOOKCTL_HOME": str(self.cli.home)}
