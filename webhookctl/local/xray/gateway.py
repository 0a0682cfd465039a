"""API Gateway's part of a trace: the stage's segment of every finished request that is sampled."""

from collections.abc import Callable
from typing import Any

from webhookctl.local.exchange import Exchange, readable
from webhookctl.local.state import ACCOUNT_ID, REGION

Document = dict[str, Any]


class StageSegments:
    """Watches the front door's requests; gives the segments to `put`."""

    def __init__(self, put: Callable[[Document], None]) -> None:
        self._put = put

    def completed(self, exchange: Exchange) -> None:
        """Write the stage's segment."""
        if exchange.arrival.trace.is_sampled:
            self._put(segment(exchange))


def segment(exchange: Exchange) -> Document:
    """Return the segment of a request: origin AWS::ApiGateway::Stage, named `<API>/<stage>` as on AWS."""
    arrival, status = exchange.arrival, exchange.answer.status
    stage, trace = arrival.stage, arrival.trace
    document: Document = {
        "trace_id": trace.root,
        "id": trace.segment_id,
        "name": f"{stage.api_name}/{stage.name}",
        "origin": "AWS::ApiGateway::Stage",
        "resource_arn": f"arn:aws:apigateway:{REGION}::/restapis/{stage.api_id}/stages/{stage.name}",
        "start_time": arrival.arrived_at,
        "end_time": arrival.arrived_at + exchange.latency_s,
        "http": {
            "request": {
                "url": readable(f"https://{arrival.headers.get('Host', 'localhost')}/{stage.name}{arrival.path}"),
                "method": arrival.method,
                "client_ip": arrival.source_ip,
                "user_agent": readable(arrival.headers.get("User-Agent", "")),
                "x_forwarded_for": True,
            },
            "response": {"status": status, "content_length": len(exchange.answer.body)},
        },
        "aws": {
            "api_gateway": {
                "account_id": ACCOUNT_ID,
                "rest_api_id": stage.api_id,
                "stage": stage.name,
                "request_id": arrival.request_id,
            }
        },
        **_flags(status),
    }
    return document | ({"parent_id": trace.parent} if trace.parent else {})


def _flags(status: int) -> dict[str, bool]:
    """Return the outcome flags of an HTTP status (X-Ray developer guide, "Errors and exceptions")."""
    if status == 429:  # noqa: PLR2004
        return {"error": True, "throttle": True}
    if status >= 500:  # noqa: PLR2004
        return {"fault": True}
    return {"error": True} if status >= 400 else {}  # noqa: PLR2004
