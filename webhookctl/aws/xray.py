"""AWS X-Ray: reads summaries, whole traces and the service graph."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from webhookctl.aws.session import AwsSession, BotoCoreError, ClientError
from webhookctl.core.trace.traces import TraceDocuments, TraceSummary, begun

if TYPE_CHECKING:
    from types_boto3_xray import XRayClient

_ALL: Final = 100


class XRay:
    """Implements core's trace ports."""

    def __init__(self, session: AwsSession) -> None:
        self._client: XRayClient = session.client("xray")

    def summaries(self, start: datetime, end: datetime, expression: str | None) -> Iterator[TraceSummary]:
        """Yield the summaries of one window of at most six hours."""
        request: dict[str, Any] = {"StartTime": start, "EndTime": end}
        if expression:
            request["FilterExpression"] = expression
        for page in self._client.get_paginator("get_trace_summaries").paginate(**request):
            for summary in page["TraceSummaries"]:
                yield _summary(summary)

    def traces(self, trace_ids: Sequence[str]) -> list[TraceDocuments]:
        """Return at most five whole traces; unknown ids are left out."""
        pages = self._client.get_paginator("batch_get_traces").paginate(TraceIds=list(trace_ids))
        return [
            TraceDocuments(
                trace_id=trace["Id"],
                segments=tuple(json.loads(segment["Document"]) for segment in trace["Segments"]),
                limit_exceeded=trace.get("LimitExceeded", False),
            )
            for page in pages
            for trace in page["Traces"]
        ]

    def graph(self, start: datetime, end: datetime) -> list[dict[str, Any]]:
        """Return the services of one window of at most six hours, in the API's shape."""
        pages = self._client.get_paginator("get_service_graph").paginate(StartTime=start, EndTime=end)
        services: list[Any] = [service for page in pages for service in page["Services"]]
        return services

    def hidden_reason(self) -> str | None:
        """Say that Transaction Search keeps traces from X-Ray; None when it does not, or that can't be asked.

        Asked once: it is a setting of the account, and every reading of a command tells of it.
        """
        return self._hidden_reason

    @cached_property
    def _hidden_reason(self) -> str | None:
        try:
            if self._client.get_trace_segment_destination().get("Destination") != "CloudWatchLogs":
                return None
        except (ClientError, BotoCoreError):  # a remark on an answer that is there: not worth losing it
            return None
        share = self._indexed_percent()
        if share == _ALL:
            return None
        some = "a part of the traces" if share is None else f"{share:g} % of the traces"
        return f"Transaction Search is on in this account: X-Ray shows only {some}, the others are in CloudWatch Logs"

    def _indexed_percent(self) -> float | None:
        """Return the percentage of traces that Transaction Search indexes for X-Ray, None when it is not known."""
        try:
            rules = self._client.get_indexing_rules()["IndexingRules"]
        except (ClientError, BotoCoreError):
            return None
        shares = [rule.get("Rule", {}).get("Probabilistic", {}).get("DesiredSamplingPercentage") for rule in rules]
        return next((share for share in shares if share is not None), None)


def _summary(raw: Any) -> TraceSummary:  # noqa: ANN401 - botocore's answer
    status = raw.get("Http", {}).get("HttpStatus")
    return TraceSummary(
        trace_id=raw["Id"],
        started_at=raw.get("StartTime", begun(raw["Id"])).astimezone(UTC),
        duration_s=raw.get("Duration", 0.0),
        response_s=raw.get("ResponseTime"),
        status=int(status) if status else None,
        fault=raw.get("HasFault", False),
        error=raw.get("HasError", False),
        throttle=raw.get("HasThrottle", False),
        partial=raw.get("IsPartial", False),
        annotations={
            key: tuple(next(iter(value["AnnotationValue"].values()), None) for value in values)
            for key, values in raw.get("Annotations", {}).items()
        },
    )
