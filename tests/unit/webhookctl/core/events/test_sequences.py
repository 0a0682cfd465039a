"""What the providers' real sequences of events come to: bodies in, sums of the payment out, in every order."""

import itertools
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas.shared.providers import get_provider
from webhookctl.core.events.parts import PaymentFact
from webhookctl.core.events.payments import fold

START = datetime(2026, 1, 1, tzinfo=UTC)
Step = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Sequence:
    """One payment's events, an hour apart, and what they come to: status, amount, refunded and net in minor units."""

    name: str
    steps: list[Step]
    ends: tuple[str, int | None, int, int | None]
    provider: str = "stripe"
    payment_id: str = "pi_1"

    def facts(self) -> list[PaymentFact]:
        """Return the events as the payment index tells them."""
        return [self._fact(n, event_type, fields) for n, (event_type, fields) in enumerate(self.steps)]

    def _fact(self, n: int, event_type: str, fields: dict[str, Any]) -> PaymentFact:
        envelope = (
            {"type": event_type, "data": {"object": fields}}
            if self.provider == "stripe"
            else {"event_type": event_type, "resource": fields}
        )
        event = get_provider(self.provider).normalise(json.dumps(envelope).encode())
        assert event.payment_id == self.payment_id
        return PaymentFact(
            webhook_id=f"{self.provider}:{n}",
            provider=self.provider,
            event_type=event_type,
            at=START + timedelta(hours=n),
            event=event,
        )


def intent(happened: str, amount: int, **more: object) -> Step:
    """Return an event of the payment intent."""
    return f"payment_intent.{happened}", {"id": "pi_1", "amount": amount, "currency": "usd", **more}


def charge(happened: str, amount: int, captured: int, refunded: int = 0, *, intent: str | None = "pi_1") -> Step:
    """Return an event of the payment's charge."""
    return f"charge.{happened}", {
        "id": "ch_1",
        "payment_intent": intent,
        "amount": amount,
        "amount_captured": captured,
        "amount_refunded": refunded,
        "captured": captured > 0,
        "currency": "usd",
    }


def refund(happened: str, name: str, amount: int, status: str) -> Step:
    """Return an event of one refund."""
    return f"refund.{happened}", {
        "id": name,
        "payment_intent": "pi_1",
        "charge": "ch_1",
        "amount": amount,
        "status": status,
        "currency": "usd",
    }


def capture(happened: str, name: str, value: str) -> Step:
    """Return an event of a PayPal capture `CAP1`, or of a refund or reversal of it."""
    link = {"rel": "up", "href": "https://api.paypal.com/v2/payments/captures/CAP1"}
    amount = {"value": value, "currency_code": "USD"}
    return f"PAYMENT.CAPTURE.{happened}", {"id": name, "amount": amount, "links": [link]}


AUTHORIZED = [
    intent("amount_capturable_updated", 20675, amount_capturable=20675),
    charge("succeeded", 20675, 0),
]
PARTLY_CAPTURED = [
    *AUTHORIZED,
    charge("captured", 20675, 20300, 375),
    intent("succeeded", 20675, amount_received=20300),
    charge("refunded", 20675, 20300, 375),
]
PAID = [intent("succeeded", 10000, amount_received=10000), charge("succeeded", 10000, 10000)]
REFUNDED_30 = charge("refunded", 10000, 10000, 3000)

SEQUENCES = [
    Sequence("the rest of a partial capture is released", PARTLY_CAPTURED, ("succeeded", 20300, 0, 20300)),
    Sequence(
        "the released rest has a refund of its own",
        [*PARTLY_CAPTURED[:-1], refund("created", "re_rest", 375, "succeeded"), PARTLY_CAPTURED[-1]],
        ("succeeded", 20300, 0, 20300),
    ),
    Sequence(
        "refunded in part after a partial capture",
        [
            *PARTLY_CAPTURED[2:-1],
            refund("created", "re_rest", 375, "succeeded"),
            PARTLY_CAPTURED[-1],
            charge("refunded", 20675, 20300, 1375),
            refund("created", "re_1", 1000, "succeeded"),
        ],
        ("partially_refunded", 20300, 1000, 19300),
    ),
    Sequence(
        "refunded in full after a partial capture",
        [*PARTLY_CAPTURED, charge("refunded", 20675, 20300, 20675)],
        ("refunded", 20300, 20300, 0),
    ),
    Sequence(
        "authorized, then canceled",
        [*AUTHORIZED, intent("canceled", 20675), charge("refunded", 20675, 0, 20675)],
        ("canceled", 20675, 0, None),
    ),
    Sequence(
        "authorized, then expired, with a refund told of",
        [*AUTHORIZED, charge("expired", 20675, 0, 20675), refund("created", "re_1", 20675, "succeeded")],
        ("canceled", 20675, 0, None),
    ),
    Sequence(
        "a refund that is canceled",
        [*PAID, REFUNDED_30, refund("updated", "re_1", 3000, "canceled")],
        ("succeeded", 10000, 0, 10000),
    ),
    Sequence(
        "a refund that fails",
        [*PAID, REFUNDED_30, refund("failed", "re_1", 3000, "failed")],
        ("succeeded", 10000, 0, 10000),
    ),
    Sequence(
        "a refund fails, the next succeeds",
        [*PAID, REFUNDED_30, refund("failed", "re_1", 3000, "failed"), REFUNDED_30],
        ("partially_refunded", 10000, 3000, 7000),
    ),
    Sequence(
        "a refund fails twice over, the next succeeds between",
        [
            PAID[0],
            REFUNDED_30,
            refund("failed", "re_1", 3000, "failed"),
            REFUNDED_30,
            refund("updated", "re_1", 3000, "failed"),
        ],
        ("partially_refunded", 10000, 3000, 7000),
    ),
    Sequence(
        "a refund is told of long after the total that holds it",
        [*PAID, REFUNDED_30, refund("updated", "re_1", 3000, "succeeded")],
        ("partially_refunded", 10000, 3000, 7000),
    ),
    Sequence(
        "the second refund's total is still on its way",
        [
            PAID[0],
            refund("created", "re_1", 3000, "succeeded"),
            REFUNDED_30,
            refund("created", "re_2", 2000, "pending"),
            refund("updated", "re_2", 2000, "succeeded"),
        ],
        ("partially_refunded", 10000, 5000, 5000),
    ),
    Sequence(
        "a captured charge without an intent",
        [charge("succeeded", 900, 0, intent=None), charge("captured", 900, 700, 200, intent=None)],
        ("succeeded", 700, 0, 700),
        payment_id="ch_1",
    ),
    Sequence(
        "a released charge without an intent",
        [charge("succeeded", 900, 0, intent=None), charge("refunded", 900, 0, 900, intent=None)],
        ("canceled", 900, 0, None),
        payment_id="ch_1",
    ),
    Sequence(
        "a tenth is reversed",
        [capture("COMPLETED", "CAP1", "100.00"), capture("REVERSED", "REV1", "10.00")],
        ("partially_reversed", 10000, 0, 9000),
        provider="paypal",
        payment_id="CAP1",
    ),
    Sequence(
        "refunded in part, and the rest is reversed",
        [
            capture("COMPLETED", "CAP1", "100.00"),
            capture("REFUNDED", "REF1", "40.00"),
            capture("REVERSED", "REV1", "60.00"),
        ],
        ("partially_reversed", 10000, 4000, 0),
        provider="paypal",
        payment_id="CAP1",
    ),
]


@pytest.mark.parametrize("sequence", SEQUENCES, ids=lambda sequence: sequence.name)
def test_a_real_sequence_comes_to_its_sums(sequence: Sequence) -> None:
    """Whatever order the events are delivered in."""
    for facts in itertools.permutations(sequence.facts()):
        payment = fold(sequence.payment_id, facts)
        assert payment is not None
        assert (payment.status, payment.amount_minor, payment.refunded_minor, payment.net_minor) == sequence.ends
