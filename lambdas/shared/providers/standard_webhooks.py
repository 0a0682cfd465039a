"""The Standard Webhooks scheme, which many services share. https://www.standardwebhooks.com.

`webhook-signature: v1,<base64>[ v1,<base64>...]`, HMAC-SHA256 over "<webhook-id>.<webhook-timestamp>.<body>".
"""

import base64
import binascii
import hashlib
import hmac
import re
from datetime import datetime
from typing import Final

from lambdas.shared.errors import UnavailableError, VerificationError
from lambdas.shared.providers.base import STRICT, Options, ProviderSecret, Reason, Verification
from lambdas.shared.providers.headers import check_age, check_body, malformed_header, required, usable_keys
from lambdas.shared.providers.money import DEFAULT_DECIMALS, ISO_DECIMALS
from lambdas.shared.providers.reading import identifier, moment, parse, required_identifier
from lambdas.shared.providers.rules import OTHER
from lambdas.shared.webhook import EventIdentity, PaymentEvent, WebhookRequest

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"
SCHEME: Final = "v1"
KEY_PREFIX: Final = "whsec_"

_ID: Final = re.compile(r"[\x21-\x7e]{1,255}")
_TIMESTAMP: Final = re.compile(r"[1-9]\d{0,11}", re.ASCII)
_SIGNATURE: Final = re.compile(r"[A-Za-z0-9+/]{43}=")


class StandardWebhooks:
    """Any sender of the scheme. The bodies are its own: every event means `other`."""

    name = "standardwebhooks"

    def __init__(self, options: Options = STRICT) -> None:
        self._options = options

    def sign(self, body: bytes, secret: ProviderSecret, *, at: datetime) -> dict[str, str]:
        """Sign with the newest key. Raises UnavailableError when it is none."""
        delivery_id, timestamp = self._options.new_delivery_id(), str(int(at.timestamp()))
        signature = _digest(body, delivery_id, timestamp, _key(usable_keys(secret)[0].value))
        return {
            "content-type": "application/json",
            ID: delivery_id,
            TIMESTAMP: timestamp,
            SIGNATURE: f"{SCHEME},{signature}",
        }

    def verify(self, request: WebhookRequest, secret: ProviderSecret, *, now: datetime) -> Verification:
        """Accept any `v1` that any key made, within the tolerance; asymmetric `v1a` and others are ignored."""
        delivery_id, timestamp, header = (required(request, name) for name in (ID, TIMESTAMP, SIGNATURE))
        check_body(request)
        if not _ID.fullmatch(delivery_id):
            raise malformed_header(ID, "is no message id")
        signed_at = moment(int(timestamp)) if _TIMESTAMP.fullmatch(timestamp) else None
        if signed_at is None:
            raise malformed_header(TIMESTAMP, "is no time in seconds")
        signatures = _read_signatures(header)
        for key in usable_keys(secret):
            expected = _digest(request.body, delivery_id, timestamp, _key(key.value))
            if any(hmac.compare_digest(expected, signature) for signature in signatures):
                check_age(signed_at, now=now)
                return Verification(key_id=key.id, signed_at=signed_at, delivery_id=delivery_id)
        raise VerificationError("no signature was made with a key of ours", reason=Reason.WRONG_SIGNATURE)

    def identify(self, body: bytes) -> EventIdentity:
        """Read `type` and `timestamp`; the id is the body's own `id`, else the body's hash, equal on every retry.

        (The scheme's message id is a header, which is no part of a stored body.)
        """
        event = parse(body)
        return EventIdentity(
            event_id=identifier(event.get("id")) or f"sha256-{hashlib.sha256(body).hexdigest()}",
            event_type=required_identifier(event.get("type"), "type"),
            created_at=moment(event.get("timestamp")),
        )

    def normalise(self, body: bytes) -> PaymentEvent:
        """Return `other`: the scheme says how to sign, not what events mean."""
        required_identifier(parse(body).get("type"), "type")
        return OTHER

    def decimals(self, currency: str) -> int:
        """Return ISO 4217's number of decimals."""
        return ISO_DECIMALS.get(currency.upper(), DEFAULT_DECIMALS)


def _digest(body: bytes, delivery_id: str, timestamp: str, key: bytes) -> str:
    """Return one signature of the header, without its version."""
    message = f"{delivery_id}.{timestamp}.".encode() + body
    return base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode("ascii")


def _key(value: str) -> bytes:
    """Return the key's bytes: unlike Stripe's, what follows `whsec_` is base64. Padding may be missing."""
    text = value.removeprefix(KEY_PREFIX).rstrip("=")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnavailableError("a key of the secret is not base64", reason="secret_malformed") from error
    if not key:
        raise UnavailableError("a key of the secret is empty", reason="secret_empty")
    return key


def _read_signatures(header: str) -> list[str]:
    items = [item.partition(",") for item in header.split(" ")]
    signatures = [value for version, _, value in items if version == SCHEME]
    if not signatures:
        raise malformed_header(SIGNATURE, f"has no {SCHEME} signature")
    return [signature for signature in signatures if _SIGNATURE.fullmatch(signature)]
