"""What Stripe's events mean, in the shapes of all its API versions."""

import json
from typing import Any

import pytest

from lambdas.shared.errors import MalformedError
from lambdas.shared.providers import get_provider
from lambdas.shared.webhook import PaymentEvent

STRIPE = get_provider("stripe")


def mean(event_type: str, **fields: Any) -> PaymentEvent:
    """Return what an event with these fields of `data.object` means."""
    return STRIPE.normalise(json.dumps({"id": "evt_1", "type": event_type, "data": {"object": fields}}).encode())


def brief(event: PaymentEvent) -> tuple[str, int | None, str | None, str | None, str | None]:
    """Return the event without its claims."""
    return event.kind, event.amount_minor, event.currency, event.payment_id, event.object_id


INTENT = {"id": "pi_1", "amount": 1000, "amount_received": 900, "amount_capturable": 800, "currency": "eur"}


@pytest.mark.parametrize(
    ("event_type", "kind", "amount"),
    [
        ("payment_intent.succeeded", "payment.succeeded", 900),
        ("payment_intent.payment_failed", "payment.failed", 1000),
        ("payment_intent.processing", "payment.pending", 1000),
        ("payment_intent.requires_action", "payment.pending", 1000),
        ("payment_intent.created", "payment.pending", 1000),
        ("payment_intent.amount_capturable_updated", "payment.authorized", 800),
        ("payment_intent.canceled", "payment.canceled", 1000),
    ],
)
def test_a_payment_intent_is_the_payment(event_type: str, kind: str, amount: int) -> None:
    """Its id is the payment's; each event has its own amount."""
    assert mean(event_type, **INTENT) == PaymentEvent(kind=kind, amount_minor=amount, currency="EUR", payment_id="pi_1")


@pytest.mark.parametrize("outcome", ["succeeded", "failed"])
def test_a_charge_repeats_its_payment_intent(outcome: str) -> None:
    """The intent's event carries the same amount, so the charge's is never counted."""
    event = mean(f"charge.{outcome}", id="ch_1", amount=5, currency="usd", payment_intent="pi_1")
    assert brief(event) == (f"payment.{outcome}", 5, "USD", "pi_1", "ch_1")
    assert event.is_secondary


def test_a_charge_without_a_payment_intent_is_the_payment_itself() -> None:
    """No other event carries its amount."""
    event = mean("charge.succeeded", id="ch_1", amount=5, currency="usd", payment_intent=None)
    assert (event.payment_id, event.is_secondary) == ("ch_1", False)


def test_a_charge_that_is_not_captured_is_an_authorization() -> None:
    """`charge.succeeded` with `captured: false` has moved no money yet."""
    assert mean("charge.succeeded", id="ch_1", amount=5, currency="usd", captured=False).kind == "payment.authorized"
    assert mean("charge.failed", id="ch_1", amount=5, currency="usd", captured=False).kind == "payment.failed"


def test_a_refunded_charge_is_a_running_total() -> None:
    """`amount_refunded` grows with each refund."""
    event = mean("charge.refunded", id="ch_1", amount=9, amount_refunded=4, currency="usd", payment_intent="pi_1")
    assert brief(event) == ("refund.succeeded", 4, "USD", "pi_1", "ch_1")
    assert event.is_cumulative


CHARGE = {"id": "ch_1", "amount": 20675, "currency": "usd", "captured": True}


def test_what_a_partial_capture_releases_was_not_refunded() -> None:
    """Stripe counts it in `amount_refunded`; only what had been captured can go back."""
    for refunded, back in ((375, 0), (1375, 1000), (20675, 20300)):
        event = mean("charge.refunded", **CHARGE, amount_captured=20300, amount_refunded=refunded)
        assert brief(event) == ("refund.succeeded", back, "USD", "ch_1", "ch_1")
    over = mean("charge.refunded", **CHARGE, amount_captured=30000, amount_refunded=500)
    assert over.amount_minor == 500


def test_a_refunded_authorization_is_a_canceled_payment() -> None:
    """Nothing was captured, so nothing went back; the payment intent's own event counts before it."""
    released = {**CHARGE, "captured": False, "amount_captured": 0, "amount_refunded": 20675}
    alone, of_intent = mean("charge.refunded", **released), mean("charge.refunded", **released, payment_intent="pi_1")
    assert brief(alone) == ("payment.canceled", 20675, "USD", "ch_1", "ch_1")
    assert (alone.is_cumulative, alone.is_secondary) == (False, False)
    assert (of_intent.is_cumulative, of_intent.is_secondary) == (False, True)
    assert mean("charge.expired", **released).kind == "payment.canceled"


@pytest.mark.parametrize(
    ("told", "amount"),
    [
        ({"amount_captured": 20300, "amount_refunded": 375}, 20300),
        ({"amount_refunded": 375}, 20300),
        ({}, 20675),
    ],
)
def test_a_captured_charge_is_a_payment_over_what_was_captured(told: dict[str, int], amount: int) -> None:
    """Before `amount_captured` the rest of a capture stood in `amount_refunded` alone."""
    assert brief(mean("charge.captured", **CHARGE, **told)) == ("payment.succeeded", amount, "USD", "ch_1", "ch_1")


@pytest.mark.parametrize("event_type", ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("pending", "refund.pending"),
        ("requires_action", "refund.pending"),
        ("succeeded", "refund.succeeded"),
        ("failed", "refund.failed"),
        ("canceled", "refund.canceled"),
        ("something new", "refund.pending"),
        (None, "refund.pending"),
    ],
)
def test_a_refund_is_what_its_status_says(event_type: str, status: str | None, kind: str) -> None:
    """The status decides, not the event's name; the payment is the intent, else the charge."""
    refund = {"id": "re_1", "amount": 3, "currency": "usd", "charge": "ch_1", "status": status}
    assert brief(mean(event_type, **refund, payment_intent="pi_1")) == (kind, 3, "USD", "pi_1", "re_1")
    assert mean(event_type, **refund, payment_intent=None).payment_id == "ch_1"


@pytest.mark.parametrize(
    ("event_type", "status", "kind"),
    [
        ("charge.dispute.created", "needs_response", "dispute.opened"),
        ("charge.dispute.created", "won", "dispute.opened"),
        ("charge.dispute.closed", "won", "dispute.won"),
        ("charge.dispute.closed", "lost", "dispute.lost"),
        ("charge.dispute.closed", "warning_closed", "dispute.closed"),
        ("charge.dispute.closed", None, "dispute.closed"),
    ],
)
def test_a_dispute_is_opened_and_then_decided(event_type: str, status: str | None, kind: str) -> None:
    """How it closed stands in its status."""
    event = mean(event_type, id="dp_1", amount=3, currency="usd", charge="ch_1", status=status)
    assert brief(event) == (kind, 3, "USD", "ch_1", "dp_1")


def test_a_checkout_names_its_payment() -> None:
    """`amount_total` of the session; in setup mode there is neither payment nor amount."""
    session = {"id": "cs_1", "amount_total": 7, "currency": "gbp", "payment_status": "paid"}
    event = mean("checkout.session.completed", **session, payment_intent="pi_1")
    assert brief(event) == ("checkout.completed", 7, "GBP", "pi_1", "cs_1")
    setup = mean("checkout.session.completed", id="cs_1", amount_total=None, currency=None, payment_intent=None)
    assert brief(setup) == ("checkout.completed", None, None, None, "cs_1")


@pytest.mark.parametrize(
    ("event_type", "kind", "amount"),
    [
        ("invoice.paid", "invoice.paid", 60),
        ("invoice.payment_succeeded", "invoice.paid", 60),
        ("invoice.payment_failed", "invoice.failed", 70),
    ],
)
def test_an_invoice_before_and_since_basil(event_type: str, kind: str, amount: int) -> None:
    """Since API 2025-03-31.basil an invoice names no payment intent: its own id stands for the payment."""
    invoice = {"id": "in_1", "amount_paid": 60, "amount_due": 70, "currency": "usd"}
    assert brief(mean(event_type, **invoice, payment_intent="pi_1")) == (kind, amount, "USD", "pi_1", "in_1")
    assert brief(mean(event_type, **invoice)) == (kind, amount, "USD", "in_1", "in_1")


@pytest.mark.parametrize("event_type", ["invoice.paid", "invoice.payment_succeeded"])
def test_a_paid_invoice_of_the_first_api_versions(event_type: str) -> None:
    """It knows a charge and no payment intent, and what was due instead of what was paid."""
    invoice = {"id": "in_1", "total": 1200, "currency": "usd", "paid": True, "charge": "ch_1"}
    assert brief(mean(event_type, **invoice, amount_due=1000)) == ("invoice.paid", 1000, "USD", "ch_1", "in_1")
    assert brief(mean(event_type, **invoice)) == ("invoice.paid", 1200, "USD", "ch_1", "in_1")


def test_an_invoice_payment_names_both() -> None:
    """Basil's own event knows the invoice and the payment intent."""
    event = mean(
        "invoice_payment.paid",
        id="inpay_1",
        amount_paid=60,
        currency="usd",
        invoice="in_1",
        payment={"type": "payment_intent", "payment_intent": "pi_1"},
    )
    assert brief(event) == ("invoice.paid", 60, "USD", "pi_1", "in_1")


@pytest.mark.parametrize("outcome", ["paid", "failed"])
def test_a_payout_has_no_payment(outcome: str) -> None:
    """It sums up many."""
    event = mean(f"payout.{outcome}", id="po_1", amount=-11, currency="usd")
    assert brief(event) == (f"payout.{outcome}", -11, "USD", None, "po_1")


def test_a_subscription_costs_what_its_items_cost() -> None:
    """Unit amount times quantity over all items, in the old shape (`plan`) too; a tiered price has no one amount."""
    price = {"price": {"unit_amount": 1500, "currency": "usd"}}
    items = {"data": [{**price, "quantity": 2}, price]}
    event = mean("customer.subscription.updated", id="sub_1", items=items)
    assert brief(event) == ("subscription.updated", 4500, "USD", None, "sub_1")
    old = mean(
        "customer.subscription.deleted", id="sub_1", items={"data": [{"plan": {"amount": 9, "currency": "eur"}}]}
    )
    assert brief(old) == ("subscription.deleted", 9, "EUR", None, "sub_1")
    tiered = {"data": [{"price": {"unit_amount": None, "currency": "usd"}}]}
    assert mean("customer.subscription.created", id="sub_1", currency="usd", items=tiered).amount_minor is None
    assert mean("customer.subscription.paused", id="sub_1").kind == "subscription.paused"


def test_a_subscription_without_items_costs_its_plan() -> None:
    """The first API versions have one plan and its quantity; a plan with tiers has no one amount."""
    plan = {"id": "gold", "amount": 2000, "currency": "usd"}
    for old in ({"quantity": 3}, {"quantity": 3, "items": {"data": []}}):
        event = mean("customer.subscription.created", id="sub_1", plan=plan, **old)
        assert brief(event) == ("subscription.created", 6000, "USD", None, "sub_1")
    tiered = mean("customer.subscription.created", id="sub_1", plan={**plan, "amount": None})
    assert (tiered.amount_minor, tiered.currency) == (None, "USD")


def test_an_expanded_reference_is_its_id() -> None:
    """Where an endpoint gets whole objects, their id counts."""
    event = mean("refund.created", id="re_1", amount=3, currency="usd", payment_intent={"id": "pi_1", "amount": 5})
    assert event.payment_id == "pi_1"


@pytest.mark.parametrize(
    "event_type", ["charge.dispute.updated", "payout.created", "v2.core.account.updated", "charge"]
)
def test_what_is_not_in_the_table_means_other(event_type: str) -> None:
    """Stored and acknowledged, with no amount to count."""
    assert mean(event_type, **INTENT) == PaymentEvent(kind="other")


@pytest.mark.parametrize("amount", ["1000", 10.5, True, [1], {"value": 1}, 10**16])
def test_an_amount_that_is_no_whole_number_is_an_error(amount: object) -> None:
    """An amount is never guessed at, rounded or dropped."""
    with pytest.raises(MalformedError):
        mean("payment_intent.succeeded", id="pi_1", amount_received=amount, currency="usd")


@pytest.mark.parametrize("currency", ["usdc", "dollars", "us$"])
def test_a_payment_in_an_unknown_currency_is_one_without_an_amount(currency: str) -> None:
    """A stablecoin's payment is still a payment; its amount has six decimals, which no one can add to others."""
    event = mean("payment_intent.succeeded", id="pi_1", amount_received=1, currency=currency)
    assert event == PaymentEvent(kind="payment.succeeded", payment_id="pi_1")


def test_a_currency_that_is_no_text_is_an_error() -> None:
    """It is for a person to look at."""
    with pytest.raises(MalformedError):
        mean("payment_intent.succeeded", id="pi_1", amount_received=1, currency=840)


@pytest.mark.parametrize("data", ["{}", '{"object": []}', "null", "[]"])
def test_an_event_of_the_table_without_its_object_is_an_error(data: str) -> None:
    """A payment without a payment is for a person to look at."""
    with pytest.raises(MalformedError):
        STRIPE.normalise(b'{"id": "evt_1", "type": "payment_intent.succeeded", "data": %s}' % data.encode())
