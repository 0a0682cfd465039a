"""Asking PayPal's own API whether a webhook is genuine: slower than the signature, but proof of the whole body.

https://developer.paypal.com/docs/api/webhooks/v1/#verify-webhook-signature_post. Not for simulator events.
"""

import base64
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request

from lambdas.shared.errors import UnavailableError
from lambdas.shared.providers import paypal_fetch
from lambdas.shared.providers.reading import parse
from lambdas.shared.webhook import WebhookRequest

API_URL: Final = "https://api-m.paypal.com"
TOKEN_PATH: Final = "/v1/oauth2/token"  # noqa: S105 - an address, not a secret
VERIFY_PATH: Final = "/v1/notifications/verify-webhook-signature"
TIMEOUT_S: Final = 2.0
"""For each of the two calls: with the certificate and the table they must fit into the receiver's time."""

FIELDS: Final[Mapping[str, str]] = {
    "auth_algo": "paypal-auth-algo",
    "cert_url": "paypal-cert-url",
    "transmission_id": "paypal-transmission-id",
    "transmission_sig": "paypal-transmission-sig",
    "transmission_time": "paypal-transmission-time",
}


def ask(
    request: WebhookRequest,
    webhook_id: str,
    config: Mapping[str, Any],
    *,
    context: ssl.SSLContext | None = None,
    timeout_s: float = TIMEOUT_S,
) -> bool:
    """Return whether PayPal confirms the request.

    `config`: `clientId`, `clientSecret` and optionally `apiUrl` (https; the sandbox's is
    https://api-m.sandbox.paypal.com). Costs two calls. Raises UnavailableError when PayPal gives no answer, and
    MalformedError when the body is not JSON, before anything is sent.
    """
    parse(request.body)
    url, client_id, client_secret = _settings(config)
    api = _Api(url=url, context=context, timeout_s=timeout_s)
    try:
        answer = api.post_json(VERIFY_PATH, _question(request, webhook_id), token=api.token(client_id, client_secret))
    except HTTPError as error:
        error.close()
        raise _unavailable(f"PayPal's API answered {error.code}") from error
    except (OSError, HTTPException) as error:
        raise _unavailable("PayPal's API can't be reached") from error
    return answer.get("verification_status") == "SUCCESS"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Api:
    """PayPal's API, spoken to over verified HTTPS."""

    url: str
    context: ssl.SSLContext | None
    timeout_s: float

    def token(self, client_id: str, client_secret: str) -> str:
        credentials = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode("ascii")
        headers = {"authorization": f"Basic {credentials}", "content-type": "application/x-www-form-urlencoded"}
        token = self._post(TOKEN_PATH, b"grant_type=client_credentials", headers).get("access_token")
        if not isinstance(token, str) or not token:
            raise _unavailable("PayPal's API gave no token")
        return token

    def post_json(self, path: str, body: bytes, *, token: str) -> dict[str, Any]:
        return self._post(path, body, {"authorization": f"Bearer {token}", "content-type": "application/json"})

    def _post(self, path: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        request = Request(self.url + path, data=body, headers=headers, method="POST")  # noqa: S310 - see `_settings`
        answer = paypal_fetch.read(request, context=self.context, timeout_s=self.timeout_s)
        try:
            value = json.loads(answer)
        except (ValueError, RecursionError) as error:
            raise _unavailable("PayPal's API gave no JSON") from error
        return value if isinstance(value, dict) else {}


def _settings(config: Mapping[str, Any]) -> tuple[str, str, str]:
    wanted = (config.get("apiUrl", API_URL), config.get("clientId"), config.get("clientSecret"))
    url, client_id, client_secret = (value if isinstance(value, str) else "" for value in wanted)
    if not client_id or not client_secret or urlsplit(url).scheme != "https":
        raise UnavailableError("PayPal's secret has an incomplete postback", reason="secret_incomplete")
    return url.rstrip("/"), client_id, client_secret


def _question(request: WebhookRequest, webhook_id: str) -> bytes:
    """Return the call's body, with the webhook's raw bytes spliced in: re-serialised, they would not verify."""
    fields = {name: request.headers[header] for name, header in FIELDS.items()} | {"webhook_id": webhook_id}
    return json.dumps(fields).encode()[:-1] + b', "webhook_event": ' + request.body + b"}"


def _unavailable(why: str) -> UnavailableError:
    return UnavailableError(why, reason="postback_unavailable")
