"""The audit log group: FilterLogEvents by default, Logs Insights on request."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from webhookctl.aws.logs import Logs
from webhookctl.aws.session import AwsSession
from webhookctl.core.audit.records import AuditFilter
from webhookctl.core.logs import LogEvent
from webhookctl.errors import WaitTimeoutError

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient

INSIGHTS_USD_PER_GB = 0.005
"""CloudWatch pricing, us-east-1, data scanned by Logs Insights."""
INSIGHTS_ROWS = 10_000
"""The most rows of one query (CloudWatch Logs quotas)."""
_FIELDS = {
    "webhook_id": "webhookId",
    "event_type": "eventType",
    "status": "status",
}
SPARE = timedelta(days=1)
_QUERY_TIMEOUT_S = 15 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class InsightsEstimate:
    """What a Logs Insights query may cost at most: it scans no more than the log group holds."""

    scanned_bytes: int
    usd: float


def pattern(wanted: AuditFilter) -> str | None:
    """Return the filter pattern that narrows a query.

    A webhook id is a plain term, which every implementation honours. Other conditions are a JSON pattern; an engine
    that ignores it returns more, never less, and the caller filters again.
    """
    if wanted.webhook_id:
        return _quoted(wanted.webhook_id)
    terms = [f"($.{name} = {_quoted(value)})" for key, name in _FIELDS.items() if (value := getattr(wanted, key))]
    terms += [f"($.webhookId = {_quoted(f'{wanted.provider}:*')})"] if wanted.provider else []
    return "{ " + " && ".join(terms) + " }" if terms else None


def kept_from(created_ms: int, retention_days: int | None, now: datetime) -> datetime | None:
    """Return from when on a log group still has all its lines, None when it is younger than its retention.

    With a day in hand: lines go while they are being read.
    """
    if retention_days is None:
        return None
    begins = now - timedelta(days=retention_days) + SPARE
    return begins if created_ms < begins.timestamp() * 1000 else None


class FilteredLog:
    """Implements core's audit log by FilterLogEvents."""

    def __init__(self, session: AwsSession, group: str) -> None:
        self._logs = Logs(session)
        self._client: CloudWatchLogsClient = session.client("logs")
        self._group = group

    def begins(self, now: datetime) -> datetime | None:
        """Return from when on the group still has all its lines, None when it never dropped any."""
        pages = self._client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=self._group)
        for group in (group for page in pages for group in page["logGroups"] if group["logGroupName"] == self._group):
            return kept_from(group.get("creationTime", 0), group.get("retentionInDays"), now)
        return None

    def lines(self, wanted: AuditFilter, *, start: datetime, end: datetime | None = None) -> Iterator[LogEvent]:
        """Yield the raw lines of a window, oldest first."""
        return self._logs.events(self._group, start=start, end=end, pattern=pattern(wanted))


class InsightsLog:
    """Implements core's audit log by Logs Insights: faster over days of lines, billed by the bytes scanned."""

    def __init__(
        self, session: AwsSession, group: str, *, sleep: Callable[[float], None] = time.sleep, rows: int = INSIGHTS_ROWS
    ) -> None:
        self._client: CloudWatchLogsClient = session.client("logs")
        self._group = group
        self._sleep = sleep
        self._rows = rows

    def estimate(self) -> InsightsEstimate:
        """Return the most that one query over this group can cost."""
        pages = self._client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=self._group)
        stored = sum(g.get("storedBytes", 0) for page in pages for g in page["logGroups"])
        return InsightsEstimate(scanned_bytes=stored, usd=round(stored / 1e9 * INSIGHTS_USD_PER_GB, 6))

    def lines(self, wanted: AuditFilter, *, start: datetime, end: datetime | None = None) -> Iterator[LogEvent]:
        """Yield the raw lines of a window, oldest first; a full answer is continued from its last second."""
        until = end or datetime.now(UTC)
        seen: set[str] = set()
        while True:
            found = self._ask(_insights(wanted, self._rows), start, until)
            fresh = [event for event in found if event.event_id not in seen]
            yield from fresh
            if len(found) < self._rows or not fresh:
                return
            start = fresh[-1].at.replace(microsecond=0)
            seen = {event.event_id for event in found if event.at >= start}

    def _ask(self, query: str, start: datetime, end: datetime) -> list[LogEvent]:
        asked = self._client.start_query(
            logGroupName=self._group,
            startTime=int(start.timestamp()),
            endTime=int((end + timedelta(seconds=1)).timestamp()),
            queryString=query,
        )
        answer: Any = {"status": "Scheduled"}
        pause, waited = 0.2, 0.0
        while answer["status"] in ("Scheduled", "Running"):
            if waited > _QUERY_TIMEOUT_S:
                raise WaitTimeoutError("the Logs Insights query did not end in time", hint="choose a shorter window")
            self._sleep(pause)
            waited, pause = waited + pause, min(pause * 2, 5.0)
            answer = self._client.get_query_results(queryId=asked["queryId"])
        return [_event(self._group, row) for row in answer.get("results", [])]


def _insights(wanted: AuditFilter, rows: int) -> str:
    terms = [f"{name} = {_quoted(value)}" for key, name in _FIELDS.items() if (value := getattr(wanted, key))]
    terms += [f"webhookId like {_quoted(f'{wanted.provider}:')}"] if wanted.provider else []
    keep = f" | filter {' and '.join(terms)}" if terms else ""
    return f"fields @timestamp, @message, @logStream, @ptr{keep} | sort @timestamp asc | limit {rows}"


def _event(group: str, row: list[dict[str, str]]) -> LogEvent:
    cells = {cell.get("field", ""): cell.get("value", "") for cell in row}
    at = datetime.fromisoformat(cells["@timestamp"].replace(" ", "T")).replace(tzinfo=UTC)
    message = cells.get("@message", "").rstrip("\n")
    return LogEvent(
        at=at,
        group=group,
        stream=cells.get("@logStream", ""),
        message=message,
        event_id=cells.get("@ptr") or f"{cells['@timestamp']}:{message}",
    )


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
