"""The public side of the front door: what API Gateway does around the engine's own execute-api."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from stack.limits import GATEWAY_MAX_BODY_BYTES
from webhookctl.local import trace_header
from webhookctl.local.exchange import Answer, Arrival, Exchange, Gate, Observer, Refusal, message
from webhookctl.local.stage_directory import Stage, StageDirectory
from webhookctl.local.trace_header import TraceHeader

READ_TIMEOUT_S: Final = 30.0
"""A client that has not sent its whole request by then is dropped."""
INTEGRATION_TIMEOUT_S: Final = 29.0
"""API Gateway's own limit (API Gateway quotas)."""
_HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",  # codespell:ignore te
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_NOT_FORWARDED: Final = _HOP_BY_HOP | {
    "host",
    "content-length",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-port",
}
_NOT_RETURNED: Final = _HOP_BY_HOP | {"content-length", "date", "server", "x-amzn-requestid", "x-amzn-trace-id"}
_CONCURRENCY_WAIT_S: Final = 0.05
_UPSTREAM_ERRORS: Final = (aiohttp.ClientError, OSError)

_log = logging.getLogger("webhookctl.gateway")


class BodyTooLargeError(Exception):
    """The client sent more than API Gateway takes."""


class Gateway:
    """Takes public requests, passes each through the gates and on to the engine, and tells the observers.

    `workers` bounds how many requests are in the engine at once; each needs a Lambda process. The others wait.
    `samples` decides for a service (`<API>/<stage>`) whether the next request is traced.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        engine_url: str,
        stages: StageDirectory,
        *,
        gates: Sequence[Gate] = (),
        observers: Sequence[Observer] = (),
        samples: Callable[[str], bool] = lambda _service: True,
        workers: int,
        port: int,
    ) -> None:
        self._session = session
        self._engine_url = engine_url
        self._stages = stages
        self._gates = tuple(gates)
        self._observers = tuple(observers)
        self._samples = samples
        self._slots = asyncio.Semaphore(workers)
        self._port = port
        self._running: set[asyncio.Task[Answer]] = set()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request. What has been received is served to its end even if the client hangs up meanwhile."""
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                body = await read_body(request)
        except BodyTooLargeError:
            return _response(message(413, "Request Too Long"), close=True)
        except TimeoutError:
            return _response(message(408, "Request Time-out"), close=True)
        task = asyncio.create_task(self._serve(request, body))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return _response(await asyncio.shield(task))

    async def drain(self) -> None:
        """Wait until every request that was taken is served."""
        while self._running:
            await asyncio.wait(self._running)

    async def _serve(self, request: web.BaseRequest, body: bytes) -> Answer:
        started = time.monotonic()
        raw_path, _, query = request.raw_path.partition("?")
        stage_name, _, path = raw_path.lstrip("/").partition("/")
        try:
            stage = await self._stages.find(stage_name)
        except _UPSTREAM_ERRORS:
            return message(503, "Service Unavailable")
        if stage is None:
            return message(403, "Forbidden")
        arrival = Arrival(
            method=request.method,
            path=f"/{path}",
            query=query,
            headers=request.headers,
            body=body,
            source_ip=request.remote or "127.0.0.1",
            stage=stage,
            trace=self._trace(request.headers.get(trace_header.NAME), stage),
        )
        return await self._pass(arrival, started)

    def _trace(self, incoming: str | None, stage: Stage) -> TraceHeader:
        """Continue or begin a trace. The stack's sampling rule decides where the caller has not."""
        decided = "Sampled=" in (incoming or "")
        samples = stage.traces and (decided or self._samples(f"{stage.api_name}/{stage.name}"))
        return trace_header.receive(incoming, samples=samples)

    async def _pass(self, arrival: Arrival, started: float) -> Answer:
        arrival, refusal = await self._through_gates(arrival)
        forwarded = time.monotonic()
        answer = refusal.answer if refusal else await self._forward(arrival)
        ended = time.monotonic()
        answer.headers[trace_header.NAME] = f"Root={arrival.trace.root};Sampled={int(arrival.trace.is_sampled)}"
        answer.headers["x-amzn-RequestId"] = arrival.request_id
        answer.headers["x-amz-apigw-id"] = arrival.extended_request_id
        exchange = Exchange(
            arrival=arrival,
            answer=answer,
            integration_latency_s=None if refusal else ended - forwarded,
            latency_s=ended - started,
            context=refusal.context if refusal else {},
        )
        for observer in self._observers:
            observer.completed(exchange)
        return answer

    async def _through_gates(self, arrival: Arrival) -> tuple[Arrival, Refusal | None]:
        """Ask the gates in turn. One that breaks lets nothing through, and the observers learn of the request too."""
        for gate in self._gates:
            try:
                found = await gate.check(arrival)
            except Exception:  # noqa: BLE001 - a request's edge
                _log.exception("a gate broke on request %s", arrival.request_id)
                return arrival, Refusal(message(500, "Internal server error"))
            if isinstance(found, Refusal):
                return arrival, found
            if found is not None:
                arrival = _with_headers(arrival, found.headers)
        return arrival, None

    async def _forward(self, arrival: Arrival) -> Answer:
        try:
            async with asyncio.timeout(INTEGRATION_TIMEOUT_S), self._slots:
                answer = await self._call_engine(arrival)
                while lacks_concurrency(answer):  # nothing ran; AWS has a thousand processes where we have a few
                    await asyncio.sleep(_CONCURRENCY_WAIT_S)
                    answer = await self._call_engine(arrival)
                return normalise(answer)
        except TimeoutError:
            return message(504, "Endpoint request timed out")
        except _UPSTREAM_ERRORS as error:
            _log.warning("the engine did not answer: %s", error)
            return message(503, "Service Unavailable")

    async def _call_engine(self, arrival: Arrival) -> Answer:
        path = f"/_aws/execute-api/{arrival.stage.api_id}/{arrival.stage.name}{arrival.path}"
        url = URL(self._engine_url + path + (f"?{arrival.query}" if arrival.query else ""), encoded=True)
        async with self._session.request(
            arrival.method,
            url,
            data=arrival.body,
            headers=self._headers(arrival),
            allow_redirects=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        ) as response:
            body = await response.read()
            headers = CIMultiDict((k, v) for k, v in response.headers.items() if k.lower() not in _NOT_RETURNED)
            return Answer(response.status, headers, body)

    def _headers(self, arrival: Arrival) -> CIMultiDict[str]:
        kept = CIMultiDict((k, v) for k, v in arrival.headers.items() if k.lower() not in _NOT_FORWARDED)
        kept.setdefault("Content-Type", "application/json")  # API Gateway's default
        kept[trace_header.NAME] = str(arrival.trace)
        # The engine believes the first address as the source; a client's own header would be a lie there.
        kept["X-Forwarded-For"] = arrival.source_ip
        kept["X-Forwarded-Proto"] = "https"  # as on AWS, where nothing else exists
        kept["X-Forwarded-Port"] = str(self._port)
        return kept


def _with_headers(arrival: Arrival, added: Mapping[str, str]) -> Arrival:
    headers = CIMultiDict(arrival.headers)
    for name, value in added.items():
        headers[name] = value
    return replace(arrival, headers=CIMultiDictProxy(headers))


def lacks_concurrency(answer: Answer) -> bool:
    """Tell whether the function had no process free (a stage's own throttle names no reason)."""
    return answer.status == 429 and "Reason" in _fields(answer.body)  # noqa: PLR2004 - HTTP: too many requests


def normalise(answer: Answer) -> Answer:
    """Give the engine's own errors the bodies of API Gateway; answers of the Lambda pass unchanged."""
    fields = _fields(answer.body) if answer.status in {500, 502} else {}
    internal = {
        500: set(fields) == {"message"},
        502: bool({"message", "errorMessage"} & set(fields)),  # a crash: AWS never shows the error's text
    }
    if not internal.get(answer.status):
        return answer
    _log.warning("the integration failed: %s %s", answer.status, answer.body[:500].decode(errors="replace"))
    return message(502 if answer.status == 502 else 500, "Internal server error")  # noqa: PLR2004


def _fields(body: bytes) -> dict[str, object]:
    try:
        fields = json.loads(body)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


async def read_body(request: web.BaseRequest, limit: int = GATEWAY_MAX_BODY_BYTES) -> bytes:
    """Read a request's body as sent. Raises BodyTooLargeError as soon as it is known to exceed the limit."""
    if (request.content_length or 0) > limit:
        raise BodyTooLargeError
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > limit:
            raise BodyTooLargeError
        chunks.append(chunk)
    return b"".join(chunks)


def _response(answer: Answer, *, close: bool = False) -> web.Response:
    response = web.Response(status=answer.status, body=answer.body, headers=answer.headers)
    if close:
        response.force_close()
    return response
