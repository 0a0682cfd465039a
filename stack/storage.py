"""Where webhooks and secrets rest: the key, the table, the secrets."""

import json
from collections.abc import Mapping

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stack import outputs
from stack.settings import Settings

PAYMENT_PROJECTION = [
    "provider",
    "eventType",
    "kind",
    "status",
    "objectId",
    "amountMinor",
    "currency",
    "isCumulative",
    "isSecondary",
    "receivedAt",
    "processedAt",
]
"""What folding a payment's state needs, so that the index answers alone."""


def removal_policy(settings: Settings) -> RemovalPolicy:
    """Return what happens to data when the stack goes: production keeps it.

    Except what a failed first deployment has just made: it holds nothing yet, and its fixed name would block the next
    try (AWS CloudFormation user guide, DeletionPolicy: RetainExceptOnCreate).
    """
    return RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if settings.protected else RemovalPolicy.DESTROY


class Storage(Construct):
    """One rotating customer-managed key, the webhook table and the secrets.

    Indexes cost a write each. `paymentId-index`: one 0.625 dollar write per million processed webhooks with a payment
    id (us-east-1 list price, items up to 1 KB). `failed-index`: see `Settings.failed_index`.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self.key = self._key()
        self.table = self._table()
        self.secrets: Mapping[str, secretsmanager.Secret] = {
            name: self._secret(f"{name.capitalize()}Secret", outputs.secret_name(name, settings.environment))
            for name in outputs.PROVIDERS
        }
        self.audit_key = self._secret("AuditKeySecret", outputs.audit_key_secret_name(settings.environment))

    def _key(self) -> kms.Key:
        key = kms.Key(
            self,
            "Key",
            alias=f"alias/webhooks-{self._settings.environment}",
            description=f"Everything that the {self._settings.environment} webhook intake stores",
            enable_key_rotation=True,
            pending_window=Duration.days(30 if self._settings.protected else 7),
            removal_policy=removal_policy(self._settings),
        )
        for statement in _key_statements(Stack.of(self)):
            key.add_to_resource_policy(statement)
        return key

    def _table(self) -> dynamodb.Table:
        protected = self._settings.protected
        table = dynamodb.Table(
            self,
            "Table",
            table_name=outputs.table_name(self._settings.environment),
            partition_key=dynamodb.Attribute(name="webhookId", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=self.key,
            time_to_live_attribute="expiresAt",
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=protected
            ),
            deletion_protection=protected,
            removal_policy=removal_policy(self._settings),
        )
        table.add_global_secondary_index(
            index_name=outputs.PAYMENT_INDEX,
            partition_key=dynamodb.Attribute(name="paymentId", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="eventCreatedAt", type=dynamodb.AttributeType.STRING),
            projection_type=dynamodb.ProjectionType.INCLUDE,
            non_key_attributes=PAYMENT_PROJECTION,
        )
        if self._settings.failed_index:
            table.add_global_secondary_index(
                index_name=outputs.FAILED_INDEX,
                partition_key=dynamodb.Attribute(name="failedDay", type=dynamodb.AttributeType.STRING),
                sort_key=dynamodb.Attribute(name="receivedAt", type=dynamodb.AttributeType.STRING),
                projection_type=dynamodb.ProjectionType.KEYS_ONLY,
            )
        return table

    def _secret(self, construct_id: str, name: str) -> secretsmanager.Secret:
        """Make a secret without a key yet; `generated` is filler that CloudFormation insists on."""
        return secretsmanager.Secret(
            self,
            construct_id,
            secret_name=name,
            encryption_key=self.key,
            removal_policy=removal_policy(self._settings),
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=json.dumps({"v": 1, "keys": []}),
                generate_string_key="generated",
                exclude_punctuation=True,
                password_length=43,
            ),
        )


def _key_statements(stack: Stack) -> tuple[iam.PolicyStatement, ...]:
    """Let the services use the key that act on their own account, not on a caller's.

    CloudWatch: without it an alarm's message to the encrypted topic is dropped silently (Amazon SNS developer guide,
    "Compatibility between event sources and encrypted topics"). It carries no condition: the guide gives none for
    alarms, and a condition that is not met fails as silently.
    """
    own_logs = stack.format_arn(service="logs", resource="log-group:*", resource_name=None)
    return (
        _service_statement("AlarmsToTheTopic", "cloudwatch.amazonaws.com", ("kms:Decrypt", "kms:GenerateDataKey*")),
        _service_statement("TopicToQueues", "sns.amazonaws.com", ("kms:Decrypt", "kms:GenerateDataKey*")),
        _service_statement("QueueRedrive", "sqs.amazonaws.com", ("kms:Decrypt", "kms:GenerateDataKey*")),
        _service_statement(
            "LogGroups",
            f"logs.{stack.region}.amazonaws.com",
            ("kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"),
            {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": own_logs}},
        ),
    )


def _service_statement(
    sid: str, service: str, actions: tuple[str, ...], conditions: Mapping[str, object] | None = None
) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid=sid,
        principals=[iam.ServicePrincipal(service)],
        actions=list(actions),
        resources=["*"],
        conditions=conditions,
    )
