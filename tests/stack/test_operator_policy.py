import ast
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import boto3
import pytest
from botocore import xform_name

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
    "apigateway:GetStage": "apigateway:GET",
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


def _allowed() -> set[str]:
    policy = json.loads((ROOT / "docs" / "operator-policy.json").read_text())
    actions = [s["Action"] if isinstance(s["Action"], list) else [s["Action"]] for s in policy["Statement"]]
    return {action for group in actions for action in group}


@pytest.mark.parametrize("path", sorted((ROOT / "webhookctl" / "aws").glob("*.py")), ids=lambda path: path.stem)
def test_the_operators_policy_allows_every_call_that_the_cli_makes(path: Path) -> None:
    """Each AWS operation named in the CLI's AWS layer is in docs/operator-policy.json."""
    operations, allowed = _operations(), _allowed()
    called = {word for word in _words(path) if word in operations}
    missing = {word for word in called if not operations[word] & allowed}
    assert missing == set()


def test_the_operators_policy_has_no_wildcard_action() -> None:
    """Each action is named."""
    assert not [action for action in _allowed() if "*" in action]
