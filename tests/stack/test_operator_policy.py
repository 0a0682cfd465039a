import ast
import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import boto3
import pytest
from botocore import xform_name

from stack import outputs as names

ROOT = Path(__file__).parents[2]
IAM_PREFIX = {
    "apigateway": "apigateway",
    "cloudformation": "cloudformation",
    "cloudwatch": "cloudwatch",
    "dynamodb": "dynamodb",
    "kms": "kms",
    "lambda": "lambda",
    "logs": "logs",
    "secretsmanager": "secretsmanager",
    "service-quotas": "servicequotas",
    "sns": "sns",
    "sqs": "sqs",
    "ssm": "ssm",
    "sts": "sts",
    "wafv2": "wafv2",
    "xray": "xray",
}
UNDER_ANOTHER_NAME = {
    "apigateway:GetAccount": "apigateway:GET",
    "apigateway:GetStage": "apigateway:GET",
    "lambda:Invoke": "lambda:InvokeFunction",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:SendMessageBatch": "sqs:SendMessage",
}
"""API operation -> the IAM action that authorises it (service authorization reference)."""


@cache
def _operations() -> dict[str, set[str]]:
    """Map each boto3 method name to the actions that it may stand for."""
    methods: dict[str, set[str]] = {}
    for service, prefix in IAM_PREFIX.items():
        model = boto3.session.Session(region_name="us-east-1")._session.get_service_model(service)
        for operation in model.operation_names:
            action = f"{prefix}:{operation}"
            methods.setdefault(xform_name(operation), set()).add(UNDER_ANOTHER_NAME.get(action, action))
    return methods


def _words(path: Path) -> Iterator[str]:
    """Yield every attribute and every string of a module: calls, and paginators by name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _statements() -> list[tuple[set[str], set[str]]]:
    """Return (actions, resources) of each statement."""
    policy = json.loads((ROOT / "docs" / "operator-policy.json").read_text())
    return [(_set(s["Action"]), _set(s["Resource"])) for s in policy["Statement"]]


def _set(value: str | list[str]) -> set[str]:
    return {value} if isinstance(value, str) else set(value)


def _allowed() -> set[str]:
    return {action for actions, _ in _statements() for action in actions}


@pytest.mark.parametrize("path", sorted((ROOT / "webhookctl" / "aws").glob("*.py")), ids=lambda path: path.stem)
def test_the_operators_policy_allows_every_call_that_the_cli_makes(path: Path) -> None:
    """Each AWS operation named in the CLI's AWS layer is in docs/operator-policy.json."""
    operations, allowed = _operations(), _allowed()
    called = {word for word in _words(path) if word in operations}
    missing = {word for word in called if not operations[word] & allowed}
    assert missing == set()


BY_OTHERS = {
    "sts:AssumeRole": "the CDK CLI takes the bootstrap's roles",
    "ssm:GetParameter": "the CDK CLI reads the bootstrap's version",
    "kms:Decrypt": "DynamoDB, SQS, Secrets Manager and CloudWatch Logs read with the caller's right to the key",
    "kms:GenerateDataKey": "SQS, DynamoDB and Secrets Manager write with the caller's right to the key",
}
"""Actions that no module of the AWS layer calls by name, and who needs them."""


def test_the_operators_policy_allows_nothing_that_nobody_calls() -> None:
    """Each action is an operation that the AWS layer names, or is listed with who needs it."""
    operations = _operations()
    words = {word for path in (ROOT / "webhookctl" / "aws").glob("*.py") for word in _words(path)}
    called = {action for word in words for action in operations.get(word, ())}
    assert _allowed() - called - set(BY_OTHERS) == set()


def test_the_operators_policy_has_no_wildcard_action() -> None:
    """Each action is named."""
    assert not [action for action in _allowed() if "*" in action]


def test_an_operator_can_not_write_into_the_audit_log() -> None:
    """Nobody but the audit logger: no log action writes, and of functions only its alias for operators is invoked."""
    logs = {action for action in _allowed() if action.startswith("logs:")}
    assert all(action.removeprefix("logs:").startswith(("Filter", "Get", "Describe", "StartQuery")) for action in logs)
    invoked = [resources for actions, resources in _statements() if "lambda:InvokeFunction" in actions]
    assert invoked == [{f"arn:aws:lambda:*:*:function:{names.audit_name('*')}:{names.OPERATOR_ALIAS}"}]
    assert not {action for action in _allowed() if action.startswith("lambda:Update")}


def test_an_operator_can_not_replace_the_audit_key() -> None:
    """It may be read by who verifies; no statement that writes secrets covers it."""
    key = f"arn:aws:secretsmanager:us-east-1:1:secret:{names.audit_key_secret_name('prod')}-AbCdEf"
    written = [resources for actions, resources in _statements() if "secretsmanager:PutSecretValue" in actions]
    assert written
    assert not any(fnmatchcase(key, pattern) for resources in written for pattern in resources)
