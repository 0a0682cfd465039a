"""Stripe: `Stripe-Signature: t=<unix>,v1=<hex>`, HMAC-SHA256 over "<t>.<body>". https://docs.stripe.com/webhooks."""

import hashlib
import hmac
import re
from datetime import datetime
from typing import Final

from lambdas.shared.errors import VerificationError
from lambdas.shared.providers import stripe_meaning
from lambdas.shared.providers.base import STRICT, Options, ProviderSecret, Reason, Verification
from lambdas.shared.providers.headers import check_age, check_body, malformed_header, required, usable_keys
from lambdas.shared.providers.money import DEFAULT_DECIMALS
from lambdas.shared.providers.reading import label, moment, parse, required_identifier
from lambdas.shared.webhook import EventIdentity, PaymentEvent, WebhookRequest

HEADER: Final = "stripe-signature"
SCHEME: Final = "v1"

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
        return stripe_meaning.normalise(parse(body))

    def decimals(self, currency: str) -> int:
        """Return Stripe's own number of decimals."""
        return stripe_meaning.DECIMALS.get(currency.upper(), DEFAULT_DECIMALS)


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
