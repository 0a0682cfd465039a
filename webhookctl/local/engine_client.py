"""A small asynchronous client of the engine's AWS APIs, for the front door's own needs.

The front door answers requests in milliseconds and starts in a tenth of a second; an SDK would cost more than that to
import, and its calls would block. The engine checks no signatures, only which service the credential is scoped to.
"""

import json
from typing import Any

import aiohttp

from webhookctl.local.state import REGION

_JSON_VERSIONS = {"sqs": "1.0", "dynamodb": "1.0", "monitoring": "1.0"}


class EngineError(Exception):
    """The engine refused a call. `code` is the AWS error code."""

    def __init__(self, code: str, message: str, *, status: int) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.status = status


class EngineClient:
    """Calls the engine over HTTP. All methods raise EngineError, or aiohttp.ClientError when it does not answer."""

    def __init__(self, session: aiohttp.ClientSession, url: str, *, region: str = REGION) -> None:
        self.session = session
        self.url = url
        self.region = region

    async def call(self, service: str, target: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Call an operation of a JSON service, e.g. `call("logs", "Logs_20140328.PutLogEvents", {...})`."""
        headers = self._headers(service) | {
            "X-Amz-Target": target,
            "Content-Type": f"application/x-amz-json-{_JSON_VERSIONS.get(service, '1.1')}",
        }
        async with self.session.post(self.url, data=json.dumps(payload).encode(), headers=headers) as response:
            return _answer(response.status, await response.read())

    async def get(self, service: str, path: str) -> dict[str, Any]:
        """Get a resource of a REST service, e.g. `get("apigateway", "/restapis")`."""
        async with self.session.get(self.url + path, headers=self._headers(service)) as response:
            return _answer(response.status, await response.read())

    def _headers(self, service: str) -> dict[str, str]:
        scope = f"test/20000101/{self.region}/{service}/aws4_request"
        return {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none"}


def _answer(status: int, body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body) if body else {}
    except ValueError:
        answer = {"message": body[:200].decode(errors="replace")}
    if not isinstance(answer, dict):
        raise EngineError("UnexpectedAnswer", str(answer)[:200], status=status)
    if status >= 400:  # noqa: PLR2004 - HTTP: an error
        code = str(answer.get("__type", answer.get("code", status))).rpartition("#")[2]
        raise EngineError(code, str(answer.get("message", answer.get("Message", ""))), status=status)
    return answer
