"""The operator's own policy, as documented, with IAM evaluation on: it has actions recorded, and forges nothing."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack import outputs as names
from tests.conftest import Cli
from tests.integration.local import shape
from webhookctl.aws.audit_logger import AuditLogger
from webhookctl.aws.logs import Logs
from webhookctl.aws.session import AwsSession, ClientError
from webhookctl.core.audit.proof import BEGINNING
from webhookctl.errors import ConfigError
from webhookctl.local.state import LocalEnvironment

pytestmark = pytest.mark.integration

POLICY = Path(__file__).parents[3] / "docs" / "operator-policy.json"
AUDIT = names.audit_name("local")
ACTION = {
    "at": "2026-01-02T03:04:05.000Z",
    "principal": "arn:aws:iam::000000000000:user/ada",
    "user": "ada",
    "action": "dlq.purge",
    "actionId": "op-1",
    "outcome": "started",
}


@pytest.fixture(scope="module")
def operator(deployed: Cli, local_environment: LocalEnvironment) -> Iterator[AwsSession]:
    """Return the session of a user who has the documented policy and nothing else."""
    assert deployed.home == local_environment.root.parent
    iam, user = shape.client(local_environment, "iam"), f"ada-{uuid.uuid4().hex[:6]}"
    iam.create_user(UserName=user)
    iam.put_user_policy(UserName=user, PolicyName="operator", PolicyDocument=POLICY.read_text())
    key = iam.create_access_key(UserName=user)["AccessKey"]
    yield AwsSession(
        region="us-east-1",
        endpoints={"": local_environment.endpoint_url},
        credentials=(key["AccessKeyId"], key["SecretAccessKey"]),
    )
    iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName=user, PolicyName="operator")
    iam.delete_user(UserName=user)


def test_an_operator_has_actions_recorded(operator: AwsSession) -> None:
    """Through the alias, sealed."""
    (line_id,) = AuditLogger(operator, AUDIT).record([ACTION], previous=None)
    lines = [event.fields() for event in Logs(operator).events(names.log_group_name(AUDIT), start=BEGINNING)]
    assert [line["actor"] for line in lines if line.get("lineId") == line_id] == ["operator:ada"]


def test_an_operator_can_not_have_the_line_of_a_write_sealed(operator: AwsSession) -> None:
    """Neither through the alias, which takes no stream batch, nor past it, which the policy does not allow."""
    forged = json.dumps({"Records": []})
    client = operator.client("lambda")
    answer = client.invoke(FunctionName=f"{AUDIT}:{names.OPERATOR_ALIAS}", Payload=forged)
    assert "refused" in json.loads(answer["Payload"].read())
    for name in (AUDIT, f"{AUDIT}:$LATEST"):
        with pytest.raises(ConfigError, match="not allowed"):
            client.invoke(FunctionName=name, Payload=forged)


def test_an_operator_can_not_write_into_the_audit_log(operator: AwsSession) -> None:
    """PutLogEvents is refused."""
    with pytest.raises((ConfigError, ClientError)):
        operator.client("logs").create_log_stream(logGroupName=names.log_group_name(AUDIT), logStreamName="forged")
