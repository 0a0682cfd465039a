"""Signatures that this project did not compute: vendors' own examples, and `openssl dgst` by hand."""

from datetime import UTC, datetime

from lambdas.shared.providers import get_provider
from lambdas.shared.providers.base import Key, Options, ProviderSecret
from tests.provider_cases import request

OPENSSL_BODY = b'{"id":"evt_1","object":"event","type":"payment_intent.succeeded"}'
OPENSSL_AT = datetime.fromtimestamp(1790000000, tz=UTC)
OPENSSL_V1 = "c4d29ca3e51b4b23c79238e236eb73d8278212ceebf9b1d41a41f30252ba85ac"


def test_openssl_signs_as_stripe_does() -> None:
    """`printf '1790000000.<body>' | openssl dgst -sha256 -hmac whsec_outside_vector` is the v1 value."""
    secret = ProviderSecret(keys=(Key(id="k", value="whsec_outside_vector"),))
    stripe = get_provider("stripe")
    header = f"t=1790000000,v1={OPENSSL_V1}"
    assert stripe.sign(OPENSSL_BODY, secret, at=OPENSSL_AT)["stripe-signature"] == header
    stripe.verify(request("stripe", OPENSSL_BODY, {"stripe-signature": header}), secret, now=OPENSSL_AT)


def test_the_example_of_squares_documentation_verifies() -> None:
    """Key, URL, body and signature as in Square's page on validating webhooks."""
    secret = ProviderSecret(
        keys=(Key(id="k", value="asdf1234"),), extra={"notificationUrl": "https://example.com/webhook"}
    )
    headers = {"x-square-hmacsha256-signature": "2kRE5qRU2tR+tBGlDwMEw2avJ7QM4ikPYD/PJ3bd9Og="}
    get_provider("square").verify(request("square", b'{"hello":"world"}', headers), secret, now=OPENSSL_AT)


def test_openssl_signs_as_square_does() -> None:
    """`printf '<url><body>' | openssl dgst -sha256 -hmac outside-square-key -binary | base64` is the header."""
    secret = ProviderSecret(
        keys=(Key(id="k", value="outside-square-key"),),
        extra={"notificationUrl": "https://example.com/webhook/square"},
    )
    headers = get_provider("square").sign(b'{"event_id":"1","type":"payment.updated"}', secret, at=OPENSSL_AT)
    assert headers["x-square-hmacsha256-signature"] == "6Uzz5Qposaa9dzCuEnJvq8KFpJSKT4DDnhYrc4dZgJk="


def test_the_example_of_standard_webhooks_verifies() -> None:
    """Key, id, time, body and signature that the scheme's reference implementations are tested with."""
    secret = ProviderSecret(keys=(Key(id="k", value="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),))
    at = datetime.fromtimestamp(1614265330, tz=UTC)
    provider = get_provider("standardwebhooks", Options(new_delivery_id=lambda: "msg_p5jXN8AQM9LWM0D4loKWxJek"))
    headers = provider.sign(b'{"test": 2432232314}', secret, at=at)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    provider.verify(request("standardwebhooks", b'{"test": 2432232314}', headers), secret, now=at)
