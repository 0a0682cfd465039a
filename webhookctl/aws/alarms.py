"""CloudWatch: reads alarms."""

from typing import TYPE_CHECKING, Any

from webhookctl.aws.session import AwsSession
from webhookctl.core.alarms import Alarm

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient


class Alarms:
    """Implements core's alarm reader."""

    def __init__(self, session: AwsSession) -> None:
        self._client: CloudWatchClient = session.client("cloudwatch")

    def alarms(self, *, prefix: str = "", names: tuple[str, ...] = ()) -> list[Alarm]:
        """Return the alarms with these names, or whose name starts with `prefix`."""
        wanted: dict[str, Any] = {"AlarmNames": list(names)} if names else {"AlarmNamePrefix": prefix}
        pages = self._client.get_paginator("describe_alarms").paginate(**wanted)
        return [_alarm(a) for page in pages for a in page["MetricAlarms"]]


def _alarm(answer: Any) -> Alarm:  # noqa: ANN401 - botocore's answer
    return Alarm(
        name=answer["AlarmName"],
        state=answer["StateValue"],
        since=answer.get("StateUpdatedTimestamp"),
        reason=answer.get("StateReason", ""),
    )
