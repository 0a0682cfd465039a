"""Fault 23: the audit log can't be written for a while, or a record can't be told."""

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas.audit import handler as audit_handler
from lambdas.shared.attributes import from_item
from lambdas.shared.audit_record import AuditKey
from lambdas.shared.body import decompress
from lambdas.shared.errors import UnavailableError
from tests.fakes_aws import Fault
from tests.fakes_trip import Trip, stripe_body
from webhookctl.core.audit.verify import AuditReport, Verifier
from webhookctl.core.logs import LogEvent

KEY = AuditKey(id="a1", value=b"audit-seal-planted")
LATER = timedelta(hours=1)


@pytest.fixture
def failed_once(trip: Trip) -> Trip:
    """Return a trip with one webhook that was dead-lettered, redriven and processed: three stream records."""
    trip.send(stripe_body(webhookctl={"failTimes": 5}))
    trip.drain()
    trip.aws.dlq.clear()
    trip.send(stripe_body(webhookctl={"failTimes": 5}))
    trip.drain()
    assert len(trip.aws.stream) == 3
    return trip


def test_fault_23_audit_sink_fails(failed_once: Trip) -> None:
    """While the seal's key can't be had the whole batch is refused, for Lambda to bring again; no line is missing."""
    failed_once.aws.fault_for = lambda name: Fault.ERROR if name == "GetSecretValue" else None
    with pytest.raises(UnavailableError):
        _logged(failed_once, failed_once.aws.stream)
    failed_once.aws.fault_for = lambda _: None
    answer, lines = _logged(failed_once, failed_once.aws.stream)
    assert answer == {"batchItemFailures": []}
    assert _verified(failed_once, lines).counts == {}


def test_fault_23_poison_stream_record(failed_once: Trip) -> None:
    """It alone is named to Lambda, the others are logged, and verifying the log names the line that it lacks."""
    poison = json.loads(json.dumps(failed_once.aws.stream[1]))
    del poison["dynamodb"]["NewImage"]["webhookId"]
    answer, lines = _logged(failed_once, [failed_once.aws.stream[0], poison, failed_once.aws.stream[2]])
    assert answer == {"batchItemFailures": [{"itemIdentifier": poison["dynamodb"]["SequenceNumber"]}]}
    assert [line["seq"] for line in lines] == [1, 3]
    report = _verified(failed_once, lines)
    assert [(found.finding.value, found.webhook_id, found.seq) for found in report.findings] == [
        ("missing_line", "stripe:evt_1", 2)
    ]


def _logged(trip: Trip, records: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    out = io.StringIO()
    with redirect_stdout(out):
        answer = audit_handler.record_batch({"Records": list(records)}, environment=trip.auditor)
    return answer, [line for line in map(json.loads, out.getvalue().splitlines()) if line["type"] == "audit"]


def _verified(trip: Trip, lines: Iterable[Mapping[str, Any]]) -> AuditReport:
    now = datetime.now(UTC) + LATER
    events = [
        LogEvent(at=now - LATER, group="audit", stream="s", message=json.dumps(line), event_id=str(n))
        for n, line in enumerate(lines)
    ]
    return Verifier(keys=[KEY], now=lambda: now).verify(_rows(trip), events)


def _rows(trip: Trip) -> Iterator[Mapping[str, Any]]:
    for item in trip.aws.items.values():
        values = from_item(item)
        yield {**values, "body": decompress(values["body"])}
