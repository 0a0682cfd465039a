import pytest

from stack import outputs
from tests.stack.template import Template

RECEIVER, PROCESSOR, AUDIT = (f("dev") for f in (outputs.receiver_name, outputs.processor_name, outputs.audit_name))

EXPECTED = {
    RECEIVER: {
        "StoreWebhook": ["dynamodb:PutItem"],
        "QueueWebhook": ["sqs:SendMessage"],
        "ReadProviderSecrets": ["secretsmanager:GetSecretValue"],
        "UseKey": ["kms:Decrypt", "kms:GenerateDataKey"],
    },
    PROCESSOR: {
        "ReadAndUpdateWebhook": ["dynamodb:GetItem", "dynamodb:UpdateItem"],
        "TakeMessages": [
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ChangeMessageVisibility",
        ],
        "UseKey": ["kms:Decrypt"],
    },
    AUDIT: {
        "ReadStream": ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
        "ListStreams": ["dynamodb:ListStreams"],
        "ReadAuditKey": ["secretsmanager:GetSecretValue"],
        "ReportFailedBatches": ["sqs:SendMessage"],
        "UseKey": ["kms:Decrypt", "kms:GenerateDataKey"],
    },
}
EVERY_FUNCTION = {
    "WriteLogs": ["logs:CreateLogStream", "logs:PutLogEvents"],
    "WriteTraces": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_function_has_exactly_these_permissions(dev: Template, name: str) -> None:
    """Every statement is listed here; one more or one less is a decision that this test makes visible."""
    actions = {
        sid: [s["Action"]] if isinstance(s["Action"], str) else s["Action"] for sid, s in dev.statements(name).items()
    }
    assert actions == EXPECTED[name] | EVERY_FUNCTION


@pytest.mark.parametrize("name", EXPECTED)
def test_only_tracing_and_listing_streams_have_no_resource(dev: Template, name: str) -> None:
    """Their actions support none; everything else names what it is about."""
    boundless = {sid for sid, statement in dev.statements(name).items() if statement["Resource"] == "*"}
    assert boundless <= {"WriteTraces", "ListStreams"}


def test_no_role_has_an_inline_policy(dev: Template) -> None:
    """CDK's own grants would appear there, and they give more than is used."""
    assert dev.all("AWS::IAM::Policy") == []
    assert all("Policies" not in role for role in dev.all("AWS::IAM::Role"))
    assert len(dev.all("AWS::IAM::ManagedPolicy")) == 3


def test_no_function_reads_the_secret_of_another(dev: Template) -> None:
    """The receiver reads the providers' secrets, the audit logger its own key, the processor none."""
    audit_key = dev.id_of("AWS::SecretsManager::Secret", Name="webhooks/audit-key-dev")
    assert audit_key not in str(dev.statements(RECEIVER))
    assert "secretsmanager" not in str(dev.statements(PROCESSOR))
    assert dev.statements(AUDIT)["ReadAuditKey"]["Resource"] == {"Ref": audit_key}
