"""What every provider module offers: sign, verify, identify, normalise."""

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from lambdas.shared.errors import UnavailableError
from lambdas.shared.webhook import EventIdentity, PaymentEvent, WebhookRequest

TOLERANCE = timedelta(seconds=300)
"""How far a signed timestamp may lie in the past or the future. Stripe's SDKs use the same 300 s."""


class Reason(StrEnum):
    """Why a request was refused. Reaches the log and `verify explain`; the HTTP answer says only 400 or 401."""

    MISSING_HEADER = "missing_header"
    MALFORMED_HEADER = "malformed_header"
    MALFORMED_BODY = "malformed_body"
    STALE = "stale"
    FROM_THE_FUTURE = "from_the_future"
    OUTLIVED = "outlived"
    WRONG_SIGNATURE = "wrong_signature"
    CERT_URL_REFUSED = "cert_url_refused"
    CERT_UNAVAILABLE = "cert_unavailable"
    CERT_MALFORMED = "cert_malformed"
    CERT_EXPIRED = "cert_expired"
    CERT_NAME_MISMATCH = "cert_name_mismatch"
    CERT_CHAIN_UNKNOWN = "cert_chain_unknown"
    WRONG_WEBHOOK_ID = "wrong_webhook_id"
    ALGORITHM_REFUSED = "algorithm_refused"
    POSTBACK_REFUSED = "postback_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One signing key (Stripe and Square: the shared secret; PayPal: the webhook id) with its age."""

    id: str
    value: str = field(repr=False)
    created_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSecret:
    """A provider's secret as Secrets Manager holds it.

    JSON: `{"v": 1, "keys": [{"id", "value", "createdAt"}], ...}`, newest key first. More members by provider, kept in
    `extra`:
    - Square `notificationUrl`: the URL that senders call, byte for byte.
    - PayPal `trustPems`: PEM certificates (roots or intermediates), as a list or one text, trusted beside the bundled.
    - PayPal `testCa`: `{"pem": CA PEM, "leaves": {certUrl: leaf PEM}}`; ignored unless `Options.allow_test_ca`.
    - PayPal `signing`: `{"keyPem", "certUrl"}`, added by a sender from its own folder, never stored.
    - PayPal `postback`: `{"clientId", "clientSecret", "apiUrl"?, "minimumAmountMinor"?}`; present = ask PayPal too.
      The minimum is `{currency: minor units}`, or one number of minor units for every currency.
    """

    keys: tuple[Key, ...]
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def from_json(cls, text: str) -> "ProviderSecret":
        """Parse the secret's JSON.

        Raises UnavailableError when it is not valid or holds no usable key: without a key nothing can be verified,
        and an empty one would make every signature forgeable.
        """
        try:
            raw = json.loads(text)
            keys = tuple(
                Key(id=str(k["id"]), value=k["value"], created_at=str(k.get("createdAt", "")))
                for k in raw["keys"]
                if k["value"].strip()
            )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise UnavailableError("the provider secret is malformed", reason="secret_malformed") from error
        if not keys:
            raise UnavailableError("the provider's secret holds no key yet", reason="secret_empty")
        return cls(keys=keys, extra={k: v for k, v in raw.items() if k not in ("keys", "v")})

    def to_json(self) -> str:
        """Return the JSON form that `from_json` reads."""
        keys = [{"id": k.id, "value": k.value, "createdAt": k.created_at} for k in self.keys]
        return json.dumps({"v": 1, "keys": keys, **self.extra})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """A successful verification: which key matched, and when the sender says it signed (None where unsigned).

    `delivery_id` is the signed id of the delivery where the provider has one (PayPal's transmission id, the message id
    of Standard Webhooks). PayPal signs only a CRC32 of the body, so one delivery id with two different bodies is a
    forgery: a store that keeps it can refuse the second.
    """

    key_id: str
    signed_at: datetime | None = None
    delivery_id: str | None = None


def _new_delivery_id() -> str:
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a provider object is made. The default is the strictest, and the only one that production uses.

    `allow_test_ca`: PayPal may trust `extra["testCa"]` and the simulator's webhook id `WEBHOOK_ID`. It comes from the
    environment's settings (ALLOW_TEST_CA), never from a secret, so that whoever can write secrets can't switch it on.
    `fetch`: gets the PEM bytes behind a certificate URL that has passed every rule; None is the real HTTPS fetcher.
    It raises UnavailableError when the answer may be different later, VerificationError when it never will be.
    `postback`: asks the provider's API about a request; None is the real client. See `paypal_postback`.
    `new_delivery_id`: names a delivery that `sign` makes.
    """

    allow_test_ca: bool = False
    fetch: Callable[[str], bytes] | None = None
    postback: Callable[[WebhookRequest, str, Mapping[str, Any]], bool] | None = None
    new_delivery_id: Callable[[], str] = _new_delivery_id


STRICT = Options()


class Provider(Protocol):
    """One webhook provider. Pure: no clock, no client; what it needs comes as arguments or at construction."""

    name: str

    def sign(self, body: bytes, secret: ProviderSecret, *, at: datetime) -> dict[str, str]:
        """Return the headers (lower-case names) that the provider would send with `body`, signed with the newest key.

        Raises UnavailableError when the secret lacks what signing needs.
        """
        ...

    def verify(self, request: WebhookRequest, secret: ProviderSecret, *, now: datetime) -> Verification:
        """Prove that `request` comes from the provider, over its raw bytes. `now` is an aware datetime.

        Raises MalformedError (400) or VerificationError (401), each with a `Reason`; UnavailableError (503) where the
        proof needs something that can't be had just now.
        """
        ...

    def identify(self, body: bytes) -> EventIdentity:
        """Read which event a verified body is. Raises MalformedError."""
        ...

    def normalise(self, body: bytes) -> PaymentEvent:
        """Say in canonical words what the event means. Unknown types give kind `other`. Raises MalformedError."""
        ...

    def decimals(self, currency: str) -> int:
        """Return how many digits this provider puts after the decimal point of a currency (ISO code, any case)."""
        ...
