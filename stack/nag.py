"""Findings of the static checkers that we live with, one by one, each with its reason. Plain data, no CDK.

`make check` runs cdk-nag (AwsSolutions and Serverless packs), cfn-lint and checkov over the production and the dev
template. It fails on a finding that is not here, and on an entry here that no longer matches a finding.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """One rule that is not met at these places, and why that is right.

    `places` are construct paths below the stack. `environments`: where it applies; empty means everywhere.
    """

    rule: str
    places: tuple[str, ...]
    reason: str
    environments: tuple[str, ...] = ()


_SECRETS: Final = (
    "Storage/StripeSecret",
    "Storage/PaypalSecret",
    "Storage/SquareSecret",
    "Storage/AuditKeySecret",
)
_FUNCTIONS: Final = ("Lambdas/Receiver", "Lambdas/Processor", "Lambdas/AuditLogger")
_POLICIES: Final = tuple(f"{function}Role/Policy" for function in _FUNCTIONS)
_METHOD: Final = ("Ingress/Api/Default/webhook/{provider}/POST",)
_LAST_QUEUES: Final = ("Processing/DeadLetters", "Audit/Failures")
_NO_AUTHORIZER: Final = (
    "Providers can't sign for IAM or Cognito: the receiver verifies the provider's signature over the raw body "
    "before anything is written."
)

ACKNOWLEDGED: Final = (
    Acknowledgement(rule="AwsSolutions-APIG4", places=_METHOD, reason=_NO_AUTHORIZER),
    Acknowledgement(rule="AwsSolutions-COG4", places=_METHOD, reason=_NO_AUTHORIZER),
    Acknowledgement(rule="CKV_AWS_59", places=_METHOD, reason=_NO_AUTHORIZER),
    Acknowledgement(
        rule="AwsSolutions-APIG2",
        places=("Ingress/Api",),
        reason="A request model would need the parsed body; signatures cover the raw bytes, so the receiver validates "
        "after it has verified them.",
    ),
    Acknowledgement(
        rule="CKV_AWS_120",
        places=("Ingress/Api/DeploymentStage.prod",),
        reason="A cached answer to a POST would acknowledge a webhook that was never stored.",
    ),
    Acknowledgement(
        rule="AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
        "AmazonAPIGatewayPushToCloudWatchLogs]",
        places=("Ingress/Api/CloudWatchRole",),
        reason="API Gateway's own managed policy is the documented one for the account's logging role, and its log "
        "group names are chosen by the service.",
    ),
    Acknowledgement(
        rule="AwsSolutions-IAM5[Resource::*]",
        places=_POLICIES,
        reason="xray:PutTraceSegments, xray:PutTelemetryRecords and dynamodb:ListStreams support no resource other "
        "than '*'; no other statement has it.",
    ),
    Acknowledgement(
        rule="AwsSolutions-SMG4",
        places=_SECRETS,
        reason="The providers issue these secrets and only their consoles can change them; `webhookctl secrets rotate` "
        "overlaps the old and the new one. The audit key is not replaced on a schedule: lines sealed with it must "
        "stay provable for as long as they are kept.",
    ),
    Acknowledgement(
        rule="AwsSolutions-SQS3",
        places=("Audit/Failures",),
        reason="It is itself the queue of last resort of the audit stream, with an alarm on its depth.",
    ),
    Acknowledgement(
        rule="Serverless-SQSRedrivePolicy",
        places=_LAST_QUEUES,
        reason="It is a dead-letter queue: what arrives waits 14 days for a person, and its depth raises an alarm.",
    ),
    Acknowledgement(
        rule="Serverless-LambdaDLQ",
        places=_FUNCTIONS,
        reason="The function is never invoked asynchronously: the gateway waits for the answer, and the queue and the "
        "stream keep what failed.",
    ),
    Acknowledgement(
        rule="CKV_AWS_116",
        places=_FUNCTIONS,
        reason="The function is never invoked asynchronously: the gateway waits for the answer, and the queue and the "
        "stream keep what failed.",
    ),
    Acknowledgement(
        rule="Serverless-LambdaEventSourceMappingDestination",
        places=("Lambdas/Processor/Source",),
        reason="SQS sources take no failure destination: the queue's own redrive policy moves failed messages to the "
        "dead-letter queue.",
    ),
    Acknowledgement(
        rule="CKV_AWS_115",
        places=_FUNCTIONS,
        reason="Reserved concurrency can fail a deployment in a new account and makes the poller throttle good "
        "messages into the dead-letter queue; the source's maximum concurrency bounds the processor instead.",
    ),
    Acknowledgement(
        rule="CKV_AWS_117",
        places=_FUNCTIONS,
        reason="Nothing it calls lives in a VPC; one would add NAT cost and a point of failure without a resource to "
        "protect.",
    ),
    Acknowledgement(
        rule="AwsSolutions-DDB3",
        places=("Storage/Table",),
        reason="Environments other than production are disposable: their data is test data.",
        environments=("dev",),
    ),
    Acknowledgement(
        rule="CKV_AWS_28",
        places=("Storage/Table",),
        reason="Environments other than production are disposable: their data is test data.",
        environments=("dev",),
    ),
    Acknowledgement(
        rule="W3005",
        places=_FUNCTIONS,
        reason="CDK orders every function after its role explicitly; the reference to the role says the same again, "
        "which costs nothing.",
    ),
)
