"""An audit log and a table grown from real writes, to be attacked: both as verify reads them."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from lambdas.audit.record import audit_line
from lambdas.shared import attributes
from lambdas.shared.attributes import from_item
from lambdas.shared.audit_record import AuditKey
from lambdas.shared.body import decompress
from lambdas.shared.webhook import LastError, PaymentEvent, Status, StoredWebhook
from webhookctl.core.audit.proof import verify_environment
from webhookctl.core.audit.records import AuditFilter
from webhookctl.core.audit.verify import AuditReport
from webhookctl.core.logs import LogEvent

KEY = AuditKey(id="audit-1", value=b"seal-of-the-audit-tests")
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
GROUP = "/aws/lambda/audit-logger-test"


@dataclass
class AuditWorld:
    """The table, its stream's lines in the log, and a clock that moves a second with every write."""

    items: dict[str, attributes.Item] = field(default_factory=dict)
    log: list[LogEvent] = field(default_factory=list)
    at: datetime = START
    key: AuditKey = KEY

    def receive(self, event_id: str, *, provider: str = "stripe") -> StoredWebhook:
        """Store a webhook."""
        body = json.dumps({"id": event_id, "amount": 1200}).encode()
        webhook = StoredWebhook(
            webhook_id=f"{provider}:{event_id}",
            provider=provider,
            event_type="payment_intent.succeeded",
            event_created_at=self.at,
            received_at=self.at,
            status=Status.RECEIVED,
            body=body,
            body_sha256=hashlib.sha256(body).hexdigest(),
            trace_id="1-69a42a40-000000000000000000000001",
        ).sealed()
        self.write(webhook)
        return webhook

    def fail(self, webhook: StoredWebhook) -> StoredWebhook:
        """Record a failure on the last receive."""
        error = LastError(error_class="ProcessingError", message="injected", fingerprint="f" * 16, at=self.at)
        return self.write(webhook.failed(error, attempts=5))

    def process(self, webhook: StoredWebhook, *, expires_at: int = 2_000_000_000) -> StoredWebhook:
        """Bring a webhook to PROCESSED."""
        event = PaymentEvent(kind="payment.succeeded", payment_id="pi_1", amount_minor=1200, currency="EUR")
        return self.write(webhook.processed(event, at=self.at, attempts=1, expires_at=expires_at))

    def write(self, webhook: StoredWebhook) -> StoredWebhook:
        """Put a state into the table; the stream puts its line into the log."""
        self.put(webhook.webhook_id, webhook.to_item())
        return webhook

    def put(
        self, webhook_id: str, item: attributes.Item | None, *, recorded: bool = True, by_ttl: bool = False
    ) -> None:
        """Change a row (None deletes it). `recorded` False is a change behind the stream's back."""
        old = self.items.pop(webhook_id, None)
        if item is not None:
            self.items[webhook_id] = item
        if recorded:
            self._record(old, item, by_ttl=by_ttl)
        self.at += timedelta(seconds=1)

    def _record(self, old: attributes.Item | None, new: attributes.Item | None, *, by_ttl: bool) -> None:
        images = {"ApproximateCreationDateTime": self.at.timestamp(), "SequenceNumber": str(len(self.log))}
        record: dict[str, Any] = {
            "eventID": f"event-{len(self.log)}",
            "eventName": "REMOVE" if new is None else "MODIFY" if old else "INSERT",
            "dynamodb": {**images, **({"OldImage": old} if old else {}), **({"NewImage": new} if new else {})},
        }
        if by_ttl:
            record["userIdentity"] = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
        self.say(audit_line(record, key=self.key))

    def say(self, line: Mapping[str, Any], *, place: int | None = None) -> None:
        """Put a line into the log, at the end or at a place."""
        event = LogEvent(
            at=self.at, group=GROUP, stream="s", message=json.dumps(line), event_id=f"log-{len(self.log)}-{self.at}"
        )
        self.log.insert(len(self.log) if place is None else place, event)

    def edit_line(self, place: int, **fields: Any) -> None:
        """Change fields of a line, as somebody with access to the log's store could."""
        line = {**self.log[place].fields(), **fields}
        self.log[place] = replace(self.log[place], message=json.dumps(line))

    def edit_row(self, webhook_id: str, *, recorded: bool = False, **fields: Any) -> None:
        """Change attributes of a row."""
        item = {**self.items[webhook_id], **attributes.to_item(fields)}
        self.put(webhook_id, item, recorded=recorded)

    def rows(self, *, webhook_id: str | None = None) -> Iterator[Mapping[str, Any]]:
        """Yield the rows as the audit table port does."""
        for key, item in self.items.items():
            if webhook_id in (None, key):
                values = from_item(item)
                yield values | ({"body": decompress(values["body"])} if "body" in values else {})

    def lines(self, wanted: AuditFilter, *, start: datetime, end: datetime | None = None) -> Iterator[LogEvent]:
        """Yield the log as the audit log port does, without narrowing."""
        del wanted
        return (event for event in self.log if start <= event.at and (end is None or event.at < end))

    def verify(self, *, later: timedelta = timedelta(hours=1), **options: Any) -> AuditReport:
        """Verify, by default an hour after the last write."""
        now = self.at + later
        return verify_environment(self, self, keys=(KEY,), now=lambda: now, **options)

    def findings(self, **options: Any) -> list[tuple[str, str, int | None]]:
        """Return (kind, webhook, seq) of the findings."""
        return [(f.finding.value, f.webhook_id, f.seq) for f in self.verify(**options).findings]


def grown(ids: Iterable[str] = ("evt_1", "evt_2", "evt_3")) -> AuditWorld:
    """Return a world where each webhook was received, failed and processed: three lines each."""
    world = AuditWorld()
    for event_id in ids:
        world.process(world.fail(world.receive(event_id)))
    return world
