"""An SQS that speaks the real wire protocol (AWS JSON 1.0 over HTTP) and can move messages between two queues."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ARN = "arn:aws:sqs:us-east-1:000000000000:"


@dataclass
class MoveServer:
    """Answers the calls of a native redrive.

    `states`: (status, moved) of the task at each listing, the last one for ever; after a cancel it is CANCELLING once,
    then CANCELLED. `on_list` is called at each listing of a started task.
    """

    states: Sequence[tuple[str, int]]
    has_move_tasks: bool = True
    on_list: Callable[[], None] = lambda: None
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    listed: int = 0
    url: str = ""

    def requests(self, operation: str) -> list[dict[str, Any]]:
        return [request for name, request in self.calls if name == operation]

    def answer(self, operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.calls.append((operation, request))
        if operation == "GetQueueAttributes":
            counts = {"ApproximateNumberOfMessages": "100", "ApproximateNumberOfMessagesNotVisible": "0"}
            name = request["QueueUrl"].rpartition("/")[2]
            return 200, {"Attributes": {**counts, "MessageRetentionPeriod": "1209600", "QueueArn": ARN + name}}
        if not self.has_move_tasks:
            return 400, {"__type": "com.amazonaws.sqs#UnsupportedOperation", "message": "no such operation"}
        if operation == "StartMessageMoveTask":
            return 200, {"TaskHandle": "handle-1"}
        if operation == "CancelMessageMoveTask":
            moved = self.states[-1][1]
            self.states, self.listed = [("CANCELLING", moved), ("CANCELLED", moved)], 0
            return 200, {"ApproximateNumberOfMessagesMoved": moved}
        assert operation == "ListMessageMoveTasks", operation
        return 200, {"Results": self._tasks()}

    def _tasks(self) -> list[dict[str, Any]]:
        """List the newest first: the task once it is started, behind it one of yesterday."""
        old = {"Status": "COMPLETED", "StartedTimestamp": 1, "ApproximateNumberOfMessagesMoved": 7}
        if not self.requests("StartMessageMoveTask"):
            return [old]
        self.on_list()
        status, moved = self.states[min(self.listed, len(self.states) - 1)]
        self.listed += 1
        counts = {"ApproximateNumberOfMessagesMoved": moved, "ApproximateNumberOfMessagesToMove": 100}
        failure = {"FailureReason": "AccessDenied"} if status == "FAILED" else {}
        return [{"Status": status, "StartedTimestamp": 2, "TaskHandle": "handle-1", **counts, **failure}, old]


@contextmanager
def serving(moves: MoveServer) -> Iterator[MoveServer]:
    """Serve on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = moves.answer(self.headers["X-Amz-Target"].removeprefix("AmazonSQS."), request)
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    moves.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield moves
    finally:
        server.shutdown()
        server.server_close()
