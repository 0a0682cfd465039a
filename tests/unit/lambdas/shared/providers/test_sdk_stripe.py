"""Stripe's own SDK and this project agree, but for the differences listed here."""

import random
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime

import stripe
from stripe import SignatureVerificationError

from lambdas.shared.errors import WebhookError
from lambdas.shared.providers import get_provider
from lambdas.shared.providers.base import Key, ProviderSecret
from tests.provider_cases import request
from tests.sdk_differences import BODIES, EMPTY_BODY, NOT_UTF8, Difference, compare

SECRETS = ("whsec_right", "whsec_other", " ")
AGES = (0, 0, 0, 0, 10, 280, 320, 3600, -10, -280, -320, -315_360_000)

HEADERS: tuple[str, ...] = (
    "t={t},v1={v1}",
    "t={t},v1={v1}",
    "t={t},v1={v1}",
    "v1={v1},t={t}",
    "t={t},v1={bad},v1={v1}",
    "t={t},v1={v1},v0={bad}",
    "t={t},v0={v1}",
    "t={t},v2={v1}",
    "t={t},v1={upper}",
    "t={t}, v1={v1}",
    " t={t},v1={v1}",
    "t={t},v1={v1} ",
    "t={t},v1={v1},",
    "t={t},v1={v1},nonsense",
    "t={t},v1={v1},t={old}",
    "t={old},v1={v1},t={t}",
    "t={t},v1={v1}=more",
    "t=+{t},v1={v1}",
    "t=0{t},v1={v1}",
    "t= {t},v1={v1}",
    "t={t}.5,v1={v1}",
    "t=-{t},v1={v1}",
    "t=,v1={v1}",
    "t,v1={v1}",
    "v1={v1}",
    "t={t}",
    "t={t},v1=",
    "T={t},V1={v1}",
    "t={t};v1={v1}",
    "garbage",
    "",
)

DIFFERENCES = (
    Difference(
        name="future",
        why="a signature from far ahead of our clock could be replayed until then; the SDK has no upper limit",
        applies=lambda e: int(e["t"]) > int(e["now"]) + 300,
    ),
    Difference(
        name="loose number",
        why="the SDK reads the time as Python reads numbers (+5, 05, ' 5'); Stripe sends digits only",
        applies=lambda e: re.search(r"(^|,)t=[1-9]\d*(,|$)", e["header"]) is None,
    ),
    Difference(
        name="text after the signature",
        why="the SDK drops what follows a second `=`; Stripe sends 64 hex digits only",
        applies=lambda e: "=more" in e["header"],
    ),
    EMPTY_BODY,
    NOT_UTF8,
)


def test_stripes_sdk_agrees_on_ten_thousand_requests() -> None:
    """Accepted by both or by neither, or different for a reason that is listed; every listed reason occurs."""
    seen = compare(_generate, _we_accept, _they_accept, differences=DIFFERENCES)
    assert sum(seen.values()) >= 10_000
    assert set(seen) == {"both accept", "both refuse", *(known.name for known in DIFFERENCES)}
    assert seen["both accept"] > 500


def test_what_we_sign_stripes_sdk_accepts_and_the_other_way_round() -> None:
    """The two make the same header for the same body, time and secret."""
    secret, now = ProviderSecret(keys=(Key(id="k", value=SECRETS[0]),)), int(time.time())
    for body in BODIES[:9]:
        ours = get_provider("stripe").sign(body, secret, at=datetime.fromtimestamp(now, tz=UTC))["stripe-signature"]
        theirs = stripe.WebhookSignature.generate_signature_header(body.decode(), SECRETS[0], now)
        assert ours == theirs
        stripe.WebhookSignature.verify_header(body, ours, SECRETS[0], 300)


def _generate(seeded: random.Random, now: int) -> Mapping[str, str]:
    body = seeded.choice(BODIES)
    signed_body = body if seeded.random() < 0.8 else seeded.choice(BODIES)
    t = now - seeded.choice(AGES)
    key = seeded.choices(SECRETS, weights=(8, 1, 1))[0]
    at = datetime.fromtimestamp(t, tz=UTC)
    secret = ProviderSecret(keys=(Key(id="k", value=key if key.strip() else "x"),))
    v1 = get_provider("stripe").sign(signed_body, secret, at=at)["stripe-signature"].partition("v1=")[2]
    header = seeded.choice(HEADERS).format(t=t, v1=v1, upper=v1.upper(), bad="0" * 64, old=t - 1)
    return {
        "body": body.decode("utf-8", "surrogateescape"),
        "header": header,
        "t": str(t),
        "now": str(now),
        "secret": _checked_with(key),
    }


def _checked_with(key: str) -> str:
    return SECRETS[0] if key.strip() else key


def _we_accept(example: Mapping[str, str]) -> bool:
    body = example["body"].encode("utf-8", "surrogateescape")
    delivery = request("stripe", body, {"stripe-signature": example["header"]})
    secret = ProviderSecret(keys=(Key(id="k", value=example["secret"]),))
    try:
        get_provider("stripe").verify(delivery, secret, now=datetime.now(UTC))
    except WebhookError:
        return False
    return True


def _they_accept(example: Mapping[str, str]) -> bool:
    body = example["body"].encode("utf-8", "surrogateescape")
    try:
        accepted: bool = stripe.WebhookSignature.verify_header(body, example["header"], example["secret"], 300)
    except (SignatureVerificationError, UnicodeDecodeError):
        return False
    return accepted
