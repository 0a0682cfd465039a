"""The wire between a real boto3 client and `FakeAws`: how the client is made, and how an answer looks to it."""

import json
import uuid
from collections.abc import Iterator
from functools import cache
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config

from lambdas.shared import aws as lambda_aws

URL = "http://aws.invalid/"


def new_client(service: str) -> Any:
    """Return a real boto3 client, configured like the Lambdas', whose requests somebody must answer."""
    config = Config(
        connect_timeout=lambda_aws.CONNECT_TIMEOUT_S,
        read_timeout=lambda_aws.READ_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": lambda_aws.ATTEMPTS},
        parameter_validation=False,
        signature_version=UNSIGNED,
        user_agent="test",  # put together anew for each request, the usual one takes a sixth of a soak's time
    )
    return lambda_aws.limited(_session().client(service, endpoint_url=URL, config=config))  # type: ignore[call-overload]


@cache
def _session() -> boto3.Session:
    """Return the session of this test run: it keeps the parsed service models."""
    return boto3.Session("test", "test", region_name="us-east-1")


class _Raw:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self._content


def response(
    request: AWSPreparedRequest, status: int, code: str | None, body: dict[str, Any] | None = None
) -> AWSResponse:
    """Return what the service would send: a body, or an error's code."""
    payload = {**(body or {}), **({"__type": f"com.amazonaws#{code}"} if code else {})}
    headers = HTTPHeaders()
    headers["x-amzn-requestid"] = uuid.uuid4().hex
    return AWSResponse(request.url, status, headers, _Raw(json.dumps(payload).encode()))
