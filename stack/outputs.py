"""Names of the stack, its resources and its outputs. Plain data, no CDK."""

from typing import Final

STACK_PREFIX: Final = "TapStack"
STAGE: Final = "prod"
PROVIDERS: Final = ("stripe", "paypal", "square")

API_ENDPOINT: Final = "APIEndpoint"
API_ID: Final = "ApiId"
TABLE_NAME: Final = "TableName"
TABLE_STREAM_ARN: Final = "TableStreamArn"
QUEUE_URL: Final = "ProcessingQueueUrl"
DLQ_URL: Final = "DeadLetterQueueUrl"
AUDIT_FAILURE_QUEUE_URL: Final = "AuditFailureQueueUrl"
ALERT_TOPIC_ARN: Final = "AlertTopicArn"
DLQ_ALARM_NAME: Final = "DlqAlarmName"
KEY_ARN: Final = "KeyArn"
WEB_ACL_ARN: Final = "WebAclArn"
RECEIVER_NAME: Final = "ReceiverFunctionName"
PROCESSOR_NAME: Final = "ProcessorFunctionName"
AUDIT_NAME: Final = "AuditFunctionName"
AUDIT_LOG_GROUP: Final = "AuditLogGroupName"
ACCESS_LOG_GROUP: Final = "AccessLogGroupName"
WAF_LOG_GROUP: Final = "WafLogGroupName"
DASHBOARD_NAME: Final = "DashboardName"


def secret_output(provider: str) -> str:
    """Return the output that holds the ARN of a provider's secret, e.g. `StripeSecretArn`."""
    return f"{provider.capitalize()}SecretArn"


AUDIT_KEY_SECRET: Final = "AuditKeySecretArn"  # noqa: S105 - the name of an output, not a secret


def stack_name(environment: str) -> str:
    """Return the CloudFormation stack of an environment, e.g. `TapStackdev`."""
    return f"{STACK_PREFIX}{environment}"


def table_name(environment: str) -> str:
    """Return the table of an environment."""
    return f"PaymentWebhooks-{environment}"


def receiver_name(environment: str) -> str:
    """Return the receiver function of an environment."""
    return f"webhook-receiver-{environment}"


def processor_name(environment: str) -> str:
    """Return the processor function of an environment."""
    return f"payment-processor-{environment}"


def audit_name(environment: str) -> str:
    """Return the audit function of an environment."""
    return f"audit-logger-{environment}"


def queue_name(environment: str) -> str:
    """Return the processing queue of an environment."""
    return f"webhook-processing-{environment}"


def dlq_name(environment: str) -> str:
    """Return the dead-letter queue of an environment."""
    return f"webhook-dlq-{environment}"


def secret_name(provider: str, environment: str) -> str:
    """Return the Secrets Manager name of a provider's secret."""
    return f"webhooks/{provider}-{environment}"


def audit_key_secret_name(environment: str) -> str:
    """Return the Secrets Manager name of the audit HMAC key."""
    return f"webhooks/audit-key-{environment}"
