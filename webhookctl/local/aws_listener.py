"""The AWS APIs that the engine lacks, on a port of their own; every other call passes through to the engine.

A handler is found by `X-Amz-Target` (JSON services, e.g. `AWSWAF_20190729.GetSampledRequests`) or by method and path
(REST services, e.g. `POST /TraceSummaries`). Clients come here by AWS_ENDPOINT_URL_<SERVICE>.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from webhookctl.local.state import FRONT_DOOR_HEALTH_PATH

_HOP_BY_HOP: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "host", "content-length", "expect"})


@dataclass(frozen=True)
class ApiCall:
    """A call for one of our own handlers."""

    operation: str
    """The key that found the handler."""
    parameters: Mapping[str, Any]
    """The JSON body; empty where there was none."""
    query: Mapping[str, str]


@dataclass(frozen=True)
class ApiAnswer:
    """What a handler returns: JSON fields and an HTTP status."""

    fields: Mapping[str, Any]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[ApiCall], Awaitable[ApiAnswer]]


def refusal(code: str, text: str, *, status: int = 400) -> ApiAnswer:
    """Return an error that SDKs raise as ClientError with this code."""
    return ApiAnswer({"__type": code, "message": text}, status=status, headers={"x-amzn-ErrorType": code})


class AwsListener:
    """Dispatches to the table of handlers, or to the engine."""

    def __init__(self, session: aiohttp.ClientSession, engine_url: str, handlers: Mapping[str, Handler]) -> None:
        self._session = session
        self._engine_url = engine_url
        self._handlers = dict(handlers)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one API call."""
        if request.path == FRONT_DOOR_HEALTH_PATH:
            return web.json_response({"status": "ok"})
        body = await request.read()
        target = request.headers.get("X-Amz-Target", "")
        operation = target or f"{request.method} {request.path}"
        handler = self._handlers.get(operation)
        if handler is None:
            return await self._pass_through(request, body)
        return await _serve(handler, operation, request, body)

    async def _pass_through(self, request: web.BaseRequest, body: bytes) -> web.Response:
        async with self._session.request(
            request.method,
            URL(self._engine_url + request.raw_path, encoded=True),
            data=body,
            headers=_without_hops(request.headers),
            allow_redirects=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        ) as answer:
            return web.Response(
                status=answer.status, body=await answer.read(), headers=_without_hops(answer.headers, "date", "server")
            )


async def _serve(handler: Handler, operation: str, request: web.BaseRequest, body: bytes) -> web.Response:
    try:
        parameters = json.loads(body) if body else {}
    except ValueError:
        parameters = None
    if not isinstance(parameters, dict):
        answer = refusal("SerializationException", "the body is not a JSON object")
    else:
        answer = await handler(ApiCall(operation, parameters, dict(request.query)))
    content_type = "application/x-amz-json-1.1" if "." in operation else "application/json"
    headers = {"Content-Type": content_type, **answer.headers}
    return web.Response(status=answer.status, body=json.dumps(answer.fields).encode(), headers=headers)


def _without_hops(headers: Mapping[str, str], *others: str) -> CIMultiDict[str]:
    return CIMultiDict((k, v) for k, v in headers.items() if k.lower() not in _HOP_BY_HOP and k.lower() not in others)
