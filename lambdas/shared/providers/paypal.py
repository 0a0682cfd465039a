"""PayPal: RSA-SHA256, by a certificate of PayPal's, over delivery id, time, webhook id and the body's CRC32.

https://developer.paypal.com/api/rest/webhooks/rest/. Only a CRC32 of the body is signed, so a body can be forged under
a genuine signature. Against that: the signed time is bounded here, the delivery id is given out for de-duplication, and
PayPal's API can be asked as well (`paypal_postback`).
"""

import base64
import binascii
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from lambdas.shared.errors import MalformedError, UnavailableError, VerificationError
from lambdas.shared.providers import paypal_fetch, paypal_meaning, paypal_postback
from lambdas.shared.providers.base import STRICT, Key, Options, ProviderSecret, Reason, Verification
from lambdas.shared.providers.headers import check_age, check_body, malformed_header, required, usable_keys
from lambdas.shared.providers.money import DEFAULT_DECIMALS
from lambdas.shared.providers.reading import dig, label, moment, parse, required_identifier
from lambdas.shared.providers.rules import OTHER
from lambdas.shared.webhook import EventIdentity, PaymentEvent, WebhookRequest

if TYPE_CHECKING:
    from lambdas.shared.providers import paypal_certificates

ID: Final = "paypal-transmission-id"
TIME: Final = "paypal-transmission-time"
SIGNATURE: Final = "paypal-transmission-sig"
CERT_URL: Final = "paypal-cert-url"
ALGORITHM_HEADER: Final = "paypal-auth-algo"
ALGORITHM: Final = "SHA256withRSA"

SIMULATOR_WEBHOOK_ID: Final = "WEBHOOK_ID"
"""What PayPal's public simulator signs with, by its live certificate: anyone can have such a request made."""

MAX_AGE: Final = timedelta(days=3, hours=1)
"""PayPal retries for three days; whether a retry is signed anew is not documented, so its first time must do."""

MAX_CACHED: Final = 32
"""Certificates kept. PayPal uses a handful; the bound is against addresses that someone makes up."""

_CERT_URL: Final = re.compile(
    r"https://(?:api|api-m)(?:\.sandbox)?\.paypal\.com(?::443)?/v1/notifications/certs/[A-Za-z0-9_-]{1,128}"
)
_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z", re.ASCII)


class PayPal:
    """PayPal's webhooks. Keeps the certificates it has fetched, by URL."""

    name = "paypal"

    def __init__(self, options: Options = STRICT) -> None:
        self._options = options
        self._certificates: dict[str, bytes] = {}

    def sign(self, body: bytes, secret: ProviderSecret, *, at: datetime) -> dict[str, str]:
        """Sign with the test certificate's key in `extra["signing"]`. Raises UnavailableError without it.

        Nobody can sign as PayPal itself: only receivers that allow the test CA accept this.
        """
        signing = secret.extra.get("signing")
        if not isinstance(signing, Mapping) or not {"keyPem", "certUrl"} <= signing.keys():
            raise UnavailableError("there is no test certificate to sign with", reason="secret_incomplete")
        from lambdas.shared.providers import paypal_certificates  # noqa: PLC0415 - see `_trusted_leaf`

        delivery_id, time = self._options.new_delivery_id(), at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        message = _digest(body, delivery_id, time, usable_keys(secret)[0].value)
        return {
            "content-type": "application/json",
            "user-agent": "PayPal/AUHD-214.0-58391792",
            ID: delivery_id,
            TIME: time,
            SIGNATURE: base64.b64encode(paypal_certificates.sign(message, key_pem=signing["keyPem"])).decode("ascii"),
            CERT_URL: signing["certUrl"],
            ALGORITHM_HEADER: ALGORITHM,
            "paypal-auth-version": "v2",
        }

    def verify(self, request: WebhookRequest, secret: ProviderSecret, *, now: datetime) -> Verification:
        """Check headers and age first, then the certificate, then the signature for each webhook id of ours."""
        delivery = _read(request)
        keys = usable_keys(secret)
        check_age(delivery.signed_at, now=now, past=MAX_AGE)
        leaf = self._trusted_leaf(delivery.cert_url, secret, now=now)
        key = self._matching_key(delivery, keys, leaf)
        self._ask_paypal(request, secret, key)
        return Verification(key_id=key.id, signed_at=delivery.signed_at, delivery_id=delivery.delivery_id)

    def identify(self, body: bytes) -> EventIdentity:
        """Read the envelope. The version is the resource's (1.0 or 2.0: two shapes), else the envelope's."""
        event = parse(body)
        return EventIdentity(
            event_id=required_identifier(event.get("id"), "id"),
            event_type=required_identifier(event.get("event_type"), "event_type"),
            created_at=moment(event.get("create_time")),
            api_version=label(event.get("resource_version")) or label(event.get("event_version")),
        )

    def normalise(self, body: bytes) -> PaymentEvent:
        """Apply the event type's rule to `resource`, in its v1 or v2 shape."""
        return paypal_meaning.normalise(parse(body))

    def decimals(self, currency: str) -> int:
        """Return PayPal's own number of decimals."""
        return paypal_meaning.DECIMALS.get(currency.upper(), DEFAULT_DECIMALS)

    def _trusted_leaf(self, cert_url: str, secret: ProviderSecret, *, now: datetime) -> "paypal_certificates.Leaf":
        # Loading cryptography costs 38 ms, which a Stripe or Square webhook must not pay for.
        from lambdas.shared.providers import paypal_certificates  # noqa: PLC0415

        test = self._test_certificate(cert_url, secret)
        if test is not None:
            leaf_pem, ca_pem = test
            return paypal_certificates.trusted_leaf(leaf_pem, anchors=(ca_pem,), bundled=False, now=now)
        pem = self._certificates.get(cert_url) or (self._options.fetch or paypal_fetch.fetch)(cert_url)
        leaf = paypal_certificates.trusted_leaf(pem, anchors=_trust_pems(secret), bundled=True, now=now)
        if len(self._certificates) >= MAX_CACHED:
            self._certificates.clear()
        self._certificates[cert_url] = pem
        return leaf

    def _test_certificate(self, cert_url: str, secret: ProviderSecret) -> tuple[bytes, bytes] | None:
        """Return the test leaf under that URL and its CA, where the environment's settings allow them."""
        test_ca = secret.extra.get("testCa") if self._options.allow_test_ca else None
        leaf, ca = dig(test_ca, "leaves"), dig(test_ca, "pem")
        leaf = leaf.get(cert_url) if isinstance(leaf, dict) else None
        return (leaf.encode(), ca.encode()) if isinstance(leaf, str) and isinstance(ca, str) else None

    def _matching_key(self, delivery: "_Delivery", keys: tuple[Key, ...], leaf: "paypal_certificates.Leaf") -> Key:
        allowed = [key for key in keys if self._options.allow_test_ca or key.value != SIMULATOR_WEBHOOK_ID]
        for key in allowed:
            if leaf.signed(delivery.message(key.value), delivery.signature):
                return key
        if leaf.signed(delivery.message(SIMULATOR_WEBHOOK_ID), delivery.signature):
            raise VerificationError("the request comes from PayPal's simulator", reason=Reason.WRONG_WEBHOOK_ID)
        raise VerificationError("the signature is not for this body and webhook id", reason=Reason.WRONG_SIGNATURE)

    def _ask_paypal(self, request: WebhookRequest, secret: ProviderSecret, key: Key) -> None:
        """Ask PayPal's API too, where the secret says so and the event's amount is worth it."""
        wanted = secret.extra.get("postback")
        is_test = self._test_certificate(request.headers[CERT_URL], secret) is not None
        if not isinstance(wanted, Mapping) or is_test or key.value == SIMULATOR_WEBHOOK_ID:
            return
        if not self._is_worth_asking(request.body, wanted.get("minimumAmountMinor", 0)):
            return
        if not (self._options.postback or paypal_postback.ask)(request, key.value, wanted):
            raise VerificationError("PayPal's API did not confirm the request", reason=Reason.POSTBACK_REFUSED)

    def _is_worth_asking(self, body: bytes, minimum: object) -> bool:
        """Compare the event's amount with the minimum for its currency; ask wherever there is nothing to compare.

        An event of kind `other` has no effect on a payment: only without any minimum is it asked about.
        """
        if not minimum:
            return True
        try:
            event = self.normalise(body)
        except MalformedError:
            return True
        if event.kind == OTHER.kind:
            return False
        least = minimum.get(event.currency) if isinstance(minimum, Mapping) else minimum
        return not isinstance(least, int) or event.amount_minor is None or event.amount_minor >= least


@dataclass(frozen=True, slots=True, kw_only=True)
class _Delivery:
    """What the headers say, in form but not yet proven."""

    body: bytes
    delivery_id: str
    time: str
    signed_at: datetime
    signature: bytes
    cert_url: str

    def message(self, webhook_id: str) -> bytes:
        return _digest(self.body, self.delivery_id, self.time, webhook_id)


def _digest(body: bytes, delivery_id: str, time: str, webhook_id: str) -> bytes:
    """Return the text that PayPal signs: the CRC32 is of the raw bytes, unsigned, in decimal."""
    return f"{delivery_id}|{time}|{webhook_id}|{zlib.crc32(body)}".encode()


def _read(request: WebhookRequest) -> _Delivery:
    """Read the headers strictly. Raises VerificationError or MalformedError.

    `PAYPAL-AUTH-VERSION` is not among them: it is not signed, and both of its values mean the same recipe.
    """
    delivery_id, time, signature, cert_url, algorithm = (
        required(request, name) for name in (ID, TIME, SIGNATURE, CERT_URL, ALGORITHM_HEADER)
    )
    check_body(request)
    if not _ID.fullmatch(delivery_id):
        raise malformed_header(ID, "is no delivery id")
    signed_at = moment(time) if _TIME.fullmatch(time) else None
    if signed_at is None:
        raise malformed_header(TIME, "is no time of the form 2024-08-02T19:34:57Z")
    if algorithm != ALGORITHM:
        raise VerificationError(f"the algorithm is not {ALGORITHM}", reason=Reason.ALGORITHM_REFUSED)
    if not _CERT_URL.fullmatch(cert_url):
        raise VerificationError("the certificate URL is not one of PayPal's", reason=Reason.CERT_URL_REFUSED)
    return _Delivery(
        body=request.body,
        delivery_id=delivery_id,
        time=time,
        signed_at=signed_at,
        signature=_decode(signature),
        cert_url=cert_url,
    )


def _decode(signature: str) -> bytes:
    """Return the signature's bytes. Only the canonical text is taken: base64 has spare bits that must be zero."""
    try:
        decoded = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError) as error:
        raise malformed_header(SIGNATURE, "is not base64") from error
    if base64.b64encode(decoded).decode("ascii") != signature:
        raise malformed_header(SIGNATURE, "is not canonical base64")
    return decoded


def _trust_pems(secret: ProviderSecret) -> tuple[bytes, ...]:
    """Return what the operator trusts beside the bundled authorities: a list of PEM texts, or one text with several."""
    pems = secret.extra.get("trustPems") or ()
    return tuple(pem.encode() for pem in ([pems] if isinstance(pems, str) else pems) if isinstance(pem, str))
