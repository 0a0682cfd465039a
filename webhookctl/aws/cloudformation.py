"""CloudFormation: reads stacks."""

from typing import TYPE_CHECKING

from webhookctl.aws.session import AwsSession, ClientError, error_code
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
            if error_code(error) == "ValidationError" and "does not exist" in str(error):
                return None
            raise
        stack = next((s for s in answer["Stacks"] if s["StackStatus"] != "DELETE_COMPLETE"), None)
        if stack is None:
            return None
        outputs = {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}
        return StackDescription(
            name=stack["StackName"], stack_id=stack.get("StackId", ""), status=stack["StackStatus"], outputs=outputs
        )
