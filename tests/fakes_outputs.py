"""The outputs of a deployed stack, each with a short name that a test can recognise."""

from stack import outputs as names
from webhookctl.core.outputs import StackOutputs

VALUES = {
    names.API_ENDPOINT: "https://api/prod",
    names.TABLE_NAME: "table",
    names.QUEUE_URL: "queue",
    names.DLQ_URL: "dlq",
    names.AUDIT_FAILURE_QUEUE_URL: "audit_failures",
    names.KEY_ARN: "arn:key",
    names.RECEIVER_NAME: "receiver",
    names.PROCESSOR_NAME: "processor",
    names.AUDIT_NAME: "audit",
    names.AUDIT_LOG_GROUP: "/aws/lambda/audit",
    names.ACCESS_LOG_GROUP: "/access",
    names.WAF_LOG_GROUP: "/waf",
    **{names.secret_output(provider): f"arn:{provider}" for provider in names.PROVIDERS},
}


def stack_outputs(environment: str = "dev", *, status: str = "CREATE_COMPLETE") -> StackOutputs:
    """Return what an environment's stack says of itself."""
    return StackOutputs(
        environment=environment,
        stack_id="s/1",
        status=status,
        values=VALUES,
        api_endpoint=VALUES[names.API_ENDPOINT],
    )
