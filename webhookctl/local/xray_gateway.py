"""API Gateway's part of a trace: the trace header of a request, and the stage's segment with its call of the Lambda."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from webhookctl.local.xray_header import Sampler, TraceHeader, new_segment_id, new_trace_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The stage that the segments speak of."""

    api_name: str
    api_id: str
    stage: str
    function_name: str
    region: str = "us-east-1"
    account_id: str = "000000000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A finished request. `started` and `ended` are epoch seconds at the front door's edges."""

    method: str
    url: str
    client_ip: str
    user_agent: str
    request_id: str
    status: int
    started: float
    ended: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayTrace:
    """A request under way. `header` is what the Lambda must see as X-Amzn-Trace-Id."""

    header: str
    trace_id: str
    sampled: bool
    parent_id: str | None
    segment_id: str
    call_id: str


class GatewayTracer:
    """Begins a trace for each request and writes the stage's segment when it is done and sampled."""

    def __init__(
        self,
        put: Callable[[dict[str, object]], None],
        *,
        sampler: Sampler | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._put = put
        self._sampler = sampler or Sampler()
        self._clock = clock

    def begin(self, incoming: str | None) -> GatewayTrace:
        """Honour the client's trace header, or make one. A client's sampling decision stands."""
        came = TraceHeader.parse(incoming)
        sampled = came.sampled if came is not None and came.sampled is not None else self._sampler.decide()
        call_id = new_segment_id()
        root = came.root if came else new_trace_id(self._clock())
        return GatewayTrace(
            header=str(TraceHeader(root=root, parent=call_id, sampled=sampled)),
            trace_id=root,
            sampled=sampled,
            parent_id=came.parent if came else None,
            segment_id=new_segment_id(),
            call_id=call_id,
        )

    def finish(self, trace: GatewayTrace, stage: Stage, exchange: Exchange, *, reached_lambda: bool = True) -> None:
        """Write the stage's segment. `reached_lambda` False: the request was answered before (403, 413, 429)."""
        if trace.sampled:
            self._put(segment(trace, stage, exchange, reached_lambda=reached_lambda))


def segment(trace: GatewayTrace, stage: Stage, exchange: Exchange, *, reached_lambda: bool) -> dict[str, object]:
    """Return the segment document of a stage."""
    document: dict[str, object] = {
        "trace_id": trace.trace_id,
        "id": trace.segment_id,
        "name": f"{stage.api_name}/{stage.stage}",
        "origin": "AWS::ApiGateway::Stage",
        "resource_arn": f"arn:aws:apigateway:{stage.region}::/restapis/{stage.api_id}/stages/{stage.stage}",
        "start_time": exchange.started,
        "end_time": exchange.ended,
        "http": {
            "request": {
                "url": exchange.url,
                "method": exchange.method,
                "client_ip": exchange.client_ip,
                "user_agent": exchange.user_agent,
                "x_forwarded_for": True,
            },
            "response": {"status": exchange.status},
        },
        "aws": {
            "api_gateway": {
                "account_id": stage.account_id,
                "rest_api_id": stage.api_id,
                "stage": stage.stage,
                "request_id": exchange.request_id,
            }
        },
        **_flags(exchange.status),
    }
    if trace.parent_id:
        document["parent_id"] = trace.parent_id
    if reached_lambda:
        document["subsegments"] = [_call(trace, stage, exchange)]
    return document


def _call(trace: GatewayTrace, stage: Stage, exchange: Exchange) -> dict[str, object]:
    return {
        "id": trace.call_id,
        "name": "Lambda",
        "namespace": "aws",
        "start_time": exchange.started,
        "end_time": exchange.ended,
        "http": {"response": {"status": exchange.status}},
        "aws": {"function_name": stage.function_name, "operation": "Invoke", "region": stage.region},
        **_flags(exchange.status),
    }


def _flags(status: int) -> dict[str, object]:
    """Return the outcome flags of an HTTP status (X-Ray developer guide, "Errors and exceptions")."""
    if status == 429:  # noqa: PLR2004
        return {"error": True, "throttle": True}
    if status >= 500:  # noqa: PLR2004
        return {"fault": True}
    return {"error": True} if status >= 400 else {}  # noqa: PLR2004
