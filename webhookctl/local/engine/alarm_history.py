"""What the engine leaves out of an alarm's history: that its actions were carried out."""

import json
from datetime import UTC, datetime
from typing import Any, Final

_ACTIONS: Final = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}


def record_alarm_actions() -> None:
    """Gap: DescribeAlarmHistory has no `Action` entries, so nobody can see that an alarm has told its topic."""
    from ministack.services import cloudwatch

    dispatch = cloudwatch._dispatch_alarm_actions

    def dispatch_and_record(alarm: dict[str, Any], old_state: str, new_state: str, reason: str) -> None:
        dispatch(alarm, old_state, new_state, reason)
        if alarm.get("ActionsEnabled", True):
            cloudwatch._history_entries().extend(
                _entry(alarm["AlarmName"], arn, reason) for arn in alarm.get(_ACTIONS.get(new_state, "")) or []
            )

    cloudwatch._dispatch_alarm_actions = dispatch_and_record


def _entry(alarm_name: str, arn: str, reason: str) -> dict[str, str]:
    return {
        "AlarmName": alarm_name,
        "AlarmType": "MetricAlarm",
        "Timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "HistoryItemType": "Action",
        "HistorySummary": f"Successfully executed action {arn}",
        "HistoryData": json.dumps({"actionState": "Succeeded", "stateUpdateReason": reason}),
    }
