"""Explanations: every known mistake is found by name, on requests that the sender signed."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lambdas.shared.errors import UnavailableError
from lambdas.shared.providers.base import Key, ProviderSecret, Reason
from tests.captured import signed, verdict
from tests.fakes_sender import NOW, SQUARE_URL, at, secret_of
from webhookctl.core.explain.capture import Captured
from webhookctl.core.explain.verdict import ADVICE, AGE, Suspicion, check, explain, offline
from webhookctl.core.samples.ids import IdSource
from webhookctl.core.send.compose import Recipe, compose
from webhookctl.errors import CheckFailedError, UsageError

PROVIDERS = ("stripe", "paypal", "square")
SIGNED_WRONG = (Reason.WRONG_SIGNATURE, Reason.WRONG_WEBHOOK_ID)


def with_key(provider: str, value: str) -> ProviderSecret:
    secret = secret_of(provider)
    return replace(secret, keys=(Key(id="other", value=value),))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_genuine_request_verifies(provider: str) -> None:
    """The provider is told by its header, and the verdict names the key."""
    found = verdict(signed(provider), provider)
    assert (found.provider, found.verifies, found.key_id) == (provider, True, f"{provider}-1")
    check(found)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    ("cause", "spoil"),
    [
        ("line breaks changed", lambda body: body + b"\n"),
        ("line breaks changed", lambda body: body.rstrip(b"\n")),
        ("line breaks changed", lambda body: body.replace(b"\n", b"\r\n")),
        ("body in base64", base64.b64encode),
        ("body in base64", base64.encodebytes),
        ("body in base64", lambda body: base64.encodebytes(body).replace(b"\n", b"\r\n")),
        ("re-serialised JSON", lambda body: json.dumps(json.loads(body), indent=4).encode()),
        ("byte order mark", lambda body: b"\xef\xbb\xbf" + body),
        ("quoted body", lambda body: json.dumps(body.decode()).encode()),
        ("character set", lambda body: body.decode().encode("latin-1")),
    ],
)
def test_a_spoilt_body_is_explained(provider: str, cause: str, spoil: Callable[[bytes], bytes]) -> None:
    """What a proxy or a framework does to a body is found by name."""
    body = '{\n  "id": "evt_1",\n  "name": "Zoë / Åse",\n  "type": "x"\n}\n'.encode()
    captured = signed(provider, body)
    found = verdict(replace(captured, body=spoil(body)), provider)
    assert (found.verifies, found.cause) == (False, cause)
    assert found.reason in ("wrong_signature", "wrong_webhook_id")
    with pytest.raises(CheckFailedError, match=cause):
        check(found)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    "layout",
    [{}, {"separators": (",", ":")}, {"ensure_ascii": False, "separators": (",", ":")}, {"indent": 2}, {"indent": 4}],
)
def test_every_usual_way_to_write_json_is_recognised(provider: str, layout: dict[str, Any]) -> None:
    """Whichever library wrote the body again, the provider's own layout is found."""
    item = compose(Recipe(provider=provider), ids=IdSource(1), now=at(NOW))
    again = json.dumps(json.loads(item.body), **layout).encode()
    found = verdict(replace(signed(provider, item.body), body=again), provider)
    assert found.verifies or found.cause in ("re-serialised JSON", "line breaks changed")
    assert found.verifies == (again == item.body)


@pytest.mark.parametrize(
    ("cause", "key"),
    [
        ("white space around the key", "whsec_unit\n"),
        ("key without its prefix", "unit"),
        ("another key", "whsec_old"),
    ],
)
def test_a_wrong_key_is_explained(cause: str, key: str) -> None:
    """What was done to the key before signing is found by name."""
    captured = signed("stripe", secret=with_key("stripe", key))
    found = verdict(captured, "stripe", suspicion=Suspicion(keys=["whsec_older", "whsec_old"]))
    assert (found.verifies, found.cause) == (False, cause)


def test_a_decoded_key_is_explained() -> None:
    """Whoever decodes the base64 of a Stripe key signs something else."""
    secret = with_key("stripe", "whsec_c2VjcmV0LXNlY3JldC0x")
    body, stamp = b'{"id": "evt_1"}', str(int(NOW.timestamp()))
    wrong = hmac.new(b"secret-secret-1", f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    found = explain(Captured(headers={"stripe-signature": f"t={stamp},v1={wrong}"}, body=body), secret, at=NOW)
    assert found.cause == "decoded key"


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/prod/webhook/square",
        "https://hooks.example.com/prod/webhook/square/",
        "https://hooks.example.com/webhook/square",
        "https://hooks.example.com:443/prod/webhook/square",
    ],
)
def test_a_square_url_that_differs_is_explained(url: str) -> None:
    """Scheme, trailing slash, port and stage: the usual differences are tried."""
    secret = secret_of("square")
    captured = signed("square", secret=replace(secret, extra={"notificationUrl": url}))
    found = verdict(captured, "square")
    assert (found.verifies, found.cause) == (False, "another notification URL")


def test_a_url_of_the_operator_s_is_tried() -> None:
    """A URL that nothing leads to can be given."""
    url = "https://elsewhere.example.org/in?x=1"
    captured = signed("square", secret=replace(secret_of("square"), extra={"notificationUrl": url}))
    assert verdict(captured, "square").cause is None
    assert verdict(captured, "square", suspicion=Suspicion(urls=[url])).cause == "another notification URL"


@pytest.mark.parametrize(("key", "cause"), [("WEBHOOK_ID", "PayPal's simulator"), ("5WHOTHER", "another key")])
def test_a_wrong_paypal_webhook_id_is_explained(key: str, cause: str) -> None:
    """Signed for another webhook id: the simulator's, or one that the operator suspects."""
    captured = signed("paypal", secret=with_key("paypal", key))
    found = verdict(captured, "paypal", suspicion=Suspicion(keys=["5WHOTHER"]))
    assert (found.verifies, found.cause) == (False, cause)


@pytest.mark.parametrize(
    ("provider", "later", "reason"),
    [
        ("stripe", timedelta(minutes=10), "stale"),
        ("stripe", -timedelta(minutes=10), "from_the_future"),
        ("paypal", timedelta(days=9), "stale"),
        ("paypal", -timedelta(hours=1), "from_the_future"),
    ],
)
def test_a_clock_that_differs_is_explained(provider: str, later: timedelta, reason: str) -> None:
    """The signature is right, only the time is not: the difference is named."""
    found = verdict(signed(provider), provider, at=NOW + later)
    assert (found.reason, found.cause, found.age_s) == (reason, "clock or age", later.total_seconds())
    assert f"{abs(later.total_seconds()):.0f} s" in found.advice


def test_two_mistakes_at_once_are_found() -> None:
    """A re-serialised body and a wrong URL together."""
    url = SQUARE_URL + "/"
    item = compose(Recipe(provider="square"), ids=IdSource(1), now=at(NOW))
    captured = signed("square", item.body, replace(secret_of("square"), extra={"notificationUrl": url}))
    spoilt = replace(captured, body=json.dumps(json.loads(item.body), indent=2).encode())
    assert verdict(spoilt, "square").cause == "re-serialised JSON, and another notification URL"


def test_an_older_key_of_the_rotation_is_named() -> None:
    """It verifies, and the advice is to finish the rotation."""
    old = secret_of("stripe")
    both = replace(old, keys=(Key(id="new", value="whsec_new"), *old.keys))
    found = explain(signed("stripe"), both, at=NOW)
    assert found.verifies
    assert "stripe-1" in found.advice


def test_another_provider_s_webhook_is_recognised() -> None:
    """Sent to the wrong path: the headers say whose it is."""
    found = explain(signed("square"), secret_of("stripe"), at=NOW, provider="stripe")
    assert (found.reason, found.cause) == ("missing_header", "square's webhook")


def test_what_nothing_explains_is_said_so() -> None:
    """A changed amount is no mistake of transport."""
    captured = signed("stripe")
    found = verdict(replace(captured, body=captured.body.replace(b"4200", b"1")), "stripe")
    assert (found.verifies, found.cause) == (False, None)
    assert found.tried > 50


def test_a_secret_without_the_url_is_asked_for_it_at_once() -> None:
    """Without a notification URL nothing can be right or wrong: no mistake is looked for."""
    with pytest.raises(UsageError, match="nothing can be checked") as caught:
        explain(signed("square"), replace(secret_of("square"), extra={}), at=NOW)
    assert caught.value.hint == "give --url, the notification URL that the sender signs"


def test_a_url_that_was_given_is_tried_for_a_secret_without_one() -> None:
    """The environment's secret may lack it: then that is the mistake."""
    bare = replace(secret_of("square"), extra={})
    found = explain(signed("square"), bare, at=NOW, suspicion=Suspicion(urls=[SQUARE_URL]))
    assert (found.reason, found.cause) == ("secret_incomplete", "another notification URL")
    wrong = explain(signed("square"), bare, at=NOW, suspicion=Suspicion(urls=["https://x.example/y"]))
    assert (wrong.cause, "give --url" in wrong.advice) == (None, True)


@pytest.mark.parametrize("reason", [r for r in Reason if r not in (*AGE, *SIGNED_WRONG)], ids=str)
def test_every_refusal_that_is_no_wrong_signature_has_its_own_advice(reason: Reason) -> None:
    """Whether the body was changed is not the question when it never came to the signature."""
    assert ADVICE[reason]


@pytest.mark.parametrize(
    ("provider", "header", "value", "advice"),
    [
        ("stripe", "stripe-signature", "v1=abc", "was cut off or changed on the way"),
        ("square", "x-square-hmacsha256-signature", "abc", "was cut off or changed on the way"),
        ("paypal", "paypal-auth-algo", "MD5withRSA", "SHA256withRSA and nothing else"),
        ("paypal", "paypal-cert-url", "https://example.com/cert.pem", "do not fetch it"),
    ],
)
def test_the_advice_fits_the_refusal(provider: str, header: str, value: str, advice: str) -> None:
    """It is about the header that is wrong, not about the body or the key."""
    captured = signed(provider)
    found = verdict(replace(captured, headers={**captured.headers, header: value}), provider)
    assert (found.cause, advice in found.advice) == (None, True)


def test_what_the_request_carries_besides_is_no_obstacle() -> None:
    """A time that no calendar has in some header, a host that is none."""
    captured = signed("stripe")
    odd = {**captured.headers, "x-time": "2026-13-45T99:99:99Z 99999999999"}
    assert verdict(replace(captured, headers=odd, body=b"{}", url="http://[::1/"), "stripe").cause is None
    url = "http://[::1/"
    found = explain(replace(signed("square"), body=b"{}", url=url), secret_of("square"), at=NOW)
    assert found.cause is None


def test_an_empty_body_is_said_to_be_missing() -> None:
    """A capture often leaves it out."""
    assert verdict(replace(signed("stripe"), body=b""), "stripe").advice.startswith("the body is missing")


@pytest.mark.parametrize("later", [timedelta(), timedelta(days=9)])
def test_a_certificate_that_can_not_be_had_is_asked_for_once(later: timedelta) -> None:
    """Thousands of ways are tried, none of them by another request; the advice is to bring it, however old it is."""
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        raise UnavailableError("no network", reason=Reason.CERT_UNAVAILABLE)

    captured = signed("paypal")
    url = "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-1d93a270"
    elsewhere = replace(captured, headers={**captured.headers, "paypal-cert-url": url})
    found = verdict(elsewhere, "paypal", at=NOW + later, options=offline(fetch=fetch))
    assert (len(asked), "give it with --cert" in found.advice) == (1, True)


@pytest.mark.parametrize("change", [str.upper, lambda value: value.replace(",", ", "), lambda value: f'"{value}"'])
def test_a_spoilt_header_is_explained(change: Callable[[str], str]) -> None:
    """Quotes, spaces and capitals in the signature header."""
    captured = signed("stripe")
    header = captured.headers["stripe-signature"]
    spoilt = header.replace(header[-64:], header[-64:].upper()) if change is str.upper else change(header)
    found = verdict(replace(captured, headers={**captured.headers, "stripe-signature": spoilt}), "stripe")
    assert found.cause in ("upper-case signature", "quotes or spaces in a header")
