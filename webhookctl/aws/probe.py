"""What `doctor` looks at that no other command does."""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from stack import outputs as names
from webhookctl.aws import cdk
from webhookctl.aws.session import AwsSession, ClientError, error_code
from webhookctl.core.doctor.quotas import Quotas
from webhookctl.core.metrics import MetricQuery, MetricReader
from webhookctl.errors import WebhookctlError

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

    def taken_names(self, named: Mapping[str, Sequence[str]]) -> list[str]:
        """Return which names of the given types exist in the account; a type that is not known here has none."""
        looks: Mapping[str, Callable[[str], bool]] = {
            "AWS::DynamoDB::Table": lambda name: self._exists("dynamodb", "describe_table", TableName=name),
            "AWS::SQS::Queue": lambda name: self._exists("sqs", "get_queue_url", QueueName=name),
            "AWS::Lambda::Function": lambda name: self._exists("lambda", "get_function", FunctionName=name),
            "AWS::Logs::LogGroup": self._has_log_group,
            "AWS::SecretsManager::Secret": lambda name: self._exists(
                "secretsmanager", "describe_secret", SecretId=name
            ),
            "AWS::KMS::Alias": lambda name: self._exists("kms", "describe_key", KeyId=name),
            "AWS::CloudWatch::Alarm": self._has_alarm,
        }
        return [name for kind, wanted in named.items() for name in wanted if kind in looks and looks[kind](name)]

    def _has_log_group(self, name: str) -> bool:
        found = self._session.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        return any(group["logGroupName"] == name for group in found)

    def _has_alarm(self, name: str) -> bool:
        return bool(self._session.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"])

    def _exists(self, service: str, look: str, **arguments: str) -> bool:
        return self._unless_missing(getattr(self._session.client(service), look), **arguments) is not None

    def key_state(self, key_arn: str) -> tuple[str, bool]:
        """Return the key's state and whether it rotates."""
        client = self._session.client("kms")
        state = str(client.describe_key(KeyId=key_arn)["KeyMetadata"]["KeyState"])
        rotates = state == "Enabled" and client.get_key_rotation_status(KeyId=key_arn)["KeyRotationEnabled"]
        return state, bool(rotates)

    def clock_skew(self) -> timedelta:
        """Compare with the date of an answer; zero where it has none.

        The call is not signed: AWS refuses it and says its time, also to a clock that no signature would pass with.
        """
        try:
            answer = self._session.unsigned_client("sts").get_caller_identity()
        except ClientError as error:
            answer = error.response
        except WebhookctlError as error:
            if not isinstance(error.__cause__, ClientError):
                raise
            answer = error.__cause__.response
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
