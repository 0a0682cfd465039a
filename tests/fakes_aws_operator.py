"""The operator's side of `FakeAws`: the calls that a redrive makes, and a process that dies at a chosen one."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.fakes_aws import Crash, FakeAws
from tests.fakes_sqs import SqsMessage

DLQ_URL = "http://aws.invalid/dead-letters"
QUEUE_URL = "http://aws.invalid/queue"


@dataclass
class OperatorsAws(FakeAws):
    """An account whose DLQ can be read over the API too.

    `dies_at` counts the points before and after every call: there the process dies, and nothing of it gets through
    from then on, until `revive`.
    """

    dies_at: int | None = None
    points: int = 0
    is_dead: bool = False

    def point(self) -> None:
        """Pass one point between two effects; die here if it is time. Raises Crash."""
        if self.is_dead or self.points == self.dies_at:
            self.is_dead = True
            raise Crash(f"at point {self.points}")
        self.points += 1

    def revive(self) -> None:
        """Start the process afresh: it lives from now on."""
        self.dies_at, self.is_dead = None, False

    def _maybe_crash(self, name: str, when: str) -> None:
        super()._maybe_crash(name, when)
        self.point()

    # -- SQS ---------------------------------------------------------------------------------------------------

    def _do_ReceiveMessage(self, args: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - the operation's name
        ready = [m for m in self._at(args).values() if m.visible_at <= self.clock()][: args["MaxNumberOfMessages"]]
        if not ready:
            self.clock.advance(args["WaitTimeSeconds"])
        for message in ready:
            message.receive_count += 1
            message.receipt = uuid.uuid4().hex
            message.visible_at = self.clock() + args["VisibilityTimeout"]
        return {"Messages": [_received(message) for message in ready]}

    def _do_SendMessageBatch(self, args: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        done = []
        for entry in args["Entries"]:
            trace = entry.get("MessageSystemAttributes", {}).get("AWSTraceHeader", {})
            attributes = {"AWSTraceHeader": trace["StringValue"]} if trace else {}
            sent = SqsMessage(entry["MessageBody"], attributes, uuid.uuid4().hex, self.clock())
            self._at(args)[sent.message_id] = sent
            done.append({"Id": entry["Id"], "MessageId": sent.message_id, "MD5OfMessageBody": _md5(sent.body)})
        return {"Successful": done, "Failed": []}

    def _do_DeleteMessageBatch(self, args: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        for message in self._held(args):
            del self._at(args)[message.message_id]
        return self._all_done(args["Entries"])

    def _do_ChangeMessageVisibilityBatch(self, args: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        seconds = {entry["ReceiptHandle"]: entry["VisibilityTimeout"] for entry in args["Entries"]}
        for message in self._held(args):
            message.visible_at = self.clock() + seconds[message.receipt]
        return self._all_done(args["Entries"])

    def _do_GetQueueAttributes(self, args: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        visible = sum(message.visible_at <= self.clock() for message in self._at(args).values())
        attributes = {
            "ApproximateNumberOfMessages": str(visible),
            "ApproximateNumberOfMessagesNotVisible": str(len(self._at(args)) - visible),
            "MessageRetentionPeriod": "1209600",
            "QueueArn": "arn:aws:sqs:us-east-1:000000000000:queue",
        }
        return {"Attributes": attributes}

    def _at(self, args: dict[str, Any]) -> dict[str, SqsMessage]:
        return {QUEUE_URL: self.queue, DLQ_URL: self.dlq}[args["QueueUrl"]]

    def _held(self, args: dict[str, Any]) -> list[SqsMessage]:
        receipts = {entry["ReceiptHandle"] for entry in args["Entries"]}
        return [message for message in self._at(args).values() if message.receipt in receipts]

    @staticmethod
    def _all_done(entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
        return {"Successful": [{"Id": entry["Id"]} for entry in entries], "Failed": []}

    # -- DynamoDB ----------------------------------------------------------------------------------------------

    def _do_BatchGetItem(self, args: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        ((table, wanted),) = args["RequestItems"].items()
        assert wanted["ConsistentRead"] is True
        keys = [key["webhookId"]["S"] for key in wanted["Keys"]]
        return {"Responses": {table: [self.items[key] for key in keys if key in self.items]}, "UnprocessedKeys": {}}


def _received(message: SqsMessage) -> dict[str, Any]:
    return {
        "MessageId": message.message_id,
        "ReceiptHandle": message.receipt,
        "Body": message.body,
        "MD5OfBody": _md5(message.body),
        "Attributes": {
            "SentTimestamp": "1750000000000",
            "ApproximateReceiveCount": str(message.receive_count),
            **message.attributes,
        },
    }


def _md5(body: str) -> str:
    return hashlib.md5(body.encode()).hexdigest()  # noqa: S324 - SQS's own checksum
