"""CloudFormation: reads stacks, templates and events."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from webhookctl.aws.session import AwsSession, ClientError, error_code
from webhookctl.core.deploy import StackEvent
from webhookctl.core.outputs import StackDescription

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient


class CloudFormation:
    """Implements core's stack ports."""

    def __init__(self, session: AwsSession) -> None:
        self._client: CloudFormationClient = session.client("cloudformation")

    def describe(self, stack_name: str) -> StackDescription | None:
        """Return the stack, or None when there is none."""
        try:
            answer = self._client.describe_stacks(StackName=stack_name)
        except ClientError as error:
            if _is_missing(error):
                return None
            raise
        stack = next((s for s in answer["Stacks"] if s["StackStatus"] != "DELETE_COMPLETE"), None)
        if stack is None:
            return None
        outputs = {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}
        return StackDescription(
            name=stack["StackName"], stack_id=stack.get("StackId", ""), status=stack["StackStatus"], outputs=outputs
        )

    def template(self, stack_name: str) -> Mapping[str, Any] | None:
        """Return the deployed template, or None when there is no stack or it never came up."""
        stack = self.describe(stack_name)
        if stack is None or stack.status in ("REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "CREATE_FAILED"):
            return None
        body: Any = self._client.get_template(StackName=stack_name)["TemplateBody"]
        parsed: Mapping[str, Any] = json.loads(body) if isinstance(body, str) else body
        return parsed

    def events(self, stack_name: str, *, since: datetime) -> list[StackEvent]:
        """Return the stack's events since a time, oldest first."""
        try:
            pages = self._client.get_paginator("describe_stack_events").paginate(StackName=stack_name)
            found = []
            for page in pages:
                fresh = [e for e in page["StackEvents"] if e["Timestamp"] >= since]
                found += [_event(e) for e in fresh]
                if len(fresh) < len(page["StackEvents"]):
                    break
        except ClientError as error:
            if _is_missing(error):
                return []
            raise
        return found[::-1]


def _event(event: Any) -> StackEvent:  # noqa: ANN401 - botocore's answer
    return StackEvent(
        event_id=event["EventId"],
        at=event["Timestamp"],
        resource=event["LogicalResourceId"],
        type=event.get("ResourceType", ""),
        status=event["ResourceStatus"],
        reason=event.get("ResourceStatusReason") or None,
        physical_id=event.get("PhysicalResourceId") or "",
    )


def _is_missing(error: ClientError) -> bool:
    return error_code(error) == "ValidationError" and "does not exist" in str(error)
