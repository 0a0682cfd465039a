"""Asking PayPal's own API whether a webhook is genuine: slower than the signature, but proof of the whole body.

https://developer.paypal.com/docs/api/webhooks/v1/#verify-webhook-signature_post. Not for simulator events.
"""

import base64
import json
import ssl
from collections.abc import Mapping
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request

from lambdas.shared.errors import UnavailableError
from lambdas.shared.providers import paypal_fetch
from lambdas.shared.providers.reading import parse
from lambdas.shared.webhook import WebhookRequest

API_URL: Final = "https://api-m.paypal.com"
TIMEOUT_S: Final = 3.0

FIELDS: Final[Mapping[str, str]] = {
    "auth_algo": "paypal-auth-algo",
    "cert_url": "paypal-cert-url",
    "transmission_id": "paypal-transmission-id",
    "transmission_sig": "paypal-transmission-sig",
    "transmission_time": "paypal-transmission-time",
}


def ask(
    request: WebhookRequest, webhook_id: str, config: Mapping[str, Any], *, context: ssl.SSLContext | None = None
) -> bool:
    """Return whether PayPal confirms the request.

    `config`: `clientId`, `clientSecret` and optionally `apiUrl` (https; the sandbox's is
    https://api-m.sandbox.paypal.com). Costs two calls. Raises UnavailableError when PayPal gives no answer, and
    MalformedError when the body is not JSON, before anything is sent.
    """
    parse(request.body)
    api_url, client_id, client_secret = _settings(config)
    try:
        token = _token(api_url, client_id, client_secret, context=context)
        answer = _call(
            f"{api_url}/v1/notifications/verify-webhook-signature",
            _question(request, webhook_id),
            {"authorization": f"Bearer {token}", "content-type": "application/json"},
            context=context,
        )
    except HTTPError as error:
        error.close()
        raise UnavailableError(f"PayPal's API answered {error.code}", reason="postback_unavailable") from error
    except OSError as error:
        raise UnavailableError("PayPal's API can't be reached", reason="postback_unavailable") from error
    return answer.get("verification_status") == "SUCCESS"


def _settings(config: Mapping[str, Any]) -> tuple[str, str, str]:
    api_url, client_id, client_secret = (
        config.get("apiUrl", API_URL),
        config.get("clientId"),
        config.get("clientSecret"),
    )
    texts = [value for value in (api_url, client_id, client_secret) if isinstance(value, str) and value]
    if len(texts) < 3 or urlsplit(texts[0]).scheme != "https":  # noqa: PLR2004 - the three above
        raise UnavailableError("PayPal's secret has an incomplete postback", reason="secret_incomplete")
    return texts[0].rstrip("/"), texts[1], texts[2]


def _question(request: WebhookRequest, webhook_id: str) -> bytes:
    """Return the call's body, with the webhook's raw bytes spliced in: re-serialised, they would not verify."""
    fields = {name: request.headers[header] for name, header in FIELDS.items()} | {"webhook_id": webhook_id}
    return json.dumps(fields).encode()[:-1] + b', "webhook_event": ' + request.body + b"}"


def _token(api_url: str, client_id: str, client_secret: str, *, context: ssl.SSLContext | None) -> str:
    credentials = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode("ascii")
    answer = _call(
        f"{api_url}/v1/oauth2/token",
        b"grant_type=client_credentials",
        {"authorization": f"Basic {credentials}", "content-type": "application/x-www-form-urlencoded"},
        context=context,
    )
    token = answer.get("access_token")
    if not isinstance(token, str) or not token:
        raise UnavailableError("PayPal's API gave no token", reason="postback_unavailable")
    return token


def _call(url: str, body: bytes, headers: dict[str, str], *, context: ssl.SSLContext | None) -> dict[str, Any]:
    request = Request(url, data=body, headers=headers, method="POST")  # noqa: S310 - https is checked by `_settings`
    answer = paypal_fetch.read(request, context=context, timeout_s=TIMEOUT_S)
    try:
        value = json.loads(answer)
    except ValueError as error:
        raise UnavailableError("PayPal's API gave no JSON", reason="postback_unavailable") from error
    return value if isinstance(value, dict) else {}
