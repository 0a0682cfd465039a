"""AWS Lambda's own part of a trace, which the engine lacks: the header each invocation sees and the service's segments.

On AWS the Lambda service writes two segments for an invocation: one for the service (`AWS::Lambda`) and one for the
function (`AWS::Lambda::Function`), with an Invocation subsegment that the SDK's subsegments hang from. An invocation
from a queue begins a trace of its own that is linked to its senders' traces, 20 links at most (X-Ray developer guide,
"Tracing event-driven applications").
"""

import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any, Protocol

from webhookctl.local.xray.header import TraceHeader, new_segment_id, new_trace_id

MAX_LINKS = 20

Emit = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One invocation under way; `header` is its `_X_AMZN_TRACE_ID`."""

    trace_id: str
    sampled: bool
    parent_id: str | None
    links: tuple[TraceHeader, ...]
    service_id: str
    function_id: str
    invocation_id: str
    started: float

    @property
    def header(self) -> str:
        """Return the value of the function's trace environment variable."""
        return str(TraceHeader(root=self.trace_id, parent=self.invocation_id, sampled=self.sampled))


def begin(event: object, *, now: float) -> Invocation:
    """Return the trace context of an invocation: the API's when it has one, else a new one linked to its senders."""
    inbound = _api_header(event)
    links = tuple(_queue_headers(event))
    if inbound is not None:
        sampled = inbound.sampled is not False
    else:
        sampled = not links or any(link.sampled is not False for link in links)
    return Invocation(
        trace_id=inbound.root if inbound else new_trace_id(now),
        sampled=sampled,
        parent_id=inbound.parent if inbound else None,
        links=links[:MAX_LINKS],
        service_id=new_segment_id(),
        function_id=new_segment_id(),
        invocation_id=new_segment_id(),
        started=now,
    )


def segments(
    invocation: Invocation, *, name: str, arn: str, request_id: str, ended: float, error: str | None
) -> list[dict[str, Any]]:
    """Return the two segments of a finished invocation. `error` is the class of what the handler raised."""
    common = {
        "trace_id": invocation.trace_id,
        "name": name,
        "start_time": invocation.started,
        "end_time": ended,
        **({"fault": True} if error else {}),
    }
    service: dict[str, Any] = {
        **common,
        "id": invocation.service_id,
        "origin": "AWS::Lambda",
        "resource_arn": arn,
        "http": {"response": {"status": 200}},
        "aws": {"request_id": request_id},
    }
    if invocation.parent_id:
        service["parent_id"] = invocation.parent_id
    if invocation.links:
        service["links"] = [{"trace_id": link.root, "id": link.parent} for link in invocation.links]
    cause = {"exceptions": [{"id": new_segment_id(), "type": error}]} if error else None
    inner = {"id": invocation.invocation_id, "name": "Invocation", "start_time": invocation.started, "end_time": ended}
    function = {
        **common,
        "id": invocation.function_id,
        "parent_id": invocation.service_id,
        "origin": "AWS::Lambda::Function",
        "aws": {"account_id": _account(arn), "function_arn": arn, "resource_names": [name]},
        "subsegments": [inner | ({"fault": True} if error else {})],
        **({"cause": cause} if cause else {}),
    }
    return [service, function]


def udp_emitter(address: str) -> Emit:
    """Return what sends a segment to the daemon at `host:port`, never failing the caller."""
    host, _, port = address.rpartition(":")
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.setblocking(False)

    def emit(document: dict[str, Any]) -> None:
        with suppress(OSError):
            sender.sendto(b'{"format": "json", "version": 1}\n' + json.dumps(document).encode(), (host, int(port)))

    return emit


class LambdaService(Protocol):
    """The two private functions of the engine's Lambda module that the patch replaces."""

    _execute_function_warm: Callable[[dict[str, Any], Any, str], dict[str, Any]]
    _xray_trace_id_for_invocation: Callable[..., str | None]


def install(service: LambdaService, emit: Emit, *, clock: Callable[[], float] = time.time) -> None:
    """Patch the engine: honour inbound trace headers and write Lambda's segments (it makes a new root each time)."""
    current: ContextVar[Invocation | None] = ContextVar("xray_invocation", default=None)
    execute, fresh = service._execute_function_warm, service._xray_trace_id_for_invocation  # noqa: SLF001

    @wraps(execute)
    def execute_traced(func: dict[str, Any], event: object, request_id: str) -> dict[str, Any]:
        config = func.get("config") or func
        if (config.get("TracingConfig") or {}).get("Mode") != "Active":
            return execute(func, event, request_id)
        invocation = begin(event, now=clock())
        token = current.set(invocation)
        result: dict[str, Any] = {"error": True}
        try:
            result = execute(func, event, request_id)
        finally:
            current.reset(token)
            _write(invocation, config, request_id, result, emit, ended=clock())
        return result

    @wraps(fresh)
    def trace_id(config: dict[str, Any], inbound: str | None = None) -> str | None:
        invocation = current.get()
        return invocation.header if invocation else fresh(config, inbound)

    service._execute_function_warm = execute_traced  # noqa: SLF001
    service._xray_trace_id_for_invocation = trace_id  # noqa: SLF001


def _write(
    invocation: Invocation,
    config: Mapping[str, Any],
    request_id: str,
    result: Mapping[str, Any],
    emit: Emit,
    *,
    ended: float,
) -> None:
    if not invocation.sampled:
        return
    body = result.get("body")
    error = str((body or {}).get("errorType", "Error") if isinstance(body, dict) else "Error")
    name, arn = str(config.get("FunctionName", "")), str(config.get("FunctionArn", ""))
    failed = error if result.get("error") else None
    for document in segments(invocation, name=name, arn=arn, request_id=request_id, ended=ended, error=failed):
        emit(document)


def _api_header(event: object) -> TraceHeader | None:
    headers = event.get("headers") if isinstance(event, dict) else None
    if not isinstance(headers, dict):
        return None
    found = next((value for name, value in headers.items() if str(name).lower() == "x-amzn-trace-id"), None)
    return TraceHeader.parse(str(found)) if found else None


def _queue_headers(event: object) -> Iterator[TraceHeader]:
    records = event.get("Records") if isinstance(event, dict) else None
    for record in records if isinstance(records, list) else ():
        attributes = record.get("attributes") if isinstance(record, dict) else None
        header = TraceHeader.parse(str((attributes or {}).get("AWSTraceHeader", "")))
        if header is not None:
            yield header


def _account(arn: str) -> str:
    parts = arn.split(":")
    return parts[4] if len(parts) > 4 else ""  # noqa: PLR2004
