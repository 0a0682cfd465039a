"""Stripe: `Stripe-Signature: t=<unix>,v1=<hex>`, HMAC-SHA256 over "<t>.<body>". https://docs.stripe.com/webhooks."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from lambdas.shared.errors import VerificationError
from lambdas.shared.providers.base import STRICT, Options, ProviderSecret, Reason, Verification
from lambdas.shared.providers.headers import check_age, check_body, malformed_header, required, usable_keys
from lambdas.shared.providers.money import DEFAULT_DECIMALS, codes, currency_code, minor_units
from lambdas.shared.providers.reading import (
    Fields,
    dig,
    identifier,
    label,
    malformed,
    moment,
    parse,
    required_identifier,
)
from lambdas.shared.providers.rules import OTHER, Amount, Kind, Rule, by_status, first, meaning
from lambdas.shared.webhook import EventIdentity, PaymentEvent, WebhookRequest

HEADER: Final = "stripe-signature"
SCHEME: Final = "v1"

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
SUBSCRIPTION_CURRENCY: Final = ("subscription.currency", "items.0.price.currency", "items.0.plan.currency")

_TIMESTAMP: Final = re.compile(r"[1-9]\d{0,11}", re.ASCII)
_SIGNATURE: Final = re.compile(r"[0-9a-f]{64}")


class Stripe:
    """Stripe's snapshot and thin events, its own and those of Connect accounts. Reads nothing from `Options`."""

    name = "stripe"

    def __init__(self, options: Options = STRICT) -> None:
        del options

    def sign(self, body: bytes, secret: ProviderSecret, *, at: datetime) -> dict[str, str]:
        """Sign with the newest key. Raises UnavailableError when there is none."""
        timestamp = str(int(at.timestamp()))
        signature = _digest(body, timestamp, usable_keys(secret)[0].value)
        return {
            "content-type": "application/json; charset=utf-8",
            "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            HEADER: f"t={timestamp},{SCHEME}={signature}",
        }

    def verify(self, request: WebhookRequest, secret: ProviderSecret, *, now: datetime) -> Verification:
        """Accept any `v1` that any key made, within the tolerance. `v0` and unknown items are ignored."""
        header = required(request, HEADER)
        check_body(request)
        keys = usable_keys(secret)
        timestamp, signatures = _read_header(header)
        for key in keys:
            expected = _digest(request.body, timestamp, key.value)
            if any(hmac.compare_digest(expected, signature) for signature in signatures):
                signed_at = _moment(timestamp)
                check_age(signed_at, now=now)
                return Verification(key_id=key.id, signed_at=signed_at)
        raise VerificationError("no signature was made with a key of ours", reason=Reason.WRONG_SIGNATURE)

    def identify(self, body: bytes) -> EventIdentity:
        """Read a snapshot event (`created` is a Unix time) or a thin one (RFC 3339, `context` names the account)."""
        event = parse(body)
        livemode = event.get("livemode")
        return EventIdentity(
            event_id=required_identifier(event.get("id"), "id"),
            event_type=required_identifier(event.get("type"), "type"),
            created_at=moment(event.get("created")),
            api_version=label(event.get("api_version")),
            livemode=livemode if isinstance(livemode, bool) else None,
            account=label(event.get("account")) or label(event.get("context")),
        )

    def normalise(self, body: bytes) -> PaymentEvent:
        """Apply the event type's rule to `data.object`. Thin events carry no object and mean `other`."""
        event = parse(body)
        rule = _rule(required_identifier(event.get("type"), "type"))
        if rule is None:
            return OTHER
        fields = dig(event, "data.object")
        if not isinstance(fields, dict):
            raise malformed("the event has no `data.object`")
        return meaning(rule, fields, _amount)

    def decimals(self, currency: str) -> int:
        """Return Stripe's own number of decimals."""
        return DECIMALS.get(currency.upper(), DEFAULT_DECIMALS)


def _digest(body: bytes, timestamp: str, key: str) -> str:
    """Return the `v1` value. The key is the whole secret text, `whsec_` included, never decoded."""
    return hmac.new(key.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _read_header(header: str) -> tuple[str, list[str]]:
    """Return the timestamp and every well-formed `v1`. The first `t` counts, as in Stripe's SDKs."""
    items = [item.partition("=") for item in header.split(",")]
    timestamp = next((value for name, _, value in items if name == "t"), "")
    if not _TIMESTAMP.fullmatch(timestamp):
        raise malformed_header(HEADER, "has no timestamp (t=<seconds>)")
    values = [value for name, _, value in items if name == SCHEME]
    if not values:
        raise malformed_header(HEADER, f"has no {SCHEME} signature")
    return timestamp, [value for value in values if _SIGNATURE.fullmatch(value)]


def _moment(timestamp: str) -> datetime:
    found = moment(int(timestamp))
    if found is None:
        raise malformed_header(HEADER, "has a timestamp beyond the calendar")
    return found


def _amount(fields: Fields, paths: tuple[str, ...]) -> Amount:
    """Return the integer at the path with the object's currency; a subscription's is the sum over its items."""
    if not paths:
        return None, None
    if paths == SUBSCRIPTION_ITEMS:
        return _subscription_amount(fields)
    return minor_units(first(fields, paths)), currency_code(fields.get("currency"))


def _subscription_amount(fields: Fields) -> Amount:
    """Return what one period costs: unit amount times quantity, over all items; None where a price has tiers."""
    items = dig(fields, SUBSCRIPTION_ITEMS[0])
    items = items if isinstance(items, list) else []
    currency = first({"subscription": fields, "items": items}, SUBSCRIPTION_CURRENCY)
    units = [minor_units(first(item, ("price.unit_amount", "plan.amount"))) for item in items]
    counts = [minor_units(dig(item, "quantity")) for item in items]
    if not units or None in units:
        return None, currency_code(currency)
    total = sum((unit or 0) * (1 if count is None else count) for unit, count in zip(units, counts, strict=True))
    return minor_units(total), currency_code(currency)


def _charge(kind: str) -> Rule:
    """Return the rule of a charge: its payment intent, where there is one, has an event with the same amount."""
    return Rule(
        kind=lambda charge: (
            "payment.authorized" if charge.get("captured") is False and kind.endswith("succeeded") else kind
        ),
        amount=("amount",),
        payment=("payment_intent", "id"),
        object=("id",),
        is_secondary=lambda charge: identifier(charge.get("payment_intent")) is not None,
    )


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
    """Return the rule of an invoice; since API 2025-03-31.basil it names no payment intent."""
    return Rule(kind=kind, amount=(amount,), payment=("payment_intent", "id"), object=("id",))


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
    "charge.succeeded": _charge("payment.succeeded"),
    "charge.failed": _charge("payment.failed"),
    "charge.refunded": Rule(
        kind="refund.succeeded",
        amount=("amount_refunded",),
        payment=("payment_intent", "id"),
        object=("id",),
        is_cumulative=True,
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
