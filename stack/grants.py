"""Every permission of every function, each as an explicit statement with a name.

CDK's own `grant` methods give more than is used, so none is called. A test takes each permission away in turn and sees
the trip fail. Who puts data under the key (sends to an encrypted queue) needs kms:GenerateDataKey; who only reads needs
kms:Decrypt (Amazon SQS developer guide, "Key management"). Environment variables are under the key too.
"""

from collections.abc import Mapping

from aws_cdk import aws_iam as iam

from stack.audit import Audit
from stack.ingress import Ingress
from stack.lambda_code import Function
from stack.processing import Processing
from stack.storage import Storage

Statements = Mapping[str, iam.PolicyStatement]


def receiver_statements(storage: Storage, processing: Processing, ingress: Ingress) -> Statements:
    """Return what the receiver may do: store, queue, read the providers' secrets."""
    return {
        "StoreWebhook": _allow(["dynamodb:PutItem"], storage.table.table_arn),
        "QueueWebhook": _allow(["sqs:SendMessage"], processing.queue.queue_arn),
        "ReadProviderSecrets": _allow(
            ["secretsmanager:GetSecretValue"], *(secret.secret_arn for secret in storage.secrets.values())
        ),
        "UseKey": _allow(["kms:Decrypt", "kms:GenerateDataKey"], storage.key.key_arn),
        **_every_function(ingress.receiver),
    }


def processor_statements(storage: Storage, processing: Processing) -> Statements:
    """Return what the processor may do: take messages, read and update webhooks."""
    return {
        "ReadAndUpdateWebhook": _allow(["dynamodb:GetItem", "dynamodb:UpdateItem"], storage.table.table_arn),
        "TakeMessages": _allow(
            ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"],
            processing.queue.queue_arn,
        ),
        "UseKey": _allow(["kms:Decrypt"], storage.key.key_arn),
        **_every_function(processing.processor),
    }


def audit_statements(storage: Storage, audit: Audit) -> Statements:
    """Return what the audit logger may do: read the stream and its own key, report batches it gave up on."""
    return {
        "ReadStream": _allow(
            ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
            storage.table.table_stream_arn or "",
        ),
        "ListStreams": _allow(["dynamodb:ListStreams"], "*"),
        "ReadAuditKey": _allow(["secretsmanager:GetSecretValue"], storage.audit_key.secret_arn),
        "ReportFailedBatches": _allow(["sqs:SendMessage"], audit.failures.queue_arn),
        "UseKey": _allow(["kms:Decrypt", "kms:GenerateDataKey"], storage.key.key_arn),
        **_every_function(audit.logger),
    }


def _every_function(function: Function) -> Statements:
    return {
        "WriteLogs": _allow(["logs:CreateLogStream", "logs:PutLogEvents"], function.log_group.log_group_arn),
        "WriteTraces": _allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*"),
    }


def _allow(actions: list[str], *resources: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=actions, resources=list(resources))
