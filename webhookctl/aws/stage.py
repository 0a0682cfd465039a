"""API Gateway: reads the stage's throttle."""

from typing import TYPE_CHECKING

from webhookctl.aws.session import AwsSession

if TYPE_CHECKING:
    from types_boto3_apigateway import APIGatewayClient


def stage_throttle(session: AwsSession, api_id: str, stage: str) -> tuple[float, float] | None:
    """Return (requests a second, burst) of the stage's default method settings; None where none is set."""
    client: APIGatewayClient = session.client("apigateway")
    settings = client.get_stage(restApiId=api_id, stageName=stage).get("methodSettings", {}).get("*/*")
    if settings is None or "throttlingRateLimit" not in settings:
        return None
    return float(settings["throttlingRateLimit"]), float(settings["throttlingBurstLimit"])
