"""Summaries of traces, as X-Ray answers a search with them."""

from datetime import datetime
from typing import Any

from webhookctl.core.trace.traces import TraceSummary


def trace_summary(trace_id: str, at: datetime, *, status: int = 200, **annotations: Any) -> TraceSummary:
    """Return the summary of a trace of one second that began then; from status 500 on it is a fault."""
    return TraceSummary(
        trace_id=trace_id,
        started_at=at,
        duration_s=1.0,
        response_s=0.1,
        status=status,
        fault=status >= 500,
        error=False,
        throttle=False,
        partial=False,
        annotations={key: (value,) for key, value in annotations.items()},
    )
