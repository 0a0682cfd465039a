"""A queue and a table that take 10 ms for each call: in this process, and as an HTTP server for boto3."""

import asyncio
import base64
import json
import multiprocessing
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any

from lambdas.shared.webhook import LastError, Status, StoredWebhook
from webhookctl.core.dlq.dead_letter import BatchOutcome, OutgoingMessage, QueueDepth, QueueMessage, Sibling

CALL_S = 0.010
_AT = datetime(2026, 1, 1, tzinfo=UTC)
WEBHOOK = StoredWebhook(
    webhook_id="stripe:evt_0",
    provider="stripe",
    event_type="payment_intent.succeeded",
    event_created_at=_AT,
    received_at=_AT,
    status=Status.FAILED,
    body=b'{"id":"evt_0","object":"event","type":"payment_intent.succeeded","created":1767225600,"data":{"object":'
    b'{"id":"pi_1","object":"payment_intent","amount":4200,"amount_received":4200,"currency":"eur"}}}',
    body_sha256="0" * 64,
    seq=2,
    attempts=5,
    last_error=LastError(error_class="ProcessingError", message="failed", fingerprint="f", at=_AT),
)


@dataclass
class StubQueue:
    """A queue of so many messages. Implements `Queue`."""

    left: int

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self.sent: set[str] = set()

    def receive(self, *, limit: int, visibility_s: int, wait_s: int) -> Sequence[QueueMessage]:  # noqa: ARG002
        time.sleep(CALL_S)
        with self._lock:
            taken = min(limit, self.left)
            first, self.left = self.left, self.left - taken
        return [
            QueueMessage(
                message_id=f"m{n}",
                receipt=f"r{n}",
                body=f'{{"webhookId":"stripe:evt_{n}","v":1}}',
                sent_at=_AT,
                receive_count=5,
            )
            for n in range(first, first - taken, -1)
        ]

    def send(self, messages: Sequence[OutgoingMessage]) -> BatchOutcome:
        time.sleep(CALL_S)
        with self._lock:
            self.sent |= {f"stripe:evt_{message.key.removeprefix('m')}" for message in messages}
        return BatchOutcome(done={message.key: f"new-{message.key}" for message in messages}, failed={})

    def delete(self, messages: Sequence[QueueMessage]) -> BatchOutcome:
        time.sleep(CALL_S)
        return BatchOutcome(done={message.message_id: "" for message in messages}, failed={})

    def hide(self, messages: Sequence[QueueMessage], *, visibility_s: int) -> BatchOutcome:  # noqa: ARG002
        return self.delete(messages)

    def depth(self) -> QueueDepth:
        return QueueDepth(visible=self.left, in_flight=0, delayed=0, retention_s=1209600, url="q", arn="q")


@dataclass
class StubTable:
    """A table of webhooks that failed; one that is sent to `target` is processed at once. Implements `Webhooks`."""

    target: StubQueue

    def get_many(self, webhook_ids: Iterable[str]) -> Mapping[str, StoredWebhook]:
        time.sleep(CALL_S)
        done, sent = replace(WEBHOOK, status=Status.PROCESSED), self.target.sent
        return {name: replace(done if name in sent else WEBHOOK, webhook_id=name) for name in webhook_ids}

    def of_payment(self, payment_id: str) -> Sequence[Sibling]:  # noqa: ARG002
        time.sleep(CALL_S)
        return []


@contextmanager
def stub_server(messages: int) -> Iterator[str]:
    """Run the stub server in a process of its own; yield its URL."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(messages, theirs), daemon=True)
    server.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        server.terminate()
        server.join()


def _serve(messages: int, pipe: Connection) -> None:
    async def run() -> None:
        server = await asyncio.start_server(_Answers(messages).talk, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


class _Answers:
    """Speaks as much of SQS's and DynamoDB's JSON as a redrive needs."""

    def __init__(self, messages: int) -> None:
        self._left = messages
        self._item = json.dumps(WEBHOOK.to_item(), default=lambda raw: base64.b64encode(raw).decode())

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head.split("\r\n")[1:])}
                request = json.loads(await reader.readexactly(int(headers["content-length"])))
                await asyncio.sleep(CALL_S)
                body = self._answer(headers["x-amz-target"].rpartition(".")[2], request).encode()
                kind = "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\n"
                writer.write(f"{kind}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        except (asyncio.IncompleteReadError, ConnectionResetError):
            writer.close()

    def _answer(self, operation: str, request: dict[str, Any]) -> str:
        match operation:
            case "GetQueueAttributes":
                counts = {"ApproximateNumberOfMessages": str(self._left), "ApproximateNumberOfMessagesNotVisible": "0"}
                return json.dumps({"Attributes": {**counts, "MessageRetentionPeriod": "1209600", "QueueArn": "q"}})
            case "ReceiveMessage":
                return json.dumps({"Messages": self._received(request["MaxNumberOfMessages"])})
            case "BatchGetItem":
                keys = request["RequestItems"]["t"]["Keys"]
                items = (self._item.replace(WEBHOOK.webhook_id, key["webhookId"]["S"]) for key in keys)
                return '{"Responses":{"t":[' + ",".join(items) + ']},"UnprocessedKeys":{}}'
        done = [{"Id": entry["Id"], "MessageId": "new", "MD5OfMessageBody": "0"} for entry in request["Entries"]]
        return json.dumps({"Successful": done, "Failed": []})

    def _received(self, most: int) -> list[dict[str, Any]]:
        taken = min(most, self._left)
        first, self._left = self._left, self._left - taken
        return [
            {
                "MessageId": f"m{n}",
                "ReceiptHandle": f"r{n}",
                "Body": f'{{"webhookId":"stripe:evt_{n}","v":1}}',
                "Attributes": {"SentTimestamp": "1767225600000", "ApproximateReceiveCount": "5"},
            }
            for n in range(first, first - taken, -1)
        ]
