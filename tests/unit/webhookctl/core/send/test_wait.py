"""Following webhooks: to their end, or to the end of patience."""

from dataclasses import replace
from datetime import timedelta

import pytest

from lambdas.shared.webhook import LastError, PaymentEvent, Status, StoredWebhook
from tests.fakes_sender import NOW, FakeClock, FakeTable
from webhookctl.core.send.dispatch import Delivery
from webhookctl.core.send.wait import Timeline, check, follow
from webhookctl.errors import PartialError, WaitTimeoutError

ID = "stripe:evt_1"
RECEIVED = StoredWebhook(
    webhook_id=ID, provider="stripe", event_type="payment_intent.succeeded", event_created_at=NOW,
    received_at=NOW + timedelta(milliseconds=20), status=Status.RECEIVED, body_sha256="0" * 64, trace_id="1-a-b",
)  # fmt: skip
PROCESSED = RECEIVED.processed(
    PaymentEvent(kind="payment.succeeded"), at=NOW + timedelta(milliseconds=350), attempts=1, expires_at=1
)
FAILED = RECEIVED.failed(
    LastError(
        error_class="ProcessingError", message="failed on purpose", fingerprint="x", at=NOW + timedelta(seconds=4)
    ),
    attempts=5,
)


def delivery(status: int | None = 200, webhook_id: str | None = ID) -> Delivery:
    return Delivery(
        number=1, provider="stripe", event_type="t", webhook_id=webhook_id, status=status, latency_ms=30.0, sent_at=NOW
    )


def followed(table: FakeTable, *deliveries: Delivery, timeout_s: float = 60.0) -> list[Timeline]:
    clock = FakeClock()
    return follow(deliveries or [delivery()], table, timeout_s=timeout_s, clock=clock.now, sleep=clock.sleep)


def test_a_processed_webhook_shows_each_hop() -> None:
    """Sent, answered, received and processed, in the order of time, with milliseconds since the start."""
    (trip,) = followed(FakeTable({ID: [None, RECEIVED, PROCESSED]}))
    assert [(hop.hop, hop.after_ms) for hop in trip.hops] == [
        ("sent", 0), ("received", 20), ("answered", 30), ("processed", 350)
    ]  # fmt: skip
    assert (trip.status, trip.took_ms, trip.trace_id) == (Status.PROCESSED, 350, "1-a-b")
    check([trip], may_fail=False)


def test_a_dead_letter_ends_the_waiting() -> None:
    """FAILED is an end: the error stands in the timeline, and the exit code says partial."""
    (trip,) = followed(FakeTable({ID: [RECEIVED, FAILED]}))
    assert trip.hops[-1].hop == "dead-lettered"
    assert "failed on purpose (attempt 5)" in trip.hops[-1].detail
    with pytest.raises(PartialError, match="ended as FAILED"):
        check([trip], may_fail=False)
    check([trip], may_fail=True)


def test_patience_ends() -> None:
    """What has not ended in time is a timeout that names the webhook."""
    trips = followed(FakeTable({ID: [RECEIVED]}), timeout_s=3.0)
    with pytest.raises(WaitTimeoutError, match=ID):
        check(trips, may_fail=True)


def test_only_accepted_webhooks_are_followed() -> None:
    """What was refused, or has no id, is not looked for."""
    table = FakeTable({})
    assert followed(table, delivery(401), delivery(None), delivery(200, None)) == []
    assert table.reads == 0


def test_duplicates_are_followed_once() -> None:
    """Two deliveries of an event have one trip, counted from the first."""
    late = replace(delivery(), number=2, sent_at=NOW + timedelta(seconds=1))
    (trip,) = followed(FakeTable({ID: [PROCESSED]}), delivery(), late)
    assert trip.hops[0].at == NOW
