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


OPERATOR_ALIAS: Final = "operator"
"""The audit function's alias through which operators' actions, and nothing else, are recorded."""


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


def audit_failure_queue_name(environment: str) -> str:
    """Return the queue that takes stream batches which the audit logger gave up on."""
    return f"audit-failures-{environment}"


def api_name(environment: str) -> str:
    """Return the name of the REST API."""
    return f"payment-webhooks-{environment}"


def log_group_name(function_name: str) -> str:
    """Return the log group of a function."""
    return f"/aws/lambda/{function_name}"


def access_log_group_name(environment: str) -> str:
    """Return the log group of the gateway's access log."""
    return f"/webhooks/access-{environment}"


def waf_log_group_name(environment: str) -> str:
    """Return the log group of the WAF; the prefix is AWS WAF's condition."""
    return f"aws-waf-logs-webhooks-{environment}"


def web_acl_name(environment: str) -> str:
    """Return the name of the web ACL; also the WebACL dimension of its metrics."""
    return f"payment-webhooks-{environment}"


def alarm_name(what: str, environment: str) -> str:
    """Return the name of an alarm, e.g. `webhooks-dlq-depth-dev`."""
    return f"webhooks-{what}-{environment}"


PAYMENT_INDEX: Final = "paymentId-index"
FAILED_INDEX: Final = "failed-index"

METRIC_NAMESPACE: Final = "webhookctl"
"""Business metrics that the Lambdas write in CloudWatch's embedded metric format."""

WAF_RATE_RULE: Final = "rate-per-address"
WAF_PROVIDER_RULE: Final = "rate-per-provider-address"
WAF_BAD_INPUTS_RULE: Final = "known-bad-inputs"
WAF_REPUTATION_RULE: Final = "ip-reputation"

ACCESS_LOG_FIELDS: Final = {
    "requestId": "$context.extendedRequestId",
    "sourceIp": "$context.identity.sourceIp",
    "path": "$context.resourcePath",
    "status": "$context.status",
    "integrationLatency": "$context.integrationLatency",
    "xrayTraceId": "$context.xrayTraceId",
    "error": "$context.error.responseType",
}
"""One access log line: field -> API Gateway context variable. No header and no body; the event carries its time.

`path` is the resource's, `/webhook/{provider}`: what a stranger writes into a path could be a card number. The
provider is in the receiver's line of the same trace.
`requestId` is the short one, which the sender has as `x-amz-apigw-id`. `error` says WAF_FILTERED of what the WAF
blocked; its own log has the rule and the headers. The trace leads to the item, or to the receiver's line of a refusal,
which has the user agent.
"""
