"""The audit logger, invoked to seal and write the lines of operators' actions."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from stack.outputs import OPERATOR_ALIAS
from webhookctl.aws.session import AwsSession, ClientError, error_code, translated
from webhookctl.core.audit.operator_lines import UnrecordedError
from webhookctl.errors import NotFoundError

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient

_BUSY: Final = "TooManyRequestsException"
_PAUSES_S: Final = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
"""The stream's own batches may take all of the function's concurrency for a moment."""


class AuditLogger:
    """Implements core's audit logger by synchronous invocations of the function's alias for operators."""

    def __init__(self, session: AwsSession, function: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client: LambdaClient = session.client("lambda")
        self._function = f"{function}:{OPERATOR_ALIAS}"
        self._sleep = sleep

    def record(self, actions: Sequence[Mapping[str, Any]], *, previous: str | None) -> list[str]:
        """Have lines written for actions; return their ids.

        Raises UnrecordedError when the function fails or refuses, NotFoundError when the stack has no such alias yet.
        """
        payload = json.dumps({"operatorActions": actions, "previousLine": previous}).encode()
        answer = self._invoke(payload)
        told = json.loads(answer["Payload"].read() or b"null")
        sealed = told.get("sealed") if isinstance(told, dict) and not answer.get("FunctionError") else None
        if not isinstance(sealed, list) or len(sealed) != len(actions):
            raise _unrecorded(told)
        return [str(line_id) for line_id in sealed]

    def _invoke(self, payload: bytes) -> Any:  # noqa: ANN401 - botocore's answer
        for pause_s in (*_PAUSES_S, None):
            try:
                return self._client.invoke(FunctionName=self._function, Payload=payload)
            except ClientError as error:
                if error_code(error) == "ResourceNotFoundException":
                    raise NotFoundError(
                        "the stack's audit logger takes no operators' actions yet", hint="webhookctl deploy"
                    ) from error
                if error_code(error) != _BUSY or pause_s is None:
                    raise translated(error) from error
                self._sleep(pause_s)
        raise AssertionError("unreachable")


def _unrecorded(told: object) -> UnrecordedError:
    fields = told if isinstance(told, dict) else {}
    why = fields.get("refused") or fields.get("errorMessage") or "no answer"
    return UnrecordedError(
        f"the audit logger did not record the action, so it is not done: {why}", hint="webhookctl logs tail audit"
    )
