"""What `doctor` looks at that no other command does."""

import math
import sys
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from stack import outputs as names
from webhookctl.aws import cdk
from webhookctl.aws.session import AwsSession, ClientError, error_code
from webhookctl.core.doctor_quotas import Quotas
from webhookctl.core.metrics import MetricQuery, MetricReader

_MISSING = frozenset({"ResourceNotFoundException", "NotFoundException", "QueueDoesNotExist", "NonExistentQueue"})


class AccountProbe:
    """Implements core's probe."""

    def __init__(self, session: AwsSession, metrics: MetricReader) -> None:
        self._session = session
        self._metrics = metrics

    def node(self) -> str:
        """Return the path of the Node that the CDK runs on; the CDK CLI must be there too."""
        cdk.cdk_script()
        return str(cdk.node())

    def concurrency(self) -> tuple[int, int]:
        """Return the account's concurrent executions and how many are unreserved."""
        limit = self._session.client("lambda").get_account_settings()["AccountLimit"]
        return int(limit["ConcurrentExecutions"]), int(limit["UnreservedConcurrentExecutions"])

    def quotas(self) -> Quotas:
        """Return Lambda's and API Gateway's quotas; what an emulator does not tell is no limit."""
        told = self._session.client("lambda").get_account_settings()
        gateway = self._session.client("apigateway").get_account()
        throttle = gateway.get("throttleSettings", {})
        return Quotas(
            executions=int(told["AccountLimit"]["ConcurrentExecutions"]),
            code_bytes=int(told.get("AccountUsage", {}).get("TotalCodeSize", 0)),
            code_bytes_max=int(told["AccountLimit"].get("TotalCodeSize", sys.maxsize)),
            requests_per_s=float(throttle.get("rateLimit", math.inf)),
            burst=int(throttle.get("burstLimit", sys.maxsize)),
            has_gateway_log_role=bool(gateway.get("cloudwatchRoleArn")),
        )

    def reserved(self, function: str) -> int | None:
        """Return a function's reserved concurrency."""
        answer = self._unless_missing(self._session.client("lambda").get_function_concurrency, FunctionName=function)
        reserved = answer.get("ReservedConcurrentExecutions") if answer else None
        return None if reserved is None else int(reserved)

    def taken_names(self, environment: str) -> list[str]:
        """Return the names that the account has already."""
        table, queue, function = (f(environment) for f in (names.table_name, names.queue_name, names.receiver_name))
        looks = {
            table: (self._session.client("dynamodb").describe_table, {"TableName": table}),
            queue: (self._session.client("sqs").get_queue_url, {"QueueName": queue}),
            function: (self._session.client("lambda").get_function, {"FunctionName": function}),
        }
        return [name for name, (look, asked) in looks.items() if self._unless_missing(look, **asked) is not None]

    def key_state(self, key_arn: str) -> tuple[str, bool]:
        """Return the key's state and whether it rotates."""
        client = self._session.client("kms")
        state = str(client.describe_key(KeyId=key_arn)["KeyMetadata"]["KeyState"])
        rotates = state == "Enabled" and client.get_key_rotation_status(KeyId=key_arn)["KeyRotationEnabled"]
        return state, bool(rotates)

    def clock_skew(self) -> timedelta:
        """Compare with the date of an answer; zero where it has none."""
        answer = self._session.client("sts").get_caller_identity()
        date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        return datetime.now(UTC) - parsedate_to_datetime(date) if date else timedelta()

    def waf_blocks(self, environment: str, *, since: datetime) -> int:
        """Return how many requests the firewall blocked, all rules together."""
        dimensions = {"WebACL": names.web_acl_name(environment), "Rule": "ALL", "Region": self._session.region}
        query = MetricQuery(namespace="AWS/WAFV2", metric="BlockedRequests", dimensions=dimensions)
        found = self._metrics.read(
            {"blocked": query}, start=since, end=datetime.now(UTC) + timedelta(minutes=1), period=timedelta(minutes=1)
        )
        return round(found["blocked"].total)

    def _unless_missing(self, call: Any, **arguments: str) -> Any:  # noqa: ANN401 - any operation of a client
        try:
            return call(**arguments)
        except ClientError as error:
            if error_code(error) in _MISSING:
                return None
            raise
