import json
import re
from pathlib import Path
from typing import Any

from syrupy.assertion import SnapshotAssertion

from stack import outputs
from tests.stack.template import Template, flatten

OUTPUTS = {
    outputs.API_ENDPOINT,
    outputs.API_ID,
    outputs.TABLE_NAME,
    outputs.TABLE_STREAM_ARN,
    outputs.QUEUE_URL,
    outputs.DLQ_URL,
    outputs.AUDIT_FAILURE_QUEUE_URL,
    outputs.ALERT_TOPIC_ARN,
    outputs.DLQ_ALARM_NAME,
    outputs.KEY_ARN,
    outputs.WEB_ACL_ARN,
    outputs.RECEIVER_NAME,
    outputs.PROCESSOR_NAME,
    outputs.AUDIT_NAME,
    outputs.AUDIT_LOG_GROUP,
    outputs.ACCESS_LOG_GROUP,
    outputs.WAF_LOG_GROUP,
    outputs.DASHBOARD_NAME,
    outputs.AUDIT_KEY_SECRET,
    *(outputs.secret_output(provider) for provider in outputs.PROVIDERS),
}


def _stable(template: Template) -> Any:
    """Blank what changes with every edit of a Lambda: asset hashes, and the deployment's id derived from them."""
    text = json.dumps(template.body, indent=1, sort_keys=True)
    text = re.sub(r"[0-9a-f]{64}", "<asset>", text)
    return json.loads(re.sub(r"(IngressApiDeployment4BEA8A6C)[0-9a-f]{32}", r"\1<hash>", text))


def test_every_promised_output_is_there_and_no_other(dev: Template) -> None:
    """The CLI reads these by name."""
    assert set(dev.body["Outputs"]) == OUTPUTS


def test_the_dev_template_changes_only_on_purpose(dev: Template, snapshot: SnapshotAssertion) -> None:
    """Asset hashes blanked."""
    assert _stable(dev) == snapshot


def test_the_production_template_changes_only_on_purpose(prod: Template, snapshot: SnapshotAssertion) -> None:
    """Asset hashes blanked."""
    assert _stable(prod) == snapshot


def test_every_difference_between_dev_and_production_is_listed(
    dev: Template, production_named_dev: Template, snapshot: SnapshotAssertion
) -> None:
    """Whatever differs but the name is in the list; a new difference has to be added to it."""
    in_dev, in_prod = dict(flatten(_stable(dev))), dict(flatten(_stable(production_named_dev)))
    differences = [
        f"{path}: {in_dev.get(path, '(absent)')} -> {in_prod.get(path, '(absent)')}"
        for path in sorted(set(in_dev) | set(in_prod))
        if in_dev.get(path) != in_prod.get(path)
    ]
    assert differences == snapshot


def test_production_data_survives_the_stack(prod: Template) -> None:
    """Table, key, secrets, queues and logs are retained once they exist; table and logs refuse deletion."""
    kept = {
        "AWS::DynamoDB::Table",
        "AWS::KMS::Key",
        "AWS::SecretsManager::Secret",
        "AWS::SQS::Queue",
        "AWS::Logs::LogGroup",
    }
    for resource in prod.body["Resources"].values():
        if resource["Type"] in kept:
            assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    table = prod.one("AWS::DynamoDB::Table")
    assert table["DeletionProtectionEnabled"] is True
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert all(group["DeletionProtectionEnabled"] is True for group in prod.all("AWS::Logs::LogGroup"))


def test_every_other_environment_leaves_nothing_of_ours_behind(dev: Template) -> None:
    """Only the region's API Gateway logging role stays: other stacks of the account may depend on it."""
    kept = {r["Type"] for r in dev.body["Resources"].values() if r.get("DeletionPolicy", "").startswith("Retain")}
    assert kept == {"AWS::ApiGateway::Account", "AWS::IAM::Role"}
    retained = [r for r in dev.resources("AWS::IAM::Role").values() if r.get("DeletionPolicy", "").startswith("Retain")]
    assert len(retained) == 1


def test_components_of_the_product_are_all_there(dev: Template) -> None:
    """One of each, three functions, three queues, four secrets."""
    counts = {
        "AWS::ApiGateway::RestApi": 1,
        "AWS::WAFv2::WebACL": 1,
        "AWS::WAFv2::WebACLAssociation": 1,
        "AWS::Lambda::Function": 3,
        "AWS::DynamoDB::Table": 1,
        "AWS::SQS::Queue": 3,
        "AWS::SNS::Topic": 1,
        "AWS::KMS::Key": 1,
        "AWS::SecretsManager::Secret": 4,
        "AWS::Logs::LogGroup": 6,
        "AWS::Lambda::EventSourceMapping": 2,
        "AWS::CloudWatch::Dashboard": 1,
    }
    assert {name: len(dev.all(name)) for name in counts} == counts


def test_only_production_refuses_to_be_deleted_as_a_whole(assembly: Path) -> None:
    """Termination protection is the stack's own, outside its template."""
    artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"]
    protected = {name for name, a in artifacts.items() if a.get("properties", {}).get("terminationProtection")}
    assert protected == {outputs.stack_name("prod")}
