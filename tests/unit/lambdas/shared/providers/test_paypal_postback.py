"""The postback check against a real HTTPS server that stands for PayPal's API."""

import base64
import json
from pathlib import Path

import pytest

from lambdas.shared.errors import MalformedError, UnavailableError
from lambdas.shared.providers.paypal_postback import ask
from lambdas.shared.webhook import WebhookRequest
from tests.fakes_certificates import Answer, HttpsServer, https_server
from tests.provider_cases import NOW

TOKEN, VERIFY = "/v1/oauth2/token", "/v1/notifications/verify-webhook-signature"
HEADERS = {
    "paypal-auth-algo": "SHA256withRSA",
    "paypal-cert-url": "https://api.paypal.com/v1/notifications/certs/CERT-1",
    "paypal-transmission-id": "id-1",
    "paypal-transmission-sig": "c2ln",
    "paypal-transmission-time": "2026-11-24T12:00:00Z",
}
BODY = b'{ "id":"WH-1",  "price": 1.10, "name": "Z\xc3\xbcrich" }'


def question(server: HttpsServer, body: bytes = BODY) -> bool:
    """Ask the server about a delivery."""
    config = {"clientId": "client", "clientSecret": "hush", "apiUrl": server.url}
    request = WebhookRequest(provider="paypal", headers=HEADERS, body=body, received_at=NOW)
    return ask(request, "HOOK-1", config, context=server.context, timeout_s=30)


def answers(status: str = "SUCCESS") -> dict[str, Answer]:
    """Return an API that gives a token and a verdict."""
    verdict = json.dumps({"verification_status": status}).encode()
    return {TOKEN: Answer(b'{"access_token": "t0k"}'), VERIFY: Answer(verdict)}


@pytest.mark.parametrize(
    ("status", "confirmed"), [("SUCCESS", True), ("FAILURE", False), ("success", False), ("", False)]
)
def test_only_success_confirms(tmp_path: Path, status: str, confirmed: bool) -> None:  # noqa: FBT001 - of the test
    """PayPal's `verification_status` decides, and only in its exact spelling."""
    with https_server(tmp_path, answers(status)) as server:
        assert question(server) is confirmed


def test_the_body_is_sent_as_it_arrived(tmp_path: Path) -> None:
    """The raw bytes are spliced in: re-serialised, PayPal's own check would fail."""
    with https_server(tmp_path, answers()) as server:
        question(server)
    (token_path, token_headers, token_body), (verify_path, verify_headers, sent) = server.seen
    assert (token_path, verify_path) == (TOKEN, VERIFY)
    assert token_headers["authorization"] == "Basic " + base64.b64encode(b"client:hush").decode()
    assert token_body == b"grant_type=client_credentials"
    assert verify_headers["authorization"] == "Bearer t0k"
    assert BODY in sent
    asked = json.loads(sent)
    assert asked.pop("webhook_event") == json.loads(BODY)
    assert asked == {
        "auth_algo": "SHA256withRSA",
        "cert_url": HEADERS["paypal-cert-url"],
        "transmission_id": "id-1",
        "transmission_sig": "c2ln",
        "transmission_time": "2026-11-24T12:00:00Z",
        "webhook_id": "HOOK-1",
    }


@pytest.mark.parametrize("body", [b'{}, "webhook_id": "mine"', b'1}, {"a": 1', b"", b"\xff"])
def test_a_body_that_would_change_the_question_is_never_sent(tmp_path: Path, body: bytes) -> None:
    """What is spliced in must be one JSON object by itself."""
    with https_server(tmp_path, answers()) as server:
        with pytest.raises(MalformedError):
            question(server, body)
        assert server.seen == []


@pytest.mark.parametrize("path", [TOKEN, VERIFY])
@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=500),
        Answer(status=401),
        Answer(b"hello"),
        Answer(b"x" * 20_000),
        Answer(status=302, headers={"location": "/"}),
    ],
)
def test_no_answer_is_no_verdict(tmp_path: Path, path: str, answer: Answer) -> None:
    """When PayPal's API can't say, the delivery is neither accepted nor refused: it comes again."""
    with https_server(tmp_path, answers() | {path: answer}) as server, pytest.raises(UnavailableError):
        question(server)


def test_a_token_that_is_none_is_no_verdict(tmp_path: Path) -> None:
    """An answer without `access_token` ends there."""
    with https_server(tmp_path, answers() | {TOKEN: Answer(b"{}")}) as server, pytest.raises(UnavailableError):
        question(server)


@pytest.mark.parametrize(
    "config", [{}, {"clientId": "a"}, {"clientId": "a", "clientSecret": "b", "apiUrl": "http://api.paypal.com"}]
)
def test_an_incomplete_configuration_is_the_operators_to_mend(config: dict[str, str]) -> None:
    """Without credentials, or without https, nothing is asked."""
    request = WebhookRequest(provider="paypal", headers=HEADERS, body=BODY, received_at=NOW)
    with pytest.raises(UnavailableError) as refused:
        ask(request, "HOOK-1", config)
    assert refused.value.reason == "secret_incomplete"
