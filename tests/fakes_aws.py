"""DynamoDB, SQS and Secrets Manager in memory, behind real boto3 clients, with faults at every call.

The services answer inside botocore's `before-send` hook: serialising, retrying, error parsing and timeouts are the real
client's. What is not modelled raises, so that a test can't pass by accident.
"""

import base64
import json
import re
import threading
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, cast
from unittest import mock

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from lambdas.shared import aws as lambda_aws
from tests.fakes_aws_wire import URL, new_client, response
from tests.fakes_sqs import Clock, FakeSqs


class Fault(StrEnum):
    """What goes wrong with one attempt of one call."""

    LOST = "request lost before it took effect"
    REPLY_LOST = "took effect, reply lost"
    SLOW = "took effect after a slow connection, reply slower than the read timeout"
    THROTTLED = "throttled"
    ERROR = "503 before it took effect"
    DENIED = "access denied"
    KEY_DENIED = "KMS denied"
    KEY_THROTTLED = "KMS throttled"


class Crash(BaseException):
    """The process dies here. Not an Exception: no handler of ours may catch it."""


@dataclass
class FakeAws(FakeSqs):
    """One account: a table with a stream, a queue with its DLQ, and secrets."""

    fault_for: Callable[[str], Fault | None] = lambda _: None
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    stream: list[dict[str, Any]] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    lags: bool = False
    """Eventually consistent reads show what stood before an item's last write."""
    _before: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _actions: dict[str, Callable[[], object]] = field(default_factory=dict)
    _scripted: dict[str, list[Fault | None]] = field(default_factory=lambda: defaultdict(list))
    _crashes: dict[tuple[str, str], int] = field(default_factory=dict)

    # -- faults ------------------------------------------------------------------------------------------------

    def script(self, operation: str, *faults: Fault | None) -> None:
        """Let the next attempts of an operation (`PutItem`) fail like this, in order; None lets one pass."""
        self._scripted[operation].extend(faults)

    def crash(self, operation: str, when: str, *, nth: int = 1) -> None:
        """Die `before` or `after` the nth next attempt of an operation."""
        self._crashes[operation, when] = nth

    def before(self, operation: str, action: Callable[[], object]) -> None:
        """Do something else just before the next attempt of an operation: another actor's turn."""
        self._actions[operation] = action

    def assert_all_happened(self) -> None:
        """Fail if a scripted fault or crash was never reached."""
        left = {op: faults for op, faults in self._scripted.items() if faults}
        assert not left, f"never reached: {left}"
        assert not self._crashes, f"never reached: {self._crashes}"
        assert not self._actions, f"never reached: {self._actions}"

    # -- clients -----------------------------------------------------------------------------------------------

    def client(self, service: str) -> Any:
        """Return a real boto3 client, configured like the Lambdas', that talks to this account."""
        client = new_client(service)
        client.meta.events.register("before-send", self._answer)
        return client

    def _answer(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        target = request.headers["X-Amz-Target"]
        name = (target.decode() if isinstance(target, bytes) else target).rpartition(".")[2]
        if action := self._actions.pop(name, None):
            action()
        with self._lock:
            return self._one(name, request)

    def _one(self, name: str, request: AWSPreparedRequest) -> AWSResponse:
        self.calls[name] += 1
        self._maybe_crash(name, "before")
        scripted = self._scripted[name]
        fault = scripted.pop(0) if scripted else self.fault_for(name)
        if refusal := self._refusal(fault, request):
            return refusal
        response = self._apply(name, json.loads(cast("bytes", request.body) or b"{}"), request)
        self._maybe_crash(name, "after")
        if fault is Fault.SLOW:
            self.clock.advance(lambda_aws.ATTEMPT_S)
        if fault in (Fault.SLOW, Fault.REPLY_LOST):
            raise ReadTimeoutError(endpoint_url=URL)
        return response

    def _maybe_crash(self, name: str, when: str) -> None:
        left = self._crashes.get((name, when))
        if left == 1:
            del self._crashes[name, when]
            raise Crash(f"{when} {name}")
        if left:
            self._crashes[name, when] = left - 1

    def _refusal(self, fault: Fault | None, request: AWSPreparedRequest) -> AWSResponse | None:
        if fault is Fault.LOST:
            self.clock.advance(lambda_aws.CONNECT_TIMEOUT_S)
            raise ConnectTimeoutError(endpoint_url=URL)
        codes = {
            Fault.THROTTLED: (400, "ThrottlingException"),
            Fault.ERROR: (503, "ServiceUnavailable"),
            Fault.DENIED: (400, "AccessDeniedException"),
            Fault.KEY_DENIED: (400, "KMS.AccessDeniedException"),
            Fault.KEY_THROTTLED: (400, "KMS.ThrottlingException"),
        }
        return None if fault not in codes else response(request, *codes[fault])

    def _apply(self, name: str, args: dict[str, Any], request: AWSPreparedRequest) -> AWSResponse:
        try:
            answer = getattr(self, f"_do_{name}")(args)
        except _ConditionFailedError as failed:
            body = {"message": "The conditional request failed"} | ({"Item": failed.old} if failed.old else {})
            return response(request, 400, "ConditionalCheckFailedException", body)
        except LookupError:
            return response(request, 400, "ResourceNotFoundException")
        return response(request, 200, None, answer)

    # -- DynamoDB ----------------------------------------------------------------------------------------------

    def _do_PutItem(self, args: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - the operation's name
        assert args["ConditionExpression"] == "attribute_not_exists(webhookId)"
        key = args["Item"]["webhookId"]["S"]
        if key in self.items:
            raise _ConditionFailedError(self.items[key] if _wants_old(args) else None)
        self._write(key, args["Item"])
        return {}

    def _do_GetItem(self, args: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        key = args["Key"]["webhookId"]["S"]
        item = self.items.get(key)
        if self.lags and not args.get("ConsistentRead"):
            item = self._before.get(key, item)
        return {"Item": item} if item else {}

    def _do_UpdateItem(self, args: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        key = args["Key"]["webhookId"]["S"]
        names, values = args["ExpressionAttributeNames"], args["ExpressionAttributeValues"]
        assert args["ConditionExpression"] == "#seq = :seqRead AND #status <> :processed"
        item = self.items.get(key, {})
        if item.get("seq") != values[":seqRead"] or item.get("status") == values[":processed"]:
            raise _ConditionFailedError(item if _wants_old(args) else None)
        sets, _, removes = args["UpdateExpression"].partition(" REMOVE ")
        changed = dict(item)
        for part in sets.removeprefix("SET ").split(", "):
            name, value = re.fullmatch(r"(#\w+) = (:\w+)", part).groups()  # type: ignore[union-attr]
            changed[names[name]] = values[value]
        for name in filter(None, removes.split(", ")):
            changed.pop(names[name], None)
        self._write(key, changed)
        return {}

    def _write(self, key: str, item: dict[str, Any]) -> None:
        old = self._before[key] = self.items.get(key)
        self.items[key] = item
        self.stream.append(
            {
                "eventID": uuid.uuid4().hex,
                "eventName": "MODIFY" if old else "INSERT",
                "dynamodb": {
                    "ApproximateCreationDateTime": self.clock(),
                    "SequenceNumber": str(len(self.stream) + 1),
                    "NewImage": item,
                    **({"OldImage": old} if old else {}),
                },
            }
        )

    # -- Secrets Manager ---------------------------------------------------------------------------------------

    def _do_GetSecretValue(self, args: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"SecretString": self.secrets[args["SecretId"]], "ARN": args["SecretId"]}


@contextmanager
def no_waiting(clock: Clock) -> Iterator[None]:
    """Let botocore's and our own back-off pass on the fake clock instead of in real time."""
    with (
        mock.patch("botocore.endpoint.time.sleep", clock.advance),
        mock.patch.object(lambda_aws, "call", lambda s, o: _REAL_CALL(s, o, sleep=clock.advance)),
    ):
        yield


_REAL_CALL = lambda_aws.call


class _ConditionFailedError(Exception):
    def __init__(self, old: dict[str, Any] | None) -> None:
        super().__init__()
        self.old = old


def _wants_old(args: dict[str, Any]) -> bool:
    return args.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"


def stored_body(item: dict[str, Any]) -> bytes:
    """Return the compressed body of an item as the wire carries it."""
    return base64.b64decode(item["body"]["B"])
