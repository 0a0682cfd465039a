import json
from typing import Any

from stack import outputs
from tests.stack.template import Template

ENCRYPTED = {
    "AWS::SQS::Queue": "KmsMasterKeyId",
    "AWS::SNS::Topic": "KmsMasterKeyId",
    "AWS::SecretsManager::Secret": "KmsKeyId",
    "AWS::Logs::LogGroup": "KmsKeyId",
    "AWS::Lambda::Function": "KmsKeyArn",
}


def test_one_rotating_key_encrypts_everything(prod: Template) -> None:
    """Table, queues, topic, secrets, logs and function environments all name the stack's only key."""
    key = {"Fn::GetAtt": [prod.id_of("AWS::KMS::Key"), "Arn"]}
    assert prod.one("AWS::KMS::Key")["EnableKeyRotation"] is True
    for resource_type, member in ENCRYPTED.items():
        for properties in prod.all(resource_type):
            assert properties[member] == key, (resource_type, properties)
    assert prod.one("AWS::DynamoDB::Table")["SSESpecification"]["KMSMasterKeyId"] == key


def _key_statements(template: Template) -> dict[str, Any]:
    return {s.get("Sid", ""): s for s in template.one("AWS::KMS::Key")["KeyPolicy"]["Statement"]}


def test_the_key_policy_admits_the_services_that_act_by_themselves(prod: Template) -> None:
    """Without CloudWatch's statement an alarm's message to the encrypted topic is silently dropped."""
    statements = _key_statements(prod)
    for sid, service in (("AlarmsToTheTopic", "cloudwatch"), ("TopicToQueues", "sns"), ("QueueRedrive", "sqs")):
        assert statements[sid]["Principal"] == {"Service": f"{service}.amazonaws.com"}
        assert statements[sid]["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"]
    assert "kms:EncryptionContext:aws:logs:arn" in statements["LogGroups"]["Condition"]["ArnLike"]


def test_the_table_is_the_documented_one(dev: Template) -> None:
    """On demand, keyed by webhook id, streaming both images, expiring by `expiresAt`."""
    table = dev.one("AWS::DynamoDB::Table")
    assert table["TableName"] == "PaymentWebhooks-dev"
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["KeySchema"] == [{"AttributeName": "webhookId", "KeyType": "HASH"}]
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expiresAt", "Enabled": True}


def test_a_payments_events_are_found_by_one_index(dev: Template) -> None:
    """By paymentId and the event's time; what a fold needs is in the index. It is the only index by default."""
    (index,) = dev.one("AWS::DynamoDB::Table")["GlobalSecondaryIndexes"]
    assert index["IndexName"] == outputs.PAYMENT_INDEX
    assert [k["AttributeName"] for k in index["KeySchema"]] == ["paymentId", "eventCreatedAt"]
    assert {"kind", "amountMinor", "currency", "isCumulative"} <= set(index["Projection"]["NonKeyAttributes"])


def test_failures_have_a_sparse_index_on_request(options: Template) -> None:
    """Keys only: it is written for failed webhooks alone."""
    indexes = {i["IndexName"]: i for i in options.one("AWS::DynamoDB::Table")["GlobalSecondaryIndexes"]}
    assert indexes[outputs.FAILED_INDEX]["Projection"] == {"ProjectionType": "KEYS_ONLY"}


def test_a_new_secret_holds_no_key(dev: Template) -> None:
    """One per provider and one for the audit seal; each starts with an empty key list and filler."""
    names = {s["Name"]: s["GenerateSecretString"] for s in dev.all("AWS::SecretsManager::Secret")}
    assert set(names) == {outputs.secret_name(p, "dev") for p in outputs.PROVIDERS} | {"webhooks/audit-key-dev"}
    for generated in names.values():
        assert json.loads(generated["SecretStringTemplate"]) == {"v": 1, "keys": []}
        assert generated["GenerateStringKey"] == "generated"
