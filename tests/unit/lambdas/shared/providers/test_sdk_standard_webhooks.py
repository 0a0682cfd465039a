"""The reference library of Standard Webhooks and this project agree, but for the differences listed here."""

import base64
import binascii
import random
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from lambdas.shared.errors import WebhookError
from lambdas.shared.providers import get_provider
from lambdas.shared.providers.base import Key, Options, ProviderSecret
from tests.provider_cases import request
from tests.sdk_differences import BODIES, EMPTY_BODY, NOT_UTF8, Difference, compare

AGES = (0, 0, 0, 0, 10, 280, 320, 3600, -10, -280, -320, -315_360_000)
RIGHT = "whsec_" + base64.b64encode(b"the right key, 24 bytes!").decode()
UNPADDED = RIGHT.rstrip("=")
OTHER = "whsec_" + base64.b64encode(b"another key of 24 bytes!").decode()
BAD: Final = "A" * 43 + "="
IDS = ("msg_1", "msg_1", "msg-2.3", "m" * 255, "")

TIMESTAMPS = ("{t}", "{t}", "{t}", "{t}", "{t}.0", "+{t}", "0{t}", " {t}", "soon", "", "nan", "-1")
SIGNATURES = (
    *("v1,{v1}",) * 12,
    "v1,{bad} v1,{v1}",
    "v1,{v1} v1a,{bad}",
    "v1a,{v1}",
    "v2,{v1}",
    "v1,{v1} nonsense",
    "nonsense v1,{v1}",
    "v1,{v1},more",
    "v1,{v1}  v1,{bad}",
    "v1,{newline}",
    "v1,{v1},v1,{v1}",
    "v1={v1}",
    "{v1}",
    "",
)

DIFFERENCES = (
    Difference(
        name="loose number",
        why="the library reads the time as Python reads floats (5.0, +5, 05, ' 5') and signs its whole seconds",
        applies=lambda e: re.fullmatch(r"[1-9]\d*", e["webhook-timestamp"]) is None,
    ),
    Difference(
        name="loose base64",
        why="the library drops characters that are no base64; one signature then has many spellings",
        applies=lambda e: "\n" in e["webhook-signature"],
    ),
    EMPTY_BODY,
    NOT_UTF8,
    Difference(
        name="nonsense beside a signature",
        why="the library fails on an item without exactly one comma, though another item is a good signature",
        applies=lambda e: any(item.count(",") != 1 for item in e["webhook-signature"].split(" ")),
        we_accept=True,
    ),
)


def test_the_reference_library_agrees_on_ten_thousand_requests() -> None:
    """Accepted by both or by neither, or different for a reason that is listed; every listed reason occurs."""
    seen = compare(_generate, _we_accept, _they_accept, differences=DIFFERENCES)
    assert sum(seen.values()) >= 10_000
    assert set(seen) == {"both accept", "both refuse", *(known.name for known in DIFFERENCES)}
    assert seen["both accept"] > 500


def test_what_the_reference_library_signs_we_sign() -> None:
    """The two make the same signature, with the key padded or not."""
    now = int(time.time())
    for body in BODIES[:9]:
        for key in (RIGHT, UNPADDED):
            theirs = Webhook(key).sign("msg_1", datetime.fromtimestamp(now, tz=UTC), body.decode())
            assert _sign(body, key, "msg_1", now) == theirs


def _sign(body: bytes, key: str, delivery_id: str, t: int) -> str:
    provider = get_provider("standardwebhooks", Options(new_delivery_id=_NAMERS[delivery_id]))
    secret = ProviderSecret(keys=(Key(id="k", value=key),))
    return provider.sign(body, secret, at=datetime.fromtimestamp(t, tz=UTC))["webhook-signature"]


_NAMERS = {name: (lambda name=name: name) for name in IDS}


def _generate(seeded: random.Random, now: int) -> Mapping[str, str]:
    body, delivery_id = seeded.choice(BODIES), seeded.choice(IDS)
    signed_body = body if seeded.random() < 0.8 else seeded.choice(BODIES)
    t = now - seeded.choice(AGES)
    v1 = _sign(signed_body, seeded.choice((RIGHT, RIGHT, RIGHT, OTHER)), delivery_id, t).removeprefix("v1,")
    return {
        "body": body.decode("utf-8", "surrogateescape"),
        "webhook-id": delivery_id,
        "webhook-timestamp": seeded.choice(TIMESTAMPS).format(t=t),
        "webhook-signature": seeded.choice(SIGNATURES).format(v1=v1, bad=BAD, newline=v1[:9] + "\n" + v1[9:]),
    }


def _we_accept(example: Mapping[str, str]) -> bool:
    delivery = request("standardwebhooks", example["body"].encode("utf-8", "surrogateescape"), example)
    secret = ProviderSecret(keys=(Key(id="k", value=RIGHT),))
    try:
        get_provider("standardwebhooks").verify(delivery, secret, now=datetime.now(UTC))
    except WebhookError:
        return False
    return True


def _they_accept(example: Mapping[str, str]) -> bool:
    body = example["body"].encode("utf-8", "surrogateescape")
    try:
        Webhook(RIGHT).verify(body, dict(example), json_parse=False)
    except (WebhookVerificationError, UnicodeDecodeError, ValueError, binascii.Error):
        return False
    return True
