"""What PayPal's events mean, in both shapes of its resources."""

import json
from typing import Any

import pytest

from lambdas.shared.errors import MalformedError
from lambdas.shared.providers import get_provider
from lambdas.shared.webhook import PaymentEvent

PAYPAL = get_provider("paypal")
V1 = {"total": "12.50", "currency": "EUR"}
V2 = {"value": "12.50", "currency_code": "EUR"}
both_shapes = pytest.mark.parametrize("amount", [V1, V2], ids=["v1", "v2"])


def mean(event_type: str, **resource: Any) -> PaymentEvent:
    """Return what an event with this resource means."""
    return PAYPAL.normalise(json.dumps({"id": "WH-1", "event_type": event_type, "resource": resource}).encode())


def of_12_50(kind: str, payment_id: str | None, object_id: str | None = None) -> PaymentEvent:
    """Return an event over 12.50 EUR."""
    return PaymentEvent(kind=kind, payment_id=payment_id, object_id=object_id, amount_minor=1250, currency="EUR")


@both_shapes
@pytest.mark.parametrize(
    ("event_type", "kind"),
    [
        ("PAYMENT.CAPTURE.COMPLETED", "payment.succeeded"),
        ("PAYMENT.CAPTURE.DECLINED", "payment.failed"),
        ("PAYMENT.CAPTURE.DENIED", "payment.failed"),
        ("PAYMENT.CAPTURE.PENDING", "payment.pending"),
        ("PAYMENT.SALE.COMPLETED", "payment.succeeded"),
    ],
)
def test_a_capture_or_a_sale_is_the_payment(amount: dict[str, str], event_type: str, kind: str) -> None:
    """Its id is the payment's."""
    assert mean(event_type, id="CAP1", amount=amount) == of_12_50(kind, "CAP1")


@both_shapes
@pytest.mark.parametrize(("event", "kind"), [("REFUNDED", "refund.succeeded"), ("REVERSED", "payment.reversed")])
def test_the_resource_of_a_refund_is_the_refund(amount: dict[str, str], event: str, kind: str) -> None:
    """The payment stands in a link upwards, or in v1's `capture_id`."""
    links = [
        {"rel": "self", "href": "https://api.paypal.com/v2/payments/refunds/REF1"},
        {"rel": "up", "href": "https://api.paypal.com/v2/payments/captures/CAP1"},
    ]
    v2 = mean(f"PAYMENT.CAPTURE.{event}", id="REF1", amount=amount, links=links)
    assert v2 == of_12_50(kind, "CAP1", "REF1")
    v1 = mean(f"PAYMENT.CAPTURE.{event}", id="REF1", amount=amount, capture_id="CAP1", links=[])
    assert v1 == of_12_50(kind, "CAP1", "REF1")


@pytest.mark.parametrize(("event", "kind"), [("REFUNDED", "refund.succeeded"), ("REVERSED", "payment.reversed")])
def test_a_refunded_sale_is_named_by_its_id_or_its_link(event: str, kind: str) -> None:
    """v1's `sale_id`, else the link to the sale, else nothing, but for a reversal its own transaction id."""
    refund = {"id": "REF1", "amount": V1}
    link = {"rel": "sale", "href": "https://api.paypal.com/v1/payments/sale/SALE1"}
    assert mean(f"PAYMENT.SALE.{event}", **refund, sale_id="SALE1") == of_12_50(kind, "SALE1", "REF1")
    assert mean(f"PAYMENT.SALE.{event}", **refund, links=[link]) == of_12_50(kind, "SALE1", "REF1")
    own = "REF1" if event == "REVERSED" else None
    self_link = {"rel": "self", "href": "https://api.paypal.com/v1/payments/refund/REF1"}
    assert mean(f"PAYMENT.SALE.{event}", **refund, links=[self_link]) == of_12_50(kind, own, "REF1")


@pytest.mark.parametrize("event", ["CAPTURE.REVERSED", "SALE.REVERSED", "CAPTURE.REFUNDED", "SALE.REFUNDED"])
@pytest.mark.parametrize("path", ["v1/payments/sale", "v1/payments/capture", "v2/payments/captures"])
def test_the_resource_may_be_the_reversed_payment_itself(event: str, path: str) -> None:
    """Its own link says so; a link upwards says it better."""
    links = [{"rel": "self", "href": f"https://api.paypal.com/{path}/PAY1"}]
    assert mean(f"PAYMENT.{event}", id="PAY1", amount=V1, links=links).payment_id == "PAY1"
    links.append({"rel": "up", "href": "https://api.paypal.com/v2/payments/captures/CAP1"})
    assert mean(f"PAYMENT.{event}", id="PAY1", amount=V1, links=links).payment_id == "CAP1"


@pytest.mark.parametrize(
    "links",
    [
        None,
        "x",
        [None],
        [{"rel": "up"}],
        [{"rel": "up", "href": 1}],
        [{"rel": "up", "href": "https://api.paypal.com/v2/checkout/orders/ORDER1"}],
        [{"rel": "up", "href": "https://api.paypal.com/v2/payments/captures/CAP1/refund"}],
        [{"rel": ["up"], "href": "https://api.paypal.com/v2/payments/captures/CAP1"}],
    ],
)
def test_a_link_that_leads_to_no_payment_names_none(links: object) -> None:
    """Only the address of one capture or sale counts."""
    assert mean("PAYMENT.CAPTURE.REFUNDED", id="REF1", amount=V2, links=links).payment_id is None


@pytest.mark.parametrize(("event", "kind"), [("CREATED", "dispute.opened"), ("RESOLVED", "dispute.closed")])
def test_a_dispute_names_the_sellers_transaction(event: str, kind: str) -> None:
    """The first disputed transaction, as the seller knows it."""
    transactions = [{"buyer_transaction_id": "B", "seller_transaction_id": "SALE1"}]
    found = mean(f"CUSTOMER.DISPUTE.{event}", dispute_id="PP-1", dispute_amount=V2, disputed_transactions=transactions)
    assert found == of_12_50(kind, "SALE1", "PP-1")


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("CREATED", "subscription.created"),
        ("ACTIVATED", "subscription.activated"),
        ("UPDATED", "subscription.updated"),
        ("SUSPENDED", "subscription.suspended"),
        ("CANCELLED", "subscription.canceled"),
        ("EXPIRED", "subscription.expired"),
        ("RE-ACTIVATED", "subscription.reactivated"),
        ("SOMETHING.NEW", "subscription.something_new"),
    ],
)
def test_a_subscription_carries_its_last_payment(event: str, kind: str) -> None:
    """The amount is what was paid last; a new subscription has none."""
    billing = {
        "last_payment": {"amount": V2},
        "last_failed_payment": {"amount": {"value": "9", "currency_code": "EUR"}},
    }
    assert mean(f"BILLING.SUBSCRIPTION.{event}", id="I-1", billing_info=billing) == of_12_50(kind, "I-1", "I-1")
    assert mean(f"BILLING.SUBSCRIPTION.{event}", id="I-1").amount_minor is None


def test_a_failed_payment_of_a_subscription_carries_what_failed() -> None:
    """Not what was paid last."""
    billing = {
        "last_failed_payment": {"amount": V2},
        "last_payment": {"amount": {"value": "9", "currency_code": "EUR"}},
    }
    found = mean("BILLING.SUBSCRIPTION.PAYMENT.FAILED", id="I-1", billing_info=billing)
    assert found == of_12_50("subscription.payment_failed", "I-1", "I-1")


@pytest.mark.parametrize(
    "resource",
    [
        {"id": "INV2-1", "total_amount": {"value": "12.50", "currency": "EUR"}},
        {"invoice": {"id": "INV2-1", "total_amount": V2}},
        {"invoice": {"id": "INV2-1", "amount": V2}},
    ],
)
def test_a_paid_invoice_may_be_nested(resource: dict[str, Any]) -> None:
    """v1 has it as the resource, v2 inside it."""
    assert mean("INVOICING.INVOICE.PAID", **resource) == of_12_50("invoice.paid", "INV2-1", "INV2-1")


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("SUCCEEDED", "payout.paid"),
        ("FAILED", "payout.failed"),
        ("BLOCKED", "payout.blocked"),
        ("CANCELED", "payout.canceled"),
        ("DENIED", "payout.denied"),
        ("HELD", "payout.held"),
        ("REFUNDED", "payout.refunded"),
        ("RETURNED", "payout.returned"),
        ("UNCLAIMED", "payout.unclaimed"),
    ],
)
def test_a_payout_item_says_what_became_of_it(event: str, kind: str) -> None:
    """The item is named by its own id."""
    item = {"amount": {"value": "12.5", "currency": "EUR"}}
    assert mean(f"PAYMENT.PAYOUTS-ITEM.{event}", payout_item_id="ITEM1", payout_item=item) == of_12_50(
        kind, "ITEM1", "ITEM1"
    )


@pytest.mark.parametrize(
    ("value", "currency", "minor"),
    [
        ("0.0", "USD", 0),
        ("1.0", "USD", 100),
        ("1001", "USD", 100100),
        ("-0.49", "USD", 49),
        ("0.29", "EUR", 29),
        ("19.99", "GBP", 1999),
        ("1000", "JPY", 1000),
        ("1000.00", "HUF", 1000),
        ("500", "TWD", 500),
        ("9999999999.99", "USD", 999999999999),
    ],
)
def test_amounts_are_exact(value: str, currency: str, minor: int) -> None:
    """Decimal text to minor units without a float in between; the sign of older refunds is dropped."""
    event = mean("PAYMENT.SALE.COMPLETED", id="S", amount={"total": value, "currency": currency})
    assert (event.amount_minor, event.currency) == (minor, currency)


@pytest.mark.parametrize(
    "amount",
    [
        {"value": "1.005", "currency_code": "USD"},
        {"value": "1.5", "currency_code": "JPY"},
        {"value": "1,000.00", "currency_code": "USD"},
        {"value": "1e3", "currency_code": "USD"},
        {"value": " 1", "currency_code": "USD"},
        {"value": "", "currency_code": "USD"},
        {"value": "NaN", "currency_code": "USD"},
        {"value": "١", "currency_code": "USD"},  # noqa: RUF001 - another script's digit on purpose
        {"value": "1" * 30, "currency_code": "USD"},
        {"value": True, "currency_code": "USD"},
        {"value": [1], "currency_code": "USD"},
        {"value": "1.00"},
        {"value": "1.00", "currency_code": 840},
    ],
)
def test_an_amount_that_can_not_be_read_exactly_is_an_error(amount: dict[str, object]) -> None:
    """Nothing is rounded, guessed or dropped."""
    with pytest.raises(MalformedError):
        mean("PAYMENT.CAPTURE.COMPLETED", id="CAP1", amount=amount)


def test_a_payment_in_an_unknown_currency_is_one_without_an_amount() -> None:
    """PayPal's own stablecoin has four letters; the payment is still one."""
    found = mean("PAYMENT.CAPTURE.COMPLETED", id="CAP1", amount={"value": "1.005", "currency_code": "PYUSD"})
    assert found == PaymentEvent(kind="payment.succeeded", payment_id="CAP1")


@pytest.mark.parametrize("event_type", ["PAYMENT.SALE.DENIED", "RISK.DISPUTE.CREATED", "PAYMENT.PAYOUTS-ITEM.NEW", "X"])
def test_what_is_not_in_the_table_means_other(event_type: str) -> None:
    """Stored and acknowledged, with no amount to count."""
    assert mean(event_type, id="1", amount=V2) == PaymentEvent(kind="other")


@pytest.mark.parametrize("resource", [None, [], "x"])
def test_an_event_of_the_table_without_its_resource_is_an_error(resource: object) -> None:
    """A payment without a payment is for a person to look at."""
    body = json.dumps({"id": "WH-1", "event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": resource}).encode()
    with pytest.raises(MalformedError):
        PAYPAL.normalise(body)


def test_the_simulators_impossible_date_is_no_reason_to_refuse() -> None:
    """PayPal's simulator sends month 19; the version is the resource's."""
    body = b'{"id": "WH-1", "event_type": "A", "create_time": "2018-19-12T22:20:32.000Z", "resource_version": "2.0"}'
    identity = PAYPAL.identify(body)
    assert (identity.created_at, identity.api_version) == (None, "2.0")
