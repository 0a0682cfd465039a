"""SQS as the Lambdas use it, in memory: a queue whose messages hide, come back and end in the dead-letter queue."""

import hashlib
import uuid
from dataclasses import dataclass, field
from typing import Any

from stack import limits


@dataclass
class Clock:
    """Seconds that pass only when told."""

    seconds: float = 1_750_000_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds


@dataclass
class SqsMessage:
    """A message in a queue."""

    body: str
    attributes: dict[str, str]
    message_id: str
    visible_at: float
    receive_count: int = 0
    receipt: str = ""


@dataclass
class FakeSqs:
    """A queue with its dead-letter queue, and what Lambda's poller does with them."""

    clock: Clock = field(default_factory=Clock)
    max_receive_count: int = limits.MAX_RECEIVE_COUNT
    visibility_s: float = limits.QUEUE_VISIBILITY_S
    queue: dict[str, SqsMessage] = field(default_factory=dict)
    dlq: dict[str, SqsMessage] = field(default_factory=dict)

    def _do_SendMessage(self, args: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        trace = args.get("MessageSystemAttributes", {}).get("AWSTraceHeader", {})
        attributes = {"AWSTraceHeader": trace["StringValue"]} if trace else {}
        message = SqsMessage(args["MessageBody"], attributes, uuid.uuid4().hex, self.clock())
        self.queue[message.message_id] = message
        return {"MessageId": message.message_id, "MD5OfMessageBody": hashlib.md5(message.body.encode()).hexdigest()}  # noqa: S324

    def _do_ChangeMessageVisibility(self, args: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        for message in self.queue.values():
            if message.receipt == args["ReceiptHandle"]:
                message.visible_at = self.clock() + args["VisibilityTimeout"]
                return {}
        raise LookupError("no such receipt")

    def receive(self, limit: int = 10) -> dict[str, Any]:
        """Return the Lambda event of the next batch; messages past the maximum go to the DLQ instead."""
        records: list[dict[str, Any]] = []
        for message in [m for m in self.queue.values() if m.visible_at <= self.clock()]:
            if len(records) == limit:
                break
            if message.receive_count >= self.max_receive_count:
                self.dlq[message.message_id] = self.queue.pop(message.message_id)
                continue
            message.receive_count += 1
            message.receipt = uuid.uuid4().hex
            message.visible_at = self.clock() + self.visibility_s
            records.append(record_of(message))
        return {"Records": records}

    def delete(self, event: dict[str, Any], answer: dict[str, Any]) -> None:
        """Do what Lambda's poller does after a batch: delete the messages that are not named as failed."""
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        for record in event["Records"]:
            message = self.queue.get(record["messageId"])
            if record["messageId"] not in failed and message and message.receipt == record["receiptHandle"]:
                del self.queue[record["messageId"]]


def record_of(message: SqsMessage) -> dict[str, Any]:
    """Return the Lambda SQS record of a message."""
    return {
        "messageId": message.message_id,
        "receiptHandle": message.receipt,
        "body": message.body,
        "attributes": {"ApproximateReceiveCount": str(message.receive_count), **message.attributes},
        "eventSource": "aws:sqs",
    }
