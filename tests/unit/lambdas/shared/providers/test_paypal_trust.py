"""Whom PayPal's deliveries are believed from: test authority, simulator, forged CRC, postback."""

import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from lambdas.shared.providers import Options
from lambdas.shared.providers.base import Reason
from lambdas.shared.providers.paypal import PayPal
from lambdas.shared.webhook import WebhookRequest
from tests.paypal_cases import LEAF, URL, Certificates, delivery, refusal, secret, strict
from tests.provider_cases import NOW, PAYPAL, no_network, test_ca


def test_the_test_authority_is_not_consulted_where_it_is_not_allowed() -> None:
    """A secret with a `testCa` changes nothing in production: the address is fetched, and nothing is there."""
    strictest = PayPal(Options(fetch=no_network))
    ours = PAYPAL.secret
    assert refusal(strictest, PAYPAL.request(PAYPAL.body()), ours) == Reason.CERT_UNAVAILABLE
    fetched = PayPal(Options(fetch=lambda _: test_ca().leaf_pem.encode()))
    assert refusal(fetched, PAYPAL.request(PAYPAL.body()), ours) == Reason.CERT_CHAIN_UNKNOWN


def test_the_test_authority_vouches_for_its_own_leaves_alone() -> None:
    """A certificate that is fetched is never trusted by the test authority."""
    provider = PayPal(Options(allow_test_ca=True, fetch=lambda _: test_ca().leaf_pem.encode()))
    ours = replace(PAYPAL.secret, extra={**PAYPAL.secret.extra, "testCa": {"pem": test_ca().ca_pem, "leaves": {}}})
    assert refusal(provider, PAYPAL.request(PAYPAL.body()), ours) == Reason.CERT_CHAIN_UNKNOWN


@pytest.mark.parametrize("wrong", [None, "text", [], {}, {"leaves": 1}, {"pem": 1, "leaves": {URL: 1}}])
def test_a_malformed_test_authority_is_ignored(wrong: object) -> None:
    """Whatever stands in the secret in its place, the ordinary rules hold."""
    provider = PayPal(Options(allow_test_ca=True, fetch=no_network))
    assert refusal(provider, delivery(), secret(testCa=wrong)) == Reason.CERT_UNAVAILABLE


def test_the_simulators_webhook_id_is_impossible_in_production() -> None:
    """Anyone can have PayPal's simulator sign with `WEBHOOK_ID`: refused by name, even where it is configured."""
    simulated = delivery(by=secret("WEBHOOK_ID"))
    assert refusal(strict(), simulated, secret()) == Reason.WRONG_WEBHOOK_ID
    assert refusal(strict(), simulated, secret("WEBHOOK_ID")) == Reason.WRONG_WEBHOOK_ID
    allowed = PayPal(Options(allow_test_ca=True, fetch=Certificates({URL: LEAF.pem})))
    assert allowed.verify(simulated, secret("WEBHOOK_ID"), now=NOW).key_id == "key-0"
    assert refusal(allowed, simulated, secret()) == Reason.WRONG_WEBHOOK_ID


def test_a_body_of_the_same_crc_verifies_under_the_same_delivery_id() -> None:
    """The known gap of PayPal's scheme: only a CRC32 is signed. The delivery id is what a store can refuse twice."""
    signed = delivery(b'{"id": "WH-1", "amount": "1.00"}')
    forged = with_crc(b'{"id": "WH-2", "amount": "9.00"}', zlib.crc32(signed.body))
    first = strict().verify(signed, secret(), now=NOW)
    second = strict().verify(replace(signed, body=forged), secret(), now=NOW)
    assert first.delivery_id == second.delivery_id == signed.headers["paypal-transmission-id"]


def with_crc(body: bytes, crc: int) -> bytes:
    """Return the body with four bytes appended that give it a certain CRC32."""
    table = [zlib.crc32(bytes([byte])) ^ zlib.crc32(b"\0") for byte in range(256)]
    top = {entry >> 24: byte for byte, entry in enumerate(table)}
    state, indexes = crc ^ 0xFFFFFFFF, list[int]()
    for _ in range(4):
        indexes.append(top[state >> 24])
        state = ((state ^ table[indexes[-1]]) << 8) & 0xFFFFFFFF
    found, forward = b"", zlib.crc32(body) ^ 0xFFFFFFFF
    for index in reversed(indexes):
        found += bytes([(forward ^ index) & 0xFF])
        forward = (forward >> 8) ^ table[index]
    return body + found


POSTBACK = {"clientId": "id", "clientSecret": "secret", "minimumAmountMinor": 4200}


class Api:
    """Stand for PayPal's API: answer as told and remember the questions."""

    def __init__(self, *, confirms: bool) -> None:
        self.confirms, self.asked = confirms, list[str]()

    def __call__(self, request: WebhookRequest, webhook_id: str, config: Mapping[str, Any]) -> bool:
        """Answer whether the request is genuine."""
        assert config["clientId"] == POSTBACK["clientId"]
        assert request.body
        self.asked.append(webhook_id)
        return self.confirms


@pytest.mark.parametrize("confirms", [True, False])
def test_with_a_postback_paypal_has_the_last_word(confirms: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A delivery that verifies here is refused when PayPal's API does not confirm it."""
    api = Api(confirms=confirms)
    provider = PayPal(Options(fetch=Certificates({URL: LEAF.pem}), postback=api))
    request = delivery(PAYPAL.body())
    if confirms:
        provider.verify(request, secret(postback=POSTBACK), now=NOW)
    else:
        assert refusal(provider, request, secret(postback=POSTBACK)) == Reason.POSTBACK_REFUSED
    assert api.asked == ["4JH86294D6297924G"]


def test_a_postback_is_asked_only_for_what_is_worth_it() -> None:
    """Below the minimum amount, for events without effect, for the simulator and for test certificates: no call."""
    api = Api(confirms=False)
    provider = PayPal(Options(allow_test_ca=True, fetch=Certificates({URL: LEAF.pem}), postback=api))
    ours = secret(postback=POSTBACK)
    provider.verify(delivery(PAYPAL.body().replace(b"42.00", b"41.99")), ours, now=NOW)
    provider.verify(delivery(PAYPAL.body("SOMETHING.ELSE")), ours, now=NOW)
    simulator = secret("WEBHOOK_ID", postback=POSTBACK)
    provider.verify(delivery(PAYPAL.body(), by=simulator), simulator, now=NOW)
    tests = replace(PAYPAL.secret, extra={**PAYPAL.secret.extra, "postback": POSTBACK})
    provider.verify(PAYPAL.request(PAYPAL.body()), tests, now=NOW)
    assert api.asked == []


def amount_of(value: str, currency: str) -> bytes:
    """Return a payment's body with another amount."""
    return PAYPAL.body().replace(b"42.00", value.encode()).replace(b"EUR", currency.encode())


MINIMUMS = {"USD": 4200, "JPY": 5000}


@pytest.mark.parametrize(
    ("body", "minimum", "is_asked"),
    [
        (amount_of("1000.50", "HUF"), 4200, True),
        (amount_of("1000.50", "HUF"), MINIMUMS, True),
        (PAYPAL.body().replace(b"amount", b"amounts"), 4200, True),
        (amount_of("41.99", "USD"), MINIMUMS, False),
        (amount_of("42.00", "USD"), MINIMUMS, True),
        (amount_of("4999", "JPY"), MINIMUMS, False),
        (amount_of("5000", "JPY"), MINIMUMS, True),
        (amount_of("0.01", "EUR"), MINIMUMS, True),
        (amount_of("0.01", "EUR"), 4200, False),
        (PAYPAL.body("SOMETHING.ELSE"), {}, True),
    ],
)
def test_what_can_not_be_compared_with_a_minimum_is_asked_about(
    body: bytes,
    minimum: object,
    is_asked: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """An amount that can't be read, a currency without a minimum: PayPal decides, so nothing genuine is refused."""
    api = Api(confirms=True)
    provider = PayPal(Options(fetch=Certificates({URL: LEAF.pem}), postback=api))
    ours = secret(postback={**POSTBACK, "minimumAmountMinor": minimum})
    provider.verify(delivery(body), ours, now=NOW)
    assert bool(api.asked) is is_asked
