"""SQS queues, and the move tasks between them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from webhookctl.aws.session import AwsSession, ClientError, error_code, translated
from webhookctl.core.dlq.dead_letter import Attribute, BatchOutcome, OutgoingMessage, QueueDepth, QueueMessage
from webhookctl.core.redrive.native import MoveStatus, MoveTask
from webhookctl.errors import UsageError

_TRACE_HEADER = "AWSTraceHeader"
_SYSTEM_ATTRIBUTES = ("SentTimestamp", "ApproximateReceiveCount", _TRACE_HEADER)
_NO_MOVE_TASKS = frozenset(("UnsupportedOperation", "InvalidAction", "UnknownOperationException", "NotImplemented"))


class SqsQueue:
    """One queue, by its URL. Implements `core.dlq.dead_letter.Queue`."""

    def __init__(self, session: AwsSession, url: str) -> None:
        self._client = session.client("sqs")
        self.url = url

    def receive(self, *, limit: int, visibility_s: int, wait_s: int) -> Sequence[QueueMessage]:
        """Receive up to `limit` messages with all their attributes."""
        answer = _call(
            self._client.receive_message,
            QueueUrl=self.url,
            MaxNumberOfMessages=limit,
            VisibilityTimeout=visibility_s,
            WaitTimeSeconds=wait_s,
            MessageSystemAttributeNames=list(_SYSTEM_ATTRIBUTES),
            MessageAttributeNames=["All"],
        )
        return [_message(raw) for raw in answer.get("Messages", [])]

    def send(self, messages: Sequence[OutgoingMessage]) -> BatchOutcome:
        """Send a batch; the entries' ids are positions, since keys may hold characters that SQS refuses."""
        entries = [_entry(position, message) for position, message in enumerate(messages)]
        answer = _call(self._client.send_message_batch, QueueUrl=self.url, Entries=entries)
        return _outcome(answer, [message.key for message in messages])

    def delete(self, messages: Sequence[QueueMessage]) -> BatchOutcome:
        """Delete a batch."""
        entries = [{"Id": str(n), "ReceiptHandle": message.receipt} for n, message in enumerate(messages)]
        answer = _call(self._client.delete_message_batch, QueueUrl=self.url, Entries=entries)
        return _outcome(answer, [message.message_id for message in messages])

    def hide(self, messages: Sequence[QueueMessage], *, visibility_s: int) -> BatchOutcome:
        """Change the visibility of a batch."""
        entries = [
            {"Id": str(n), "ReceiptHandle": message.receipt, "VisibilityTimeout": visibility_s}
            for n, message in enumerate(messages)
        ]
        answer = _call(self._client.change_message_visibility_batch, QueueUrl=self.url, Entries=entries)
        return _outcome(answer, [message.message_id for message in messages])

    def depth(self) -> QueueDepth:
        """Read the queue's attributes."""
        answer = _call(self._client.get_queue_attributes, QueueUrl=self.url, AttributeNames=["All"])
        values = answer["Attributes"]
        return QueueDepth(
            visible=int(values["ApproximateNumberOfMessages"]),
            in_flight=int(values["ApproximateNumberOfMessagesNotVisible"]),
            delayed=int(values.get("ApproximateNumberOfMessagesDelayed", 0)),
            retention_s=int(values["MessageRetentionPeriod"]),
            url=self.url,
            arn=values["QueueArn"],
        )


def _call(operation: Callable[..., Any], **arguments: object) -> Any:  # noqa: ANN401 - botocore's answers are JSON
    try:
        return operation(**arguments)
    except ClientError as error:
        raise translated(error) from error


def _message(raw: Mapping[str, Any]) -> QueueMessage:
    system = raw.get("Attributes", {})
    attributes = raw.get("MessageAttributes", {})
    return QueueMessage(
        message_id=raw["MessageId"],
        receipt=raw["ReceiptHandle"],
        body=raw["Body"],
        sent_at=datetime.fromtimestamp(int(system["SentTimestamp"]) / 1000, UTC),
        receive_count=int(system["ApproximateReceiveCount"]),
        trace_header=system.get(_TRACE_HEADER),
        attributes={name: _attribute(value) for name, value in attributes.items()},
    )


def _attribute(raw: Mapping[str, Any]) -> Attribute:
    return Attribute(raw["DataType"], raw["BinaryValue"] if "BinaryValue" in raw else raw["StringValue"])


def _entry(position: int, message: OutgoingMessage) -> dict[str, Any]:
    entry: dict[str, Any] = {"Id": str(position), "MessageBody": message.body}
    if message.attributes:
        entry["MessageAttributes"] = {
            name: {
                "DataType": attribute.data_type,
                "BinaryValue" if isinstance(attribute.value, bytes) else "StringValue": attribute.value,
            }
            for name, attribute in message.attributes.items()
        }
    if message.trace_header:
        entry["MessageSystemAttributes"] = {
            _TRACE_HEADER: {"DataType": "String", "StringValue": message.trace_header},
        }
    return entry


def _outcome(answer: Mapping[str, Any], keys: Sequence[str]) -> BatchOutcome:
    """Sort a batch answer by entry. An entry that is in neither list counts as failed."""
    done = {keys[int(entry["Id"])]: entry.get("MessageId", "") for entry in answer.get("Successful", [])}
    failed = {key: "the answer does not name it" for key in keys if key not in done}
    for entry in answer.get("Failed", []):
        failed[keys[int(entry["Id"])]] = f"{entry.get('Code', 'unknown')}: {entry.get('Message', '')}".rstrip(": ")
    return BatchOutcome(done=done, failed=failed)


class SqsMoveTasks:
    """SQS's own redrive. Implements `core.redrive.native.MoveTasks`."""

    def __init__(self, session: AwsSession) -> None:
        self._client = session.client("sqs")

    def latest(self, source_arn: str) -> MoveTask | None:
        """Return the newest task of the queue; SQS lists the newest first."""
        try:
            answer = self._client.list_message_move_tasks(SourceArn=source_arn, MaxResults=1)
        except ClientError as error:
            if error_code(error) in _NO_MOVE_TASKS:
                return None
            raise translated(error) from error
        return next((_task(raw) for raw in answer.get("Results", [])), None)

    def start(self, source_arn: str, *, target_arn: str, rate_per_s: int | None) -> str:
        """Start a task."""
        rate = {} if rate_per_s is None else {"MaxNumberOfMessagesPerSecond": rate_per_s}
        try:
            answer = self._client.start_message_move_task(SourceArn=source_arn, DestinationArn=target_arn, **rate)
        except ClientError as error:
            if error_code(error) in _NO_MOVE_TASKS:
                raise UsageError(
                    "the SQS of this environment has no move tasks", hint="leave out --native: that works everywhere"
                ) from error
            raise translated(error) from error
        return str(answer["TaskHandle"])

    def cancel(self, handle: str) -> None:
        """Ask a task to stop."""
        _call(self._client.cancel_message_move_task, TaskHandle=handle)


def _task(raw: Mapping[str, Any]) -> MoveTask:
    return MoveTask(
        status=MoveStatus(raw["Status"]),
        started_ms=int(raw.get("StartedTimestamp", 0)),
        moved=int(raw.get("ApproximateNumberOfMessagesMoved", 0)),
        to_move=raw.get("ApproximateNumberOfMessagesToMove"),
        handle=raw.get("TaskHandle"),
        failure=raw.get("FailureReason"),
    )
