"""Square: `x-square-hmacsha256-signature`, base64 HMAC-SHA256 over the notification URL and the body.

https://developer.squareup.com/docs/webhooks/step3validate. The signature covers no time: a replay can only be told by
its event id. The legacy `x-square-signature` (SHA-1) is still sent and never looked at.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from lambdas.shared.errors import UnavailableError, VerificationError
from lambdas.shared.providers.base import STRICT, Options, ProviderSecret, Reason, Verification
from lambdas.shared.providers.headers import check_body, malformed_header, required, usable_keys
from lambdas.shared.providers.money import DEFAULT_DECIMALS, ISO_DECIMALS, Amount, amount_in, minor_units
from lambdas.shared.providers.reading import Fields, dig, label, malformed, moment, parse, required_identifier
from lambdas.shared.providers.rules import OTHER, Rule, by_status, first, meaning
from lambdas.shared.webhook import EventIdentity, PaymentEvent, WebhookRequest

HEADER: Final = "x-square-hmacsha256-signature"

PAYMENT_STATUS: Final[Mapping[str, str]] = {
    "APPROVED": "payment.authorized",
    "PENDING": "payment.pending",
    "COMPLETED": "payment.succeeded",
    "CANCELED": "payment.canceled",
    "FAILED": "payment.failed",
}
REFUND_STATUS: Final[Mapping[str, str]] = {
    "PENDING": "refund.pending",
    "COMPLETED": "refund.succeeded",
    "REJECTED": "refund.failed",
    "FAILED": "refund.failed",
}
DISPUTE_STATE: Final[Mapping[str, str]] = dict.fromkeys(("WON", "LOST", "ACCEPTED", "INQUIRY_CLOSED"), "dispute.closed")

SUBSCRIPTION: Final = "subscription."
PAYMENT_REQUESTS: Final = ("payment_requests",)

_SIGNATURE: Final = re.compile(r"[A-Za-z0-9+/]{43}=")

_PAYMENT: Final = Rule(
    kind=by_status(PAYMENT_STATUS, default=OTHER.kind), amount=("total_money", "amount_money"), payment=("id",)
)
_REFUND: Final = Rule(
    kind=by_status(REFUND_STATUS, default=OTHER.kind), amount=("amount_money",), payment=("payment_id",), object=("id",)
)
_DISPUTE: Final = Rule(
    kind=by_status(DISPUTE_STATE, default="dispute.opened", path="state"),
    amount=("amount_money",),
    payment=("disputed_payment.payment_id",),
    object=("id", "dispute_id"),
)


def _invoice(kind: str) -> Rule:
    """Return the rule of an invoice: what has been paid on it so far, over all its payment requests."""
    return Rule(kind=kind, amount=PAYMENT_REQUESTS, payment=("id",), object=("id",), is_cumulative=True)


def _payout(kind: str) -> Rule:
    return Rule(kind=kind, amount=("amount_money",), object=("id",))


RULES: Final[Mapping[str, Rule]] = {
    "payment.created": _PAYMENT,
    "payment.updated": _PAYMENT,
    "refund.created": _REFUND,
    "refund.updated": _REFUND,
    "dispute.created": _DISPUTE,
    "dispute.state.updated": _DISPUTE,
    "dispute.state.changed": _DISPUTE,
    "invoice.payment_made": _invoice("invoice.paid"),
    "invoice.scheduled_charge_failed": _invoice("invoice.failed"),
    "payout.sent": _payout("payout.sent"),
    "payout.paid": _payout("payout.paid"),
    "payout.failed": _payout("payout.failed"),
}


class Square:
    """Square's webhooks. Reads nothing from `Options`; the secret's `extra` must hold `notificationUrl`."""

    name = "square"

    def __init__(self, options: Options = STRICT) -> None:
        del options

    def sign(self, body: bytes, secret: ProviderSecret, *, at: datetime) -> dict[str, str]:
        """Sign with the newest key. Raises UnavailableError when there is no key or no notification URL."""
        key = usable_keys(secret)[0]
        return {
            "content-type": "application/json",
            "user-agent": "Square Connect v2",
            "square-initial-delivery-timestamp": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            HEADER: _digest(body, _notification_url(secret), key.value),
        }

    def verify(self, request: WebhookRequest, secret: ProviderSecret, *, now: datetime) -> Verification:
        """Accept what any key signed for the configured URL, byte for byte. `now` plays no part: no time is signed."""
        del now
        header = required(request, HEADER)
        check_body(request)
        if not _SIGNATURE.fullmatch(header):
            raise malformed_header(HEADER, "is not the base64 of 32 bytes")
        keys, url = usable_keys(secret), _notification_url(secret)
        for key in keys:
            if hmac.compare_digest(_digest(request.body, url, key.value), header):
                return Verification(key_id=key.id)
        raise VerificationError(
            "the signature was not made with a key of ours for this notification URL", reason=Reason.WRONG_SIGNATURE
        )

    def identify(self, body: bytes) -> EventIdentity:
        """Read the envelope; the account is the merchant."""
        event = parse(body)
        return EventIdentity(
            event_id=required_identifier(event.get("event_id"), "event_id"),
            event_type=required_identifier(event.get("type"), "type"),
            created_at=moment(event.get("created_at")),
            account=label(event.get("merchant_id")),
        )

    def normalise(self, body: bytes) -> PaymentEvent:
        """Apply the event type's rule to the one object in `data.object`."""
        event = parse(body)
        event_type = required_identifier(event.get("type"), "type")
        rule = _rule(event_type)
        if rule is None:
            return OTHER
        return meaning(rule, _fields(event, event_type), _amount)

    def decimals(self, currency: str) -> int:
        """Return ISO 4217's number of decimals: Square counts a currency's base units."""
        return ISO_DECIMALS.get(currency.upper(), DEFAULT_DECIMALS)


def _digest(body: bytes, url: str, key: str) -> str:
    """Return the header's value. The key is used as it is shown, never decoded."""
    return base64.b64encode(hmac.new(key.encode(), url.encode() + body, hashlib.sha256).digest()).decode("ascii")


def _notification_url(secret: ProviderSecret) -> str:
    url = secret.extra.get("notificationUrl")
    if not isinstance(url, str) or not url:
        raise UnavailableError("Square's secret holds no notificationUrl yet", reason="secret_incomplete")
    return url


def _rule(event_type: str) -> Rule | None:
    if event_type.startswith(SUBSCRIPTION):
        return Rule(kind=event_type, payment=("customer_id",), object=("id",))
    return RULES.get(event_type)


def _fields(event: Fields, event_type: str) -> Fields:
    """Return the event's object, whose key is not always the type's first word (`order.updated`: `order_updated`)."""
    holder = dig(event, "data.object")
    objects = holder if isinstance(holder, dict) else {}
    kind_of_data = label(dig(event, "data.type")) or ""
    for key in (event_type.split(".", maxsplit=1)[0], kind_of_data, *objects):
        if isinstance(objects.get(key), dict):
            return dict(objects[key])
    raise malformed("the event has no object in `data.object`")


def _amount(fields: Fields, paths: tuple[str, ...]) -> Amount:
    """Return Square's money, `{amount, currency}`; payouts have been seen with `currency_code`."""
    if paths == PAYMENT_REQUESTS:
        return _invoice_amount(fields)
    return _money(first(fields, paths))


def _money(money: object) -> Amount:
    if not isinstance(money, dict):
        return None, None
    return amount_in(first(money, ("currency", "currency_code")), lambda: minor_units(money.get("amount")))


def _invoice_amount(fields: Fields) -> Amount:
    requests = dig(fields, PAYMENT_REQUESTS[0])
    requests = requests if isinstance(requests, list) else []
    paid = [_money(dig(request, "total_completed_amount_money")) for request in requests]
    amounts = [minor for minor, _ in paid if minor is not None]
    currency = next((code for _, code in paid if code is not None), None)
    return minor_units(sum(amounts)) if amounts else None, currency
