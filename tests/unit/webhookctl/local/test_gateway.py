import json

import pytest
from multidict import CIMultiDict

from webhookctl.local.exchange import Answer
from webhookctl.local.gateway import lacks_concurrency, normalise


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (502, {"errorMessage": "secret", "errorType": "KeyError"}, 502),
        (502, {"message": '{"errorMessage": "secret"}'}, 502),
        (500, {"message": "'NoneType' object is not subscriptable"}, 500),
    ],
)
def test_the_engines_own_errors_show_nothing(status: int, body: dict[str, str], expected: int) -> None:
    """Internal server error, as API Gateway says it."""
    answer = normalise(Answer(status, CIMultiDict(), json.dumps(body).encode()))
    assert (answer.status, json.loads(answer.body)) == (expected, {"message": "Internal server error"})


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b'{"message": "ok"}'),
        (503, b'{"message": "try again"}'),
        (429, b'{"message": "Too Many Requests"}'),
        (403, b'{"message":"Missing Authentication Token"}'),
        (500, b"not json"),
        (502, b"[1]"),
    ],
)
def test_other_answers_pass_unchanged(status: int, body: bytes) -> None:
    """The Lambda's answers and the gateway responses that are right already."""
    answer = Answer(status, CIMultiDict({"X": "1"}), body)
    assert normalise(answer) is answer


def test_a_function_without_a_free_process_is_told_from_a_throttled_stage() -> None:
    """The first is waited for, the second is the client's business."""
    reason = b'{"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "message": "Rate Exceeded"}'
    assert lacks_concurrency(Answer(429, CIMultiDict(), reason))
    assert not lacks_concurrency(Answer(429, CIMultiDict(), b'{"message": "Too Many Requests"}'))
    assert not lacks_concurrency(Answer(200, CIMultiDict(), reason))
