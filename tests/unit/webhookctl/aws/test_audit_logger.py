"""Invoking the audit logger: what is not surely recorded is an error that says so."""

import io
import json
from collections.abc import Mapping
from typing import Any

import pytest

from webhookctl.aws.audit_logger import AuditLogger
from webhookctl.aws.session import AwsError, ClientError
from webhookctl.core.audit.operator_lines import UnrecordedError
from webhookctl.errors import NotFoundError, WebhookctlError

ACTIONS = [{"action": "dlq.purge"}, {"action": "dlq.edit"}]


class Lambda:
    """A session whose Lambda client gives these answers, one a call."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    def client(self, service: str) -> "Lambda":
        assert service == "lambda"
        return self

    def invoke(self, **asked: Any) -> Mapping[str, Any]:
        self.asked.append(asked)
        answer = self.answers.pop(0)
        if isinstance(answer, str):
            raise ClientError({"Error": {"Code": answer, "Message": "no"}}, "Invoke")
        payload, fault = answer if isinstance(answer, tuple) else (answer, None)
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return {"Payload": io.BytesIO(body), **({"FunctionError": fault} if fault else {})}

    def logger(self) -> AuditLogger:
        return AuditLogger(self, "audit-logger-dev", sleep=lambda _: None)  # type: ignore[arg-type]


def test_actions_go_through_the_operators_alias_and_come_back_as_ids() -> None:
    """One synchronous call for all of them, with the line before."""
    service = Lambda({"sealed": ["a", "b"]})
    assert service.logger().record(ACTIONS, previous="z") == ["a", "b"]
    (asked,) = service.asked
    assert asked["FunctionName"] == "audit-logger-dev:operator"
    assert json.loads(asked["Payload"]) == {"operatorActions": ACTIONS, "previousLine": "z"}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"refused": "not allowed in an action: body"}, "not allowed in an action: body"),
        (({"errorMessage": "secretsmanager answered Denied"}, "Unhandled"), "secretsmanager answered Denied"),
        (({"sealed": ["a", "b"]}, "Unhandled"), "no answer"),
        ({"sealed": ["a"]}, "no answer"),
        ({"batchItemFailures": []}, "no answer"),
        (None, "no answer"),
        (b"", "no answer"),
    ],
)
def test_whatever_is_not_a_receipt_for_every_action_is_an_error(answer: object, said: str) -> None:
    """Refused, failed, or answered by something else: not on record, so not done."""
    with pytest.raises(UnrecordedError, match=said) as caught:
        Lambda(answer).logger().record(ACTIONS, previous=None)
    assert "did not record the action, so it is not done" in caught.value.message


def test_a_busy_function_is_asked_again() -> None:
    """The stream's batches may hold all of its concurrency for a moment, but not for ever."""
    service = Lambda(*["TooManyRequestsException"] * 6, {"sealed": ["a", "b"]})
    assert service.logger().record(ACTIONS, previous=None) == ["a", "b"]
    with pytest.raises(AwsError, match="TooManyRequestsException"):
        Lambda(*["TooManyRequestsException"] * 7).logger().record(ACTIONS, previous=None)


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        ("ResourceNotFoundException", NotFoundError, "takes no operators' actions yet"),
        ("AccessDeniedException", WebhookctlError, "not allowed"),
        ("ServiceException", AwsError, "ServiceException"),
    ],
)
def test_a_call_that_fails_says_why(code: str, kind: type[WebhookctlError], said: str) -> None:
    """A stack from before the alias, an operator without the permission, a service in trouble."""
    with pytest.raises(kind, match=said):
        Lambda(code).logger().record(ACTIONS, previous=None)
