"""What PayPal's events mean: one rule per event type, for the v1 and the v2 shape of its resources."""

import re
from collections.abc import Mapping
from typing import Any, Final

from lambdas.shared.providers.money import DEFAULT_DECIMALS, Amount, amount_in, minor_units_of_decimal
from lambdas.shared.providers.reading import Fields, dig, malformed, required_identifier
from lambdas.shared.providers.rules import OTHER, Rule, first, meaning
from lambdas.shared.webhook import PaymentEvent

DECIMALS: Final[Mapping[str, int]] = {"HUF": 0, "JPY": 0, "TWD": 0}
"""PayPal's own list, not ISO's. https://developer.paypal.com/reference/currency-codes/."""

SUBSCRIPTION: Final = "BILLING.SUBSCRIPTION."
SUBSCRIPTION_WORDS: Final[Mapping[str, str]] = {"CANCELLED": "canceled", "RE-ACTIVATED": "reactivated"}
"""Where our word is not just PayPal's in lower case."""

PAYOUT: Final = "PAYMENT.PAYOUTS-ITEM."
PAYOUT_WORDS: Final[Mapping[str, str]] = {
    "SUCCEEDED": "paid",
    "FAILED": "failed",
    "BLOCKED": "blocked",
    "CANCELED": "canceled",
    "DENIED": "denied",
    "HELD": "held",
    "REFUNDED": "refunded",
    "RETURNED": "returned",
    "UNCLAIMED": "unclaimed",
}

_CAPTURE_LINK: Final = re.compile(r"/captures?/([A-Za-z0-9-]+)$")
_SALE_LINK: Final = re.compile(r"/sale/([A-Za-z0-9-]+)$")
_LINKS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("up", _CAPTURE_LINK),
    ("capture", _CAPTURE_LINK),
    ("sale", _SALE_LINK),
    ("self", _CAPTURE_LINK),
    ("self", _SALE_LINK),
)
"""Where a refund or reversal says which payment it is of, the surest first: `self` is a payment where the resource is
the reversed payment itself and not its refund."""


def _capture(kind: str) -> Rule:
    return Rule(kind=kind, amount=("amount",), payment=("id",))


def _refund(kind: str, *otherwise: str) -> Rule:
    """Return the rule of an event whose resource is the refund, as a rule, not the payment that was refunded."""
    payment = ("capture_id", "sale_id", "_refunded", *otherwise)
    return Rule(kind=kind, amount=("amount",), payment=payment, object=("id",))


_REVERSAL: Final = _refund("payment.reversed", "id")
"""v1 has reversals that name no payment at all. They stand under their own transaction id then: a chargeback that shows
as a payment of its own is found, one without a payment is not. A refund that names none has none: it was our own."""


def _dispute(kind: str) -> Rule:
    return Rule(
        kind=kind,
        amount=("dispute_amount",),
        payment=("disputed_transactions.0.seller_transaction_id",),
        object=("dispute_id",),
    )


RULES: Final[Mapping[str, Rule]] = {
    "PAYMENT.CAPTURE.COMPLETED": _capture("payment.succeeded"),
    "PAYMENT.CAPTURE.DECLINED": _capture("payment.failed"),
    "PAYMENT.CAPTURE.DENIED": _capture("payment.failed"),
    "PAYMENT.CAPTURE.PENDING": _capture("payment.pending"),
    "PAYMENT.CAPTURE.REFUNDED": _refund("refund.succeeded"),
    "PAYMENT.CAPTURE.REVERSED": _REVERSAL,
    "PAYMENT.SALE.COMPLETED": _capture("payment.succeeded"),
    "PAYMENT.SALE.REFUNDED": _refund("refund.succeeded"),
    "PAYMENT.SALE.REVERSED": _REVERSAL,
    "CUSTOMER.DISPUTE.CREATED": _dispute("dispute.opened"),
    "CUSTOMER.DISPUTE.RESOLVED": _dispute("dispute.closed"),
    "BILLING.SUBSCRIPTION.PAYMENT.FAILED": Rule(
        kind="subscription.payment_failed",
        amount=("billing_info.last_failed_payment.amount",),
        payment=("id",),
        object=("id",),
    ),
    "INVOICING.INVOICE.PAID": Rule(
        kind="invoice.paid",
        amount=("total_amount", "invoice.total_amount", "invoice.amount", "amount"),
        payment=("id", "invoice.id"),
        object=("id", "invoice.id"),
    ),
}


def normalise(event: Fields) -> PaymentEvent:
    """Say in canonical words what a parsed event means. Raises MalformedError."""
    rule = _rule(required_identifier(event.get("event_type"), "event_type"))
    if rule is None:
        return OTHER
    resource = event.get("resource")
    if not isinstance(resource, dict):
        raise malformed("the event has no `resource`")
    return meaning(rule, resource | {"_refunded": _refunded(resource)}, _amount)


def _rule(event_type: str) -> Rule | None:
    if event_type in RULES:
        return RULES[event_type]
    if event_type.startswith(SUBSCRIPTION):
        happened = event_type.removeprefix(SUBSCRIPTION)
        word = SUBSCRIPTION_WORDS.get(happened, happened.lower().replace(".", "_").replace("-", "_"))
        return Rule(
            kind=f"subscription.{word}", amount=("billing_info.last_payment.amount",), payment=("id",), object=("id",)
        )
    word = PAYOUT_WORDS.get(event_type.removeprefix(PAYOUT), "") if event_type.startswith(PAYOUT) else ""
    if not word:
        return None
    return Rule(
        kind=f"payout.{word}", amount=("payout_item.amount",), payment=("payout_item_id",), object=("payout_item_id",)
    )


def _refunded(resource: Fields) -> str | None:
    """Return the payment that the links name: a v2 capture (`up`), a v1 `capture` or `sale`, or the resource itself."""
    links = resource.get("links")
    targets = [(dig(link, "rel"), dig(link, "href")) for link in links] if isinstance(links, list) else []
    for wanted, pattern in _LINKS:
        for relation, target in targets:
            if relation == wanted and isinstance(target, str) and (match := pattern.search(target)):
                return match[1]
    return None


def _amount(fields: Fields, paths: tuple[str, ...]) -> Amount:
    """Return PayPal's money, v1 `{total, currency}` or v2 `{value, currency_code}`, without its sign.

    Older reversals and some refunds are negative; the kind says the direction.
    """
    money: Any = first(fields, paths)
    if not isinstance(money, dict):
        return None, None
    currency = first(money, ("currency_code", "currency"))
    if currency is None:
        raise malformed("the event's amount has no currency")
    return amount_in(currency, lambda: _minor_units(money, str(currency)))


def _minor_units(money: Fields, currency: str) -> int | None:
    decimals = DECIMALS.get(currency.upper(), DEFAULT_DECIMALS)
    minor = minor_units_of_decimal(first(money, ("value", "total")), decimals=decimals)
    return None if minor is None else abs(minor)
