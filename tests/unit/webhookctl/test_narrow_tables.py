"""The lists of webhooks and payments at 80 columns: what is looked for first is whole."""

from datetime import UTC, datetime

import pytest

from lambdas.shared.webhook import Status
from tests.fakes_terminal import Terminal
from webhookctl.commands.events import EventRow
from webhookctl.core.dlq.dead_letter import OutgoingMessage
from webhookctl.core.events.payments import Payment
from webhookctl.core.reconcile.stuck import Stuck
from webhookctl.core.send.dispatch import Delivery
from webhookctl.render import table_lines

NOW = datetime(2026, 1, 2, 12, 0, 0, 123000, tzinfo=UTC)
PAYPAL = "paypal:WH-KQ9QHTWLMEZOHY0ZP-BVO8BDMK8ZEFWNFQI"
STRIPE = "stripe:evt_1Ynq9S4kI4hzEbxXoXQBq24I"


def event(webhook_id: str) -> EventRow:
    return EventRow(
        webhook_id=webhook_id,
        provider="paypal",
        event_type="PAYMENT.CAPTURE.COMPLETED",
        status=Status.PROCESSED,
        received_at=NOW,
        attempts=1,
        kind="payment.succeeded",
        payment_id="p",
        amount_minor=1,
        currency="USD",
    )


def stuck(webhook_id: str) -> Stuck:
    message = OutgoingMessage(key="1", body="{}")
    return Stuck(
        webhook_id=webhook_id,
        event_type="PAYMENT.CAPTURE.COMPLETED",
        status=Status.RECEIVED,
        received_at=NOW,
        age_s=100_000,
        message=message,
    )


def delivery(webhook_id: str) -> Delivery:
    return Delivery(
        number=100,
        provider="paypal",
        event_type="PAYMENT.CAPTURE.COMPLETED",
        webhook_id=webhook_id,
        status=200,
        latency_ms=82.6,
        sent_at=NOW,
        outcome="accepted",
    )


PAYMENT = Payment(
    payment_id="HQNNhnUJE7hCAfPnl6mS7WHCrzFoZZ",
    provider="square",
    status="refunded",
    amount="1,234.00 USD",
    amount_minor=123_400,
    currency="USD",
    refunded="34.00 USD",
    refunded_minor=3_400,
    net_minor=120_000,
    first_at=NOW,
    last_at=NOW,
)


@pytest.mark.parametrize(
    ("row", "whole"),
    [
        (event(STRIPE), [STRIPE, "PAYMENT.CAPTURE.COMPLETED", "PROCESSED"]),
        (event(PAYPAL), [PAYPAL, "PAYMENT.CAPTURE", "PROCESSED"]),
        (stuck(PAYPAL), [PAYPAL, "RECEIVED", "100000"]),
        (delivery(STRIPE), [STRIPE, "PAYMENT.CAPTURE.COMPL", "200", "accepted"]),
        (delivery(PAYPAL), [PAYPAL, "PAYMENT.", "200", "accepted"]),
        (PAYMENT, ["HQNNhnUJE7hCAfPnl6mS7WHCrzFoZZ", "refunded", "1,234.00 USD", "34.00 USD"]),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, list) else "",
)
def test_ids_states_and_amounts_are_whole_at_80_columns(row: object, whole: list[str]) -> None:
    """Times and counts are left out first, then the type is cut; an id can be pasted into the next command."""
    heading, line = table_lines([row], Terminal(columns=80))
    assert max(len(heading), len(line)) <= 80
    assert [text for text in whole if text not in line] == []
