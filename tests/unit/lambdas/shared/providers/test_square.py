"""What is Square's own: the URL in the signature, where the object stands, and what its events mean."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import pytest

from lambdas.shared.errors import MalformedError, UnavailableError, VerificationError
from lambdas.shared.providers import get_provider
from lambdas.shared.providers.base import Reason
from lambdas.shared.webhook import PaymentEvent
from tests.provider_cases import NOTIFICATION_URL, NOW
from tests.provider_cases import SQUARE as CASE

SQUARE = get_provider("square")
MONEY = {"amount": 100, "currency": "USD"}


def mean(event_type: str, key: str, **fields: Any) -> PaymentEvent:
    """Return what an event means whose object has this key and these fields."""
    data = {"type": key, "id": "data-id", "object": {key: fields}}
    return SQUARE.normalise(json.dumps({"event_id": "e", "type": event_type, "data": data}).encode())


@pytest.mark.parametrize(
    "url", [NOTIFICATION_URL + "/", NOTIFICATION_URL.replace("https", "http"), NOTIFICATION_URL.upper(), "", None, 5]
)
def test_the_notification_url_counts_byte_for_byte(url: object) -> None:
    """Signed for another spelling of the address is signed for another address; without one nothing verifies."""
    ours = replace(CASE.secret, extra={"notificationUrl": url})
    with pytest.raises((VerificationError, UnavailableError)) as refused:
        SQUARE.verify(CASE.request(CASE.body()), ours, now=NOW)
    assert refused.value.reason == (Reason.WRONG_SIGNATURE if isinstance(url, str) and url else "secret_incomplete")


def test_the_legacy_signature_is_never_looked_at() -> None:
    """A right HMAC-SHA1 in `x-square-signature` is no proof, alone or beside a wrong one."""
    body = CASE.body()
    sha1 = hmac.new(CASE.key_values[0].encode(), NOTIFICATION_URL.encode() + body, hashlib.sha1).digest()
    signed = CASE.request(body, secret=CASE.with_keys("another"))
    headers = {**signed.headers, "x-square-signature": base64.b64encode(sha1).decode()}
    with pytest.raises(VerificationError):
        SQUARE.verify(replace(signed, headers=headers), CASE.secret, now=NOW)
    del headers["x-square-hmacsha256-signature"]
    with pytest.raises(VerificationError):
        SQUARE.verify(replace(signed, headers=headers), CASE.secret, now=NOW)


@pytest.mark.parametrize("event_type", ["payment.created", "payment.updated"])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("APPROVED", "payment.authorized"),
        ("PENDING", "payment.pending"),
        ("COMPLETED", "payment.succeeded"),
        ("CANCELED", "payment.canceled"),
        ("FAILED", "payment.failed"),
    ],
)
def test_a_payment_is_what_its_status_says(event_type: str, status: str, kind: str) -> None:
    """The inner id is the payment's, which `data.id` need not be; the total includes tip and fees."""
    payment = {"id": "pay", "status": status, "amount_money": {"amount": 90, "currency": "USD"}}
    event = mean(event_type, "payment", **payment, total_money=MONEY)
    assert event == PaymentEvent(kind=kind, payment_id="pay", amount_minor=100, currency="USD")
    assert mean(event_type, "payment", **payment).amount_minor == 90


def test_a_payment_in_an_unknown_currency_is_one_without_an_amount() -> None:
    """`UNKNOWN_CURRENCY` is one of Square's own codes; a malformed amount in a known one is an error still."""
    money = {"amount": 7, "currency": "UNKNOWN_CURRENCY"}
    event = mean("payment.updated", "payment", id="pay", status="COMPLETED", total_money=money)
    assert event == PaymentEvent(kind="payment.succeeded", payment_id="pay")
    with pytest.raises(MalformedError):
        mean("payment.updated", "payment", id="pay", status="COMPLETED", total_money={**MONEY, "amount": "7"})


def test_a_status_that_nobody_knows_means_other() -> None:
    """No state is claimed for it."""
    assert mean("payment.updated", "payment", id="pay", status="NEW", total_money=MONEY) == PaymentEvent(kind="other")
    assert mean("refund.updated", "refund", id="ref", amount_money=MONEY) == PaymentEvent(kind="other")


@pytest.mark.parametrize("event_type", ["refund.created", "refund.updated"])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("PENDING", "refund.pending"),
        ("COMPLETED", "refund.succeeded"),
        ("REJECTED", "refund.failed"),
        ("FAILED", "refund.failed"),
    ],
)
def test_a_refund_is_what_its_status_says(event_type: str, status: str, kind: str) -> None:
    """It names the payment that is refunded."""
    event = mean(event_type, "refund", id="ref", payment_id="pay", status=status, amount_money=MONEY)
    assert event == PaymentEvent(kind=kind, payment_id="pay", object_id="ref", amount_minor=100, currency="USD")


@pytest.mark.parametrize("event_type", ["dispute.created", "dispute.state.updated", "dispute.state.changed"])
@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("EVIDENCE_REQUIRED", "dispute.opened"),
        ("INQUIRY_PROCESSING", "dispute.opened"),
        ("PROCESSING", "dispute.opened"),
        ("WON", "dispute.closed"),
        ("LOST", "dispute.closed"),
        ("ACCEPTED", "dispute.closed"),
        ("INQUIRY_CLOSED", "dispute.closed"),
    ],
)
def test_a_dispute_is_open_until_it_is_decided(event_type: str, state: str, kind: str) -> None:
    """The state decides."""
    event = mean(
        event_type, "dispute", id="dis", state=state, amount_money=MONEY, disputed_payment={"payment_id": "pay"}
    )
    assert event == PaymentEvent(kind=kind, payment_id="pay", object_id="dis", amount_minor=100, currency="USD")


@pytest.mark.parametrize(
    ("event_type", "kind"),
    [("invoice.payment_made", "invoice.paid"), ("invoice.scheduled_charge_failed", "invoice.failed")],
)
def test_an_invoice_counts_what_has_been_paid_on_it(event_type: str, kind: str) -> None:
    """The sum over its payment requests is a running total."""
    requests = [{"total_completed_amount_money": MONEY}, {"total_completed_amount_money": MONEY}, {}]
    event = mean(event_type, "invoice", id="inv", payment_requests=requests)
    assert event == PaymentEvent(
        kind=kind, payment_id="inv", object_id="inv", amount_minor=200, currency="USD", is_cumulative=True
    )
    assert mean(event_type, "invoice", id="inv").amount_minor is None


@pytest.mark.parametrize("outcome", ["sent", "paid", "failed"])
@pytest.mark.parametrize("name", ["currency", "currency_code"])
def test_a_payout_names_its_currency_in_either_way(outcome: str, name: str) -> None:
    """Square's published examples use both spellings."""
    event = mean(f"payout.{outcome}", "payout", id="po", amount_money={"amount": 457, name: "EUR"})
    assert event == PaymentEvent(kind=f"payout.{outcome}", object_id="po", amount_minor=457, currency="EUR")


def test_a_subscription_names_its_customer() -> None:
    """Its events carry no amount."""
    event = mean("subscription.created", "subscription", id="sub", customer_id="cus", status="ACTIVE")
    assert event == PaymentEvent(kind="subscription.created", payment_id="cus", object_id="sub")


@pytest.mark.parametrize("key", ["payment", "payment_updated", "anything"])
def test_the_object_is_found_under_any_key(key: str) -> None:
    """The key is not always the type's first word."""
    assert mean("payment.updated", key, id="pay", status="COMPLETED", total_money=MONEY).payment_id == "pay"


@pytest.mark.parametrize("data", ["null", "{}", '{"object": {}}', '{"object": {"payment": 1}}', '{"object": []}'])
def test_an_event_of_the_table_without_its_object_is_an_error(data: str) -> None:
    """A payment without a payment is for a person to look at."""
    with pytest.raises(MalformedError):
        SQUARE.normalise(b'{"event_id": "e", "type": "payment.updated", "data": %s}' % data.encode())


@pytest.mark.parametrize("event_type", ["order.created", "dispute.evidence.created", "invoice.created", "payout.new"])
def test_what_is_not_in_the_table_means_other(event_type: str) -> None:
    """Stored and acknowledged, with no amount to count."""
    assert mean(event_type, "payment", id="pay", status="COMPLETED", total_money=MONEY) == PaymentEvent(kind="other")


def test_the_merchant_is_the_account() -> None:
    """One application receives the webhooks of many merchants."""
    identity = SQUARE.identify(
        b'{"event_id": "e", "type": "a.b", "merchant_id": "M", "created_at": "2020-02-06T21:27:30.792Z"}'
    )
    assert identity.account == "M"
    assert identity.created_at is not None
    assert identity.created_at.microsecond == 792000
