"""What Stripe's events mean: one rule per event type, for the shapes of all its API versions."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from lambdas.shared.providers.money import Amount, amount_in, codes, minor_units
from lambdas.shared.providers.reading import Fields, dig, identifier, malformed, required_identifier
from lambdas.shared.providers.rules import OTHER, Kind, Rule, by_status, first, meaning
from lambdas.shared.webhook import PaymentEvent

DECIMALS: Final[Mapping[str, int]] = {
    **dict.fromkeys(codes("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"), 0),
    **dict.fromkeys(codes("BHD JOD KWD OMR TND"), 3),
}
"""Stripe's own list, not ISO's: ISK and UGX are sent with two decimals. https://docs.stripe.com/currencies."""

REFUND_STATUS: Final[Mapping[str, str]] = {
    "pending": "refund.pending",
    "requires_action": "refund.pending",
    "succeeded": "refund.succeeded",
    "failed": "refund.failed",
    "canceled": "refund.canceled",
}
DISPUTE_STATUS: Final[Mapping[str, str]] = {"won": "dispute.won", "lost": "dispute.lost"}
SUBSCRIPTION: Final = "customer.subscription."
SUBSCRIPTION_ITEMS: Final = ("items.data",)
SUBSCRIPTION_CURRENCY: Final = (
    "subscription.currency",
    "items.0.price.currency",
    "items.0.plan.currency",
    "subscription.plan.currency",
)
CAPTURED: Final = ("amount_captured",)
REFUNDED: Final = ("amount_refunded",)
"""Amounts that take more than reading one member."""


def normalise(event: Fields) -> PaymentEvent:
    """Say in canonical words what a parsed event means. Raises MalformedError."""
    rule = _rule(required_identifier(event.get("type"), "type"))
    if rule is None:
        return OTHER
    fields = dig(event, "data.object")
    if not isinstance(fields, dict):
        raise malformed("the event has no `data.object`")
    return meaning(rule, fields, _amount)


def _amount(fields: Fields, paths: tuple[str, ...]) -> Amount:
    """Return the integer at the path with the object's currency; a subscription's is the sum over its items."""
    if not paths:
        return None, None
    if paths == SUBSCRIPTION_ITEMS:
        return _subscription_amount(fields)
    read = _CHARGED.get(paths)
    currency = fields.get("currency")
    return amount_in(currency, lambda: minor_units(first(fields, paths)) if read is None else read(fields))


def _captured(charge: Fields) -> int | None:
    """Return what was captured. Charges of before 2020 say it as the amount without the rest that was released."""
    captured = minor_units(charge.get("amount_captured"))
    amount, rest = minor_units(charge.get("amount")), minor_units(charge.get("amount_refunded"))
    return captured if captured is not None or amount is None else amount - (rest or 0)


def _refunded(charge: Fields) -> int | None:
    """Return what went back to the payer of what had been captured; of an authorization that ended, its amount.

    Stripe counts what a capture released, the rest or all, as refunded too, though it never was the merchant's.
    """
    refunded, amount, captured = (
        minor_units(charge.get(name)) for name in ("amount_refunded", "amount", "amount_captured")
    )
    if _is_uncaptured(charge):
        return amount
    if refunded is None or amount is None or captured is None:
        return refunded
    return max(0, refunded - max(0, amount - captured))


_CHARGED: Final[Mapping[tuple[str, ...], Callable[[Fields], int | None]]] = {CAPTURED: _captured, REFUNDED: _refunded}


def _subscription_amount(fields: Fields) -> Amount:
    """Return what one period costs: unit amount times quantity, over all items; None where a price has tiers.

    Subscriptions of API versions without `items` have their one plan and its quantity themselves.
    """
    items = dig(fields, SUBSCRIPTION_ITEMS[0])
    items = items if isinstance(items, list) and items else [fields]
    currency = first({"subscription": fields, "items": items}, SUBSCRIPTION_CURRENCY)
    return amount_in(currency, lambda: _subscription_units(items))


def _subscription_units(items: list[Any]) -> int | None:
    units = [minor_units(first(item, ("price.unit_amount", "plan.amount"))) for item in items]
    counts = [minor_units(dig(item, "quantity")) for item in items]
    if None in units:
        return None
    return minor_units(
        sum((unit or 0) * (1 if count is None else count) for unit, count in zip(units, counts, strict=True))
    )


def _charge(kind: str, *, uncaptured: str | None = None, amount: tuple[str, ...] = ("amount",)) -> Rule:
    """Return the rule of a charge: its payment intent, where there is one, has an event with the same amount.

    `uncaptured` is the kind for a charge that was only authorized.
    """
    return Rule(
        kind=lambda charge: uncaptured if uncaptured and _is_uncaptured(charge) else kind,
        amount=amount,
        payment=("payment_intent", "id"),
        object=("id",),
        is_secondary=_has_intent,
    )


def _has_intent(charge: Fields) -> bool:
    return identifier(charge.get("payment_intent")) is not None


def _is_uncaptured(charge: Fields) -> bool:
    return charge.get("captured") is False


def _payment(kind: str, *amount: str) -> Rule:
    return Rule(kind=kind, amount=(*amount, "amount"), payment=("id",))


_REFUND: Final = Rule(
    kind=by_status(REFUND_STATUS, default="refund.pending"),
    amount=("amount",),
    payment=("payment_intent", "charge"),
    object=("id",),
)


def _dispute(kind: Kind) -> Rule:
    return Rule(kind=kind, amount=("amount",), payment=("payment_intent", "charge"), object=("id",))


def _invoice(kind: str, amount: str) -> Rule:
    """Return the rule of an invoice; since API 2025-03-31.basil it names no payment intent.

    Before payment intents it named a charge, and before `amount_paid` what was due was what a paid one had cost.
    """
    return Rule(
        kind=kind,
        amount=(amount, "amount_due", "total"),
        payment=("payment_intent", "charge", "id"),
        object=("id",),
    )


def _payout(kind: str) -> Rule:
    return Rule(kind=kind, amount=("amount",), object=("id",))


RULES: Final[Mapping[str, Rule]] = {
    "payment_intent.succeeded": _payment("payment.succeeded", "amount_received"),
    "payment_intent.payment_failed": _payment("payment.failed"),
    "payment_intent.processing": _payment("payment.pending"),
    "payment_intent.requires_action": _payment("payment.pending"),
    "payment_intent.created": _payment("payment.pending"),
    "payment_intent.amount_capturable_updated": _payment("payment.authorized", "amount_capturable"),
    "payment_intent.canceled": _payment("payment.canceled"),
    "charge.succeeded": _charge("payment.succeeded", uncaptured="payment.authorized"),
    "charge.captured": _charge("payment.succeeded", amount=CAPTURED),
    "charge.failed": _charge("payment.failed"),
    "charge.expired": _charge("payment.canceled"),
    "charge.refunded": replace(
        _charge("refund.succeeded", uncaptured="payment.canceled", amount=REFUNDED),
        is_cumulative=lambda charge: not _is_uncaptured(charge),
        is_secondary=lambda charge: _is_uncaptured(charge) and _has_intent(charge),
    ),
    "refund.created": _REFUND,
    "refund.updated": _REFUND,
    "refund.failed": _REFUND,
    "charge.refund.updated": _REFUND,
    "charge.dispute.created": _dispute("dispute.opened"),
    "charge.dispute.closed": _dispute(by_status(DISPUTE_STATUS, default="dispute.closed")),
    "checkout.session.completed": Rule(
        kind="checkout.completed", amount=("amount_total",), payment=("payment_intent",), object=("id",)
    ),
    "invoice.paid": _invoice("invoice.paid", "amount_paid"),
    "invoice.payment_succeeded": _invoice("invoice.paid", "amount_paid"),
    "invoice.payment_failed": _invoice("invoice.failed", "amount_due"),
    "invoice_payment.paid": Rule(
        kind="invoice.paid",
        amount=("amount_paid",),
        payment=("payment.payment_intent", "payment.charge"),
        object=("invoice",),
    ),
    "payout.paid": _payout("payout.paid"),
    "payout.failed": _payout("payout.failed"),
}


def _rule(event_type: str) -> Rule | None:
    if event_type.startswith(SUBSCRIPTION):
        happened = event_type.removeprefix(SUBSCRIPTION)
        return Rule(kind=f"subscription.{happened}", amount=SUBSCRIPTION_ITEMS, object=("id",))
    return RULES.get(event_type)
