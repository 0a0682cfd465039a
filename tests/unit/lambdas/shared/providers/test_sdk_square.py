"""Square's own SDK and this project agree, but for the difference listed here."""

import random
from collections.abc import Mapping
from typing import Final

from square.utils.webhooks_helper import verify_signature

from lambdas.shared.errors import WebhookError
from lambdas.shared.providers import get_provider
from lambdas.shared.providers.base import Key, ProviderSecret
from tests.provider_cases import NOW, request
from tests.sdk_differences import BODIES, Difference, compare

URL: Final = "https://hooks.example.com/prod/webhook/square"
URLS = (
    URL,
    URL,
    URL,
    URL + "/",
    URL.replace("https", "http"),
    URL.upper(),
    URL + "?a=1",
    URL.replace(".com", ".com:443"),
)
KEYS = ("right-key", "right-key", "right-key", "other-key", "right-key ", "cmlnaHQta2V5")
HEADER: Final = "x-square-hmacsha256-signature"

DIFFERENCES = (
    Difference(
        name="not UTF-8",
        why="the SDK takes text only and can't be given these bytes; we verify them, and refuse them when read",
        applies=lambda e: "\udcff" in e["body"],
        we_accept=True,
    ),
)


def test_squares_sdk_agrees_on_ten_thousand_requests() -> None:
    """Accepted by both or by neither, or different for the reason that is listed."""
    seen = compare(_generate, _we_accept, _they_accept, differences=DIFFERENCES)
    assert sum(seen.values()) >= 10_000
    assert set(seen) == {"both accept", "both refuse", "not UTF-8"}
    assert seen["both accept"] > 500


def _secret(key: str, url: str) -> ProviderSecret:
    return ProviderSecret(keys=(Key(id="k", value=key),), extra={"notificationUrl": url})


def _generate(seeded: random.Random, _now: int) -> Mapping[str, str]:
    body = seeded.choice(BODIES)
    signed_body = body if seeded.random() < 0.8 else seeded.choice(BODIES)
    signature = get_provider("square").sign(signed_body, _secret(seeded.choice(KEYS), seeded.choice(URLS)), at=NOW)[
        HEADER
    ]
    header = seeded.choice((
        *(signature,) * 8,
        signature.rstrip("="),
        signature.lower(),
        signature.replace("+", "-").replace("/", "_"),
        signature + " ",
        " " + signature,
        f"{signature},{signature}",
        f"{signature}, {signature}",
        signature[:-2] + chr(ord(signature[-2]) ^ 1) + "=",
        "é",
        "",
    ))  # fmt: skip
    return {"body": body.decode("utf-8", "surrogateescape"), "header": header}


def _we_accept(example: Mapping[str, str]) -> bool:
    body = example["body"].encode("utf-8", "surrogateescape")
    delivery = request("square", body, {HEADER: example["header"]})
    try:
        get_provider("square").verify(delivery, _secret("right-key", URL), now=NOW)
    except WebhookError:
        return False
    return True


def _they_accept(example: Mapping[str, str]) -> bool:
    try:
        accepted: bool = verify_signature(
            request_body=example["body"],
            signature_header=example["header"],
            signature_key="right-key",
            notification_url=URL,
        )
    except UnicodeEncodeError:
        return False
    return accepted
