"""SQS: counts what waits in the processing queue and in the DLQ."""

from typing import TYPE_CHECKING, Final

from webhookctl.aws.session import AwsSession

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

_WAITING: Final = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


class QueueDepths:
    """Implements core's queue depth port. SQS's counts are approximate."""

    def __init__(self, session: AwsSession, *, queue_url: str, dlq_url: str) -> None:
        self._client: SQSClient = session.client("sqs")
        self._queue_url, self._dlq_url = queue_url, dlq_url

    def depth(self) -> int:
        """Return how many messages the processing queue holds, in flight or not."""
        return self._count(self._queue_url)

    def dead_letters(self) -> int:
        """Return how many messages the DLQ holds."""
        return self._count(self._dlq_url)

    def _count(self, url: str) -> int:
        answer = self._client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        return sum(int(answer["Attributes"].get(name, "0")) for name in _WAITING)
