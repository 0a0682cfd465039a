"""The only module of the Lambdas that imports boto3: clients with short timeouts, and errors translated once."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from lambdas.shared import deadline
from lambdas.shared.errors import UnavailableError

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sqs import SQSClient

T = TypeVar("T")
C = TypeVar("C", bound="BaseClient")

CONNECT_TIMEOUT_S = 1.0
READ_TIMEOUT_S = 2.0
ATTEMPT_S = CONNECT_TIMEOUT_S + READ_TIMEOUT_S
"""Worst time of one try. None is begun that the invocation's time (`deadline`) might not see the end of."""
ATTEMPTS = 2
"""Tries of one call; a throttled key has three, whose fast refusals cost little beside."""
CALL_BUDGET_S = ATTEMPTS * ATTEMPT_S + 1.0
"""Worst time of one call: every try takes its worst, and up to 1 s of back-off lies between."""

KEY_THROTTLED = frozenset({"KMS.ThrottlingException", "KmsThrottled", "KMSThrottlingException"})
"""How DynamoDB, SQS and Secrets Manager pass on a throttled KMS key. botocore does not retry these by itself."""
_KEY_RETRY_DELAYS_S = (0.1, 0.3)


@cache
def dynamodb() -> "DynamoDBClient":
    """Return the DynamoDB client of this execution environment, made at its first use."""
    return limited(boto3.client("dynamodb", config=_config()))


@cache
def sqs() -> "SQSClient":
    """Return the SQS client."""
    return limited(boto3.client("sqs", config=_config()))


@cache
def secretsmanager() -> "SecretsManagerClient":
    """Return the Secrets Manager client."""
    return limited(boto3.client("secretsmanager", config=_config()))


def limited(client: C) -> C:
    """Let a client begin no try, be it the SDK's own, that might outlast the invocation: UnavailableError instead."""
    client.meta.events.register_first("before-send", _require_time)
    return client


def _require_time(**_: object) -> None:
    deadline.require(ATTEMPT_S)


def call(service: str, operation: Callable[[], T], *, sleep: Callable[[float], None] = time.sleep) -> T:
    """Run one AWS call; a throttled KMS key is tried again shortly, while the invocation has time for it.

    Raises UnavailableError with the reason `<service>_<code>` for everything that AWS or the network refuses, and
    `out_of_time` when another try might outlast the invocation.
    """
    for delay_s in _KEY_RETRY_DELAYS_S:
        try:
            with translated(service):
                return operation()
        except UnavailableError as error:
            if not isinstance(error.__cause__, ClientError) or error_code(error.__cause__) not in KEY_THROTTLED:
                raise
        sleep(delay_s)
    with translated(service):
        return operation()


@contextmanager
def translated(service: str) -> Iterator[None]:
    """Turn every SDK error inside into UnavailableError. The message names the code, never the request."""
    try:
        yield
    except ClientError as error:
        code = error_code(error)
        raise UnavailableError(f"{service} answered {code}", reason=f"{service}_{code}") from error
    except (BotoCoreError, HTTPClientError) as error:
        name = type(error).__name__
        raise UnavailableError(f"{service} could not be reached: {name}", reason=f"{service}_{name}") from error


def condition_failed(error: Exception) -> dict[str, Any] | None:
    """Return the old item if `error` is a failed condition of a conditional write, else None.

    The write asked for `ReturnValuesOnConditionCheckFailure=ALL_OLD`; an empty dict means there is no item.
    """
    if isinstance(error, ClientError) and error_code(error) == "ConditionalCheckFailedException":
        response: Mapping[str, Any] = error.response
        return dict(response.get("Item", {}))
    return None


def error_code(error: ClientError) -> str:
    """Return AWS's code of an error, e.g. `ThrottlingException`."""
    code = error.response.get("Error", {}).get("Code", "Unknown")
    return code.removeprefix("AWS.SimpleQueueService.")


def _config() -> Config:
    return Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        tcp_keepalive=True,
    )
