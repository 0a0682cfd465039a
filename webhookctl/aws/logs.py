"""CloudWatch Logs: reads lines."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from webhookctl.aws.session import AwsSession, ClientError, error_code
from webhookctl.core.logs import LogEvent

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient


class Logs:
    """Implements core's log ports."""

    def __init__(self, session: AwsSession) -> None:
        self._client: CloudWatchLogsClient = session.client("logs")

    def events(
        self, group: str, *, start: datetime, end: datetime | None = None, pattern: str | None = None
    ) -> Iterator[LogEvent]:
        """Yield the lines of a group, oldest first; none when the group does not exist."""
        request: dict[str, Any] = {"logGroupName": group, "startTime": _milliseconds(start)}
        if end is not None:
            request["endTime"] = _milliseconds(end)
        if pattern:
            request["filterPattern"] = pattern
        try:
            for page in self._client.get_paginator("filter_log_events").paginate(**request):
                for event in page["events"]:
                    yield _event(group, event)
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise


def _event(group: str, event: Any) -> LogEvent:  # noqa: ANN401 - botocore's answer
    return LogEvent(
        at=datetime.fromtimestamp(event["timestamp"] / 1000, UTC),
        group=group,
        stream=event.get("logStreamName", ""),
        message=event["message"].rstrip("\n"),
        event_id=event["eventId"],
    )


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
