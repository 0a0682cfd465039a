"""Signed requests: what the sender signs, the receiver's own code accepts; what it breaks, that refuses."""

import json
from datetime import timedelta

import pytest
import stripe
from square.utils.webhooks_helper import verify_signature

from lambdas.shared.errors import WebhookError
from lambdas.shared.providers import Options, get_provider
from lambdas.shared.webhook import WebhookRequest
from tests.fakes_sender import NOW, SQUARE_URL, at, secret_of
from webhookctl.core.samples import catalogue
from webhookctl.core.samples.ids import IdSource
from webhookctl.core.send.compose import Recipe, compose
from webhookctl.core.send.request import Draft, Outgoing, Tamper, Target, draft, sign
from webhookctl.errors import ConfigError, UsageError

PROVIDERS = catalogue.providers()
EVERY = [(provider, name) for provider in PROVIDERS for name in catalogue.event_types(provider)]


def target(provider: str) -> Target:
    return Target(url=SQUARE_URL, secret=secret_of(provider))


def made(provider: str, event_type: str | None = None) -> Draft:
    return compose(Recipe(provider=provider, event_type=event_type), ids=IdSource(1), now=at(NOW))


def verdict(outgoing: Outgoing) -> str:
    """Return `ok`, or the reason for which the receiver's code refuses the request."""
    provider = outgoing.draft.provider
    request = WebhookRequest(provider=provider, headers=outgoing.headers, body=outgoing.body, received_at=NOW)
    try:
        get_provider(provider, Options(allow_test_ca=True)).verify(request, secret_of(provider), now=NOW)
    except WebhookError as error:
        return error.reason
    return "ok"


@pytest.mark.parametrize(("provider", "name"), EVERY)
def test_the_receiver_accepts_every_event_of_the_catalogue(provider: str, name: str) -> None:
    """What `send` signs, `verify` accepts."""
    assert verdict(sign(made(provider, name), target(provider), at=NOW)) == "ok"


@pytest.mark.parametrize("name", catalogue.event_types("stripe"))
def test_stripe_s_sdk_accepts_every_event_of_the_catalogue(name: str) -> None:
    """Stripe's own library takes the signature, as of the time of signing."""
    outgoing = sign(made("stripe", name), target("stripe"), at=NOW)
    key = secret_of("stripe").keys[0].value
    header = outgoing.headers["stripe-signature"]
    assert stripe.WebhookSignature.verify_header(outgoing.body.decode(), header, key)
    assert json.loads(outgoing.body)["type"] == name


@pytest.mark.parametrize("name", catalogue.event_types("square"))
def test_square_s_sdk_accepts_every_event_of_the_catalogue(name: str) -> None:
    """Square's own library takes the signature."""
    outgoing = sign(made("square", name), target("square"), at=NOW)
    assert verify_signature(
        request_body=outgoing.body.decode(),
        signature_header=outgoing.headers["x-square-hmacsha256-signature"],
        signature_key=secret_of("square").keys[0].value,
        notification_url=SQUARE_URL,
    )


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("tamper", [Tamper.BODY, Tamper.SIGNATURE, Tamper.SECRET])
def test_a_tampered_request_is_refused(provider: str, tamper: Tamper) -> None:
    """Whatever is broken, the signature no longer matches; the header's grammar stays."""
    broken = sign(made(provider), target(provider), at=NOW, tamper=tamper)
    assert verdict(broken) in ("wrong_signature", "wrong_webhook_id")


@pytest.mark.parametrize("provider", [p for p in PROVIDERS if catalogue.vocabulary(p).signs_time])
def test_a_tampered_time_is_refused(provider: str) -> None:
    """The time is part of what is signed."""
    broken = sign(made(provider), target(provider), at=NOW, tamper=Tamper.TIMESTAMP)
    assert verdict(broken) in ("wrong_signature", "wrong_webhook_id")


def test_a_time_that_is_not_signed_can_t_be_tampered_with() -> None:
    """Square signs no time: asking for it is a mistake, said before anything is sent."""
    with pytest.raises(UsageError, match="square signs no time"):
        sign(made("square"), target("square"), at=NOW, tamper=Tamper.TIMESTAMP)


@pytest.mark.parametrize(
    ("provider", "offset", "reason"),
    [("stripe", -timedelta(minutes=6), "stale"), ("stripe", timedelta(minutes=6), "from_the_future"),
     ("paypal", -timedelta(days=5), "stale"), ("paypal", timedelta(hours=1), "from_the_future")],
)  # fmt: skip
def test_the_time_to_sign_with_can_be_chosen(provider: str, offset: timedelta, reason: str) -> None:
    """A draft's own time wins over the clock."""
    item = compose(Recipe(provider=provider, signed_at=NOW + offset), ids=IdSource(1), now=at(NOW))
    assert verdict(sign(item, target(provider), at=NOW)) == reason


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("body", [b"\xff\x00{", b"not json", b"\xef\xbb\xbf{}", b"  {}\n"])
def test_any_bytes_are_signed_as_they_are(provider: str, body: bytes) -> None:
    """A body of the operator's is never touched, and its signature holds."""
    item = compose(Recipe(provider=provider, body=body), ids=IdSource(1), now=at(NOW))
    outgoing = sign(item, target(provider), at=NOW)
    assert outgoing.body == body
    assert verdict(outgoing) == "ok"


def test_a_draft_reads_what_the_bytes_say_of_themselves() -> None:
    """Id and type come from the body; bytes that say nothing are sent all the same."""
    item = draft("stripe", made("stripe").body)
    assert item.webhook_id is not None
    assert item.webhook_id.startswith("stripe:evt_")
    assert item.event_type == "payment_intent.succeeded"
    assert draft("stripe", b"?").webhook_id is None


def test_a_secret_that_can_t_sign_is_a_matter_of_configuration() -> None:
    """PayPal without a test certificate is refused with a hint."""
    secret = secret_of("paypal")
    bare = type(secret)(keys=secret.keys)
    with pytest.raises(ConfigError, match="no test certificate"):
        sign(made("paypal"), Target(url=SQUARE_URL, secret=bare), at=NOW)
