"""CloudWatch: reads alarms and whether they have told anybody."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from webhookctl.aws.session import AwsSession
from webhookctl.core.alarms import Alarm, AlarmChange

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient

_PREFIX = "webhooks-"


class Alarms:
    """Implements core's alarm reader."""

    def __init__(self, session: AwsSession) -> None:
        self._client: CloudWatchClient = session.client("cloudwatch")

    def alarms(self, names: tuple[str, ...]) -> list[Alarm]:
        """Return the alarms with these names."""
        answer = self._client.describe_alarms(AlarmNames=list(names))
        return self._described(answer["MetricAlarms"])

    def alarms_of(self, suffix: str) -> list[Alarm]:
        """Return all of the stack's alarms whose name ends with `suffix`."""
        pages = self._client.get_paginator("describe_alarms").paginate(AlarmNamePrefix=_PREFIX)
        return self._described(a for page in pages for a in page["MetricAlarms"] if a["AlarmName"].endswith(suffix))

    def changes(self, names: Iterable[str], *, start: datetime, end: datetime) -> list[AlarmChange]:
        """Return what these alarms went through in a window, oldest first."""
        found = [change for name in names for change in self._changes(name, start, end)]
        return sorted(found, key=lambda change: (change.at, change.name))

    def _changes(self, name: str, start: datetime, end: datetime) -> Iterator[AlarmChange]:
        pages = self._client.get_paginator("describe_alarm_history").paginate(
            AlarmName=name, HistoryItemType="StateUpdate", StartDate=start, EndDate=end
        )
        for item in (item for page in pages for item in page["AlarmHistoryItems"]):
            told = json.loads(item["HistoryData"])
            before, after = told["oldState"]["stateValue"], told["newState"]["stateValue"]
            if before != after:  # the creation is a change, too
                reason = told["newState"].get("stateReason", "")
                yield AlarmChange(at=item["Timestamp"], name=name, before=before, after=after, reason=reason)

    def _described(self, answers: Iterable[Any]) -> list[Alarm]:
        return [
            Alarm(
                name=answer["AlarmName"],
                state=answer["StateValue"],
                since=answer.get("StateUpdatedTimestamp"),
                notified_at=self._notified_at(answer["AlarmName"]),
                reason=answer.get("StateReason", ""),
            )
            for answer in answers
        ]

    def _notified_at(self, name: str) -> datetime | None:
        answer = self._client.describe_alarm_history(
            AlarmName=name, HistoryItemType="Action", MaxRecords=10, ScanBy="TimestampDescending"
        )
        return max((item["Timestamp"] for item in answer["AlarmHistoryItems"]), default=None)
