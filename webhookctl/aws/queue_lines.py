"""SQS: what a queue holds, for the status screen."""

from typing import TYPE_CHECKING

from webhookctl.aws.session import AwsSession
from webhookctl.core.status import QueueLine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_sqs import SQSClient


class QueueLines:
    """Implements core's queue reader."""

    def __init__(self, session: AwsSession) -> None:
        self._client: SQSClient = session.client("sqs")

    def line(self, label: str, url: str) -> QueueLine:
        """Return what a queue holds."""
        answer = self._client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        attributes: Mapping[str, str] = dict(answer["Attributes"].items())

        def count(state: str) -> int:
            return int(attributes.get(f"ApproximateNumberOfMessages{state}", "0"))

        return QueueLine(queue=label, waiting=count(""), in_flight=count("NotVisible"), delayed=count("Delayed"))
