"""Take each permission of each function away in turn, with IAM evaluation on, and see what breaks without it."""

import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lambdas.shared.providers import get_provider
from lambdas.shared.providers.base import ProviderSecret
from stack import outputs as names
from stack.limits import QUEUE_VISIBILITY_S
from tests.conftest import Cli
from tests.eventually import eventually
from tests.integration.local import shape
from webhookctl.local.state import LocalEnvironment

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
RECEIVER, PROCESSOR, AUDIT = names.receiver_name("local"), names.processor_name("local"), names.audit_name("local")

POLLER = "the event source mapping's poller acts with the function's role"
KEY = "KMS grants and calls that services make for a caller"
NOT_EVALUATED = {
    (PROCESSOR, "sqs:ReceiveMessage"): POLLER,
    (PROCESSOR, "sqs:DeleteMessage"): POLLER,
    (PROCESSOR, "sqs:GetQueueAttributes"): POLLER,
    (AUDIT, "dynamodb:DescribeStream"): POLLER,
    (AUDIT, "dynamodb:GetRecords"): POLLER,
    (AUDIT, "dynamodb:GetShardIterator"): POLLER,
    (AUDIT, "dynamodb:ListStreams"): POLLER,
    (AUDIT, "sqs:SendMessage"): "Lambda reports a failed stream batch with the function's role",
    (RECEIVER, "kms:Decrypt"): KEY,
    (RECEIVER, "kms:GenerateDataKey"): KEY,
    (PROCESSOR, "kms:Decrypt"): KEY,
    (AUDIT, "kms:Decrypt"): KEY,
    (AUDIT, "kms:GenerateDataKey"): KEY,
    **{
        (function, action): "the platform writes logs and traces with the function's role"
        for function in (RECEIVER, PROCESSOR, AUDIT)
        for action in (
            "logs:CreateLogStream",
            "logs:PutLogEvents",
            "xray:PutTraceSegments",
            "xray:PutTelemetryRecords",
        )
    },
}
BROKEN: dict[tuple[str, str], str] = {}
"""(function, action) -> what was seen without it; filled by the tests, printed by the last one."""


@dataclass(frozen=True)
class Webhook:
    """A signed Stripe webhook that can be posted again and again."""

    webhook_id: str
    body: bytes


@dataclass(frozen=True)
class Trip:
    """The deployed stack, posted to directly, with every answer looked at in the table and the log."""

    environment: LocalEnvironment
    outputs: dict[str, str]

    def client(self, service: str) -> Any:
        """Return an AWS client with the operator's key, which no policy limits."""
        return shape.client(self.environment, service)

    def webhook(self, *, fail_times: int = 0) -> Webhook:
        """Make a payment event of its own."""
        event_id = f"evt_{uuid.uuid4().hex[:24]}"
        intent = {"id": f"pi_{event_id}", "object": "payment_intent", "amount": 5, "amount_received": 5}
        event = {
            "id": event_id,
            "object": "event",
            "created": int(time.time()),
            "type": "payment_intent.succeeded",
            "data": {"object": {**intent, "currency": "usd", "status": "succeeded"}},
            **({"webhookctl": {"failTimes": fail_times}} if fail_times else {}),
        }
        return Webhook(webhook_id=f"stripe:{event_id}", body=json.dumps(event).encode())

    def post(self, webhook: Webhook) -> int:
        """Post it, signed now; return the HTTP status."""
        text = self.client("secretsmanager").get_secret_value(SecretId=self.outputs["StripeSecretArn"])["SecretString"]
        headers = get_provider("stripe").sign(webhook.body, ProviderSecret.from_json(text), at=datetime.now(UTC))
        request = urllib.request.Request(  # noqa: S310 - the local front door
            f"{self.outputs['APIEndpoint']}/webhook/stripe",
            data=webhook.body,
            headers={**headers, "content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def status(self, webhook: Webhook) -> str | None:
        """Return the stored status, None where nothing is stored."""
        key = {"webhookId": {"S": webhook.webhook_id}}
        table = self.outputs["TableName"]
        item = self.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
        return item["status"]["S"] if item else None

    def is_processed(self, webhook: Webhook, *, within_s: float) -> bool:
        """Wait for PROCESSED."""
        return eventually(lambda: self.status(webhook) == "PROCESSED", within_s=within_s)

    def is_audited(self, webhook: Webhook, *, within_s: float) -> bool:
        """Wait for a line about it in the audit log."""
        return self.is_logged(self.outputs["AuditLogGroupName"], webhook, "", within_s=within_s)

    def is_logged(self, group: str, webhook: Webhook, words: str, *, within_s: float) -> bool:
        """Wait for a line about it that holds some words."""
        logs = self.client("logs")

        def seen() -> bool:
            since = int((time.time() - 300) * 1000)
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since)
            lines = (event["message"] for page in pages for event in page["events"])
            return any(webhook.webhook_id in line and words in line for line in lines)

        return eventually(seen, within_s=within_s)

    def restart(self, function: str) -> None:
        """Give the function a new worker, so that nothing is cached."""
        functions = self.client("lambda")
        memory = functions.get_function_configuration(FunctionName=function)["MemorySize"]
        functions.update_function_configuration(FunctionName=function, MemorySize=memory)

    def policy(self, function: str) -> tuple[str, dict[str, Any]]:
        """Return the ARN and the document of a function's one managed policy."""
        iam = self.client("iam")
        role = self.client("lambda").get_function_configuration(FunctionName=function)["Role"].rpartition("/")[2]
        (attached,) = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        arn = attached["PolicyArn"]
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        return arn, json.loads(document) if isinstance(document, str) else document

    @contextmanager
    def without(self, function: str, action: str) -> Iterator[None]:
        """Take one action away from a function while the block runs."""
        arn, document = self.policy(function)
        statements = [
            {**statement, "Action": [name for name in _actions(statement) if name != action]}
            for statement in document["Statement"]
        ]
        kept = [statement for statement in statements if statement["Action"]]
        self._replace(arn, {**document, "Statement": kept})
        try:
            yield
        finally:
            self._replace(arn, document)

    def _replace(self, arn: str, document: dict[str, Any]) -> None:
        """Make a document the policy's only version."""
        iam = self.client("iam")
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(document), SetAsDefault=True)
        for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
            if not version["IsDefaultVersion"]:
                iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])


def _actions(statement: dict[str, Any]) -> list[str]:
    action = statement["Action"]
    return [action] if isinstance(action, str) else list(action)


@pytest.fixture(scope="module")
def trip(deployed: Cli, local_environment: LocalEnvironment) -> Trip:
    """Return the deployed trip, seen to work with all its permissions."""
    whole = Trip(environment=local_environment, outputs=deployed.json("outputs"))
    webhook = whole.webhook()
    assert whole.post(webhook) == 200
    assert whole.is_processed(webhook, within_s=20)
    return whole


def test_without_putting_items_a_webhook_is_not_acknowledged(trip: Trip) -> None:
    """503 and nothing stored; the retry after the repair is taken."""
    webhook = trip.webhook()
    with trip.without(RECEIVER, "dynamodb:PutItem"):
        assert trip.post(webhook) == 503
        assert trip.status(webhook) is None
        BROKEN[RECEIVER, "dynamodb:PutItem"] = "503 to the provider, nothing stored"
    assert trip.post(webhook) == 200
    assert trip.is_processed(webhook, within_s=20)


def test_without_sending_messages_a_webhook_is_not_acknowledged(trip: Trip) -> None:
    """503, stored but not queued; the provider's retry queues it."""
    webhook = trip.webhook()
    with trip.without(RECEIVER, "sqs:SendMessage"):
        assert trip.post(webhook) == 503
        assert not trip.is_processed(webhook, within_s=2)
        BROKEN[RECEIVER, "sqs:SendMessage"] = "503 to the provider, stored but never queued"
    assert trip.post(webhook) == 200
    assert trip.is_processed(webhook, within_s=20)


def test_without_its_secrets_the_receiver_verifies_nothing(trip: Trip) -> None:
    """503 from a new worker: without a key there is no proof."""
    webhook = trip.webhook()
    with trip.without(RECEIVER, "secretsmanager:GetSecretValue"):
        trip.restart(RECEIVER)
        assert trip.post(webhook) == 503
        assert trip.status(webhook) is None
        BROKEN[RECEIVER, "secretsmanager:GetSecretValue"] = "503 to the provider from a new worker, nothing verified"
    trip.restart(RECEIVER)
    assert trip.post(webhook) == 200
    assert trip.is_processed(webhook, within_s=20)


@pytest.mark.parametrize("action", ["dynamodb:GetItem", "dynamodb:UpdateItem"])
def test_without_the_table_the_processor_processes_nothing(trip: Trip, action: str) -> None:
    """The webhook stays as received; a retry after the repair processes it."""
    webhook = trip.webhook()
    with trip.without(PROCESSOR, action):
        assert trip.post(webhook) == 200
        assert not trip.is_processed(webhook, within_s=3)
        BROKEN[PROCESSOR, action] = f"webhook stays {trip.status(webhook)}, its message is retried"
    assert trip.is_processed(webhook, within_s=30)


def test_without_changing_visibility_a_failed_webhook_waits_for_the_queue(trip: Trip) -> None:
    """Its own retry is quick; without it the processor is denied, and the queue's visibility timeout is not quick."""
    log = names.log_group_name(PROCESSOR)
    sqs, queue = trip.client("sqs"), trip.outputs["ProcessingQueueUrl"]
    quick, slow = trip.webhook(fail_times=1), trip.webhook(fail_times=1)
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "10"})
    try:
        assert trip.post(quick) == 200
        assert trip.is_processed(quick, within_s=9)
        with trip.without(PROCESSOR, "sqs:ChangeMessageVisibility"):
            assert trip.post(slow) == 200
            assert trip.is_logged(log, slow, '"secondError":"sqs_AccessDenied', within_s=9)
            assert trip.status(slow) == "RECEIVED"
            BROKEN[PROCESSOR, "sqs:ChangeMessageVisibility"] = "a failed webhook is retried after minutes, not seconds"
        assert trip.is_processed(slow, within_s=30)
    finally:
        visibility = str(QUEUE_VISIBILITY_S)
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": visibility})


def test_without_its_key_the_audit_logger_seals_nothing(trip: Trip) -> None:
    """No line while the key can't be had; the stream's retries write it after the repair."""
    webhook = trip.webhook()
    with trip.without(AUDIT, "secretsmanager:GetSecretValue"):
        trip.restart(AUDIT)
        assert trip.post(webhook) == 200
        assert not trip.is_audited(webhook, within_s=5)
        BROKEN[AUDIT, "secretsmanager:GetSecretValue"] = "no audit line; the stream's batch is retried"
    trip.restart(AUDIT)
    assert trip.is_audited(webhook, within_s=40)


def test_no_permission_is_unaccounted_for(trip: Trip, capsys: pytest.CaptureFixture[str]) -> None:
    """Every action of every function was seen to be needed, or is listed with the AWS page that requires it."""
    held = {
        (function, action)
        for function in (RECEIVER, PROCESSOR, AUDIT)
        for statement in trip.policy(function)[1]["Statement"]
        for action in _actions(statement)
    }
    assert held == set(BROKEN) | set(NOT_EVALUATED)
    assert not set(BROKEN) & set(NOT_EVALUATED)
    documented = (ROOT / "docs" / "aws.md").read_text()
    assert all(f"`{action}`" in documented for _, action in held)
    with capsys.disabled():
        print("\n\nPermission                                                     What broke without it")  # noqa: T201
        for (function, action), broke in sorted(BROKEN.items()):
            print(f"{function.removesuffix('-local'):18} {action:42} {broke}")  # noqa: T201
        for (function, action), why in sorted(NOT_EVALUATED.items()):
            print(f"{function.removesuffix('-local'):18} {action:42} not evaluated locally: {why}")  # noqa: T201
