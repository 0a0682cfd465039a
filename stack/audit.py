"""The audit logger on the table's stream, and the queue for batches that it gave up on."""

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from constructs import Construct

from stack import limits, outputs
from stack.lambda_code import LambdaCode
from stack.processing import encrypted_queue
from stack.settings import Settings
from stack.storage import Storage

STREAM_RETRIES = 10
STREAM_MAX_AGE = Duration.hours(23)
"""Under the 24 hours that the stream keeps a record, so that a failure is reported before the record is gone."""


class Audit(Construct):
    """Stream -> audit logger -> its log group. The log group is the audit log."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, storage: Storage, code: LambdaCode
    ) -> None:
        super().__init__(scope, construct_id)
        self.failures = encrypted_queue(
            self,
            "Failures",
            name=outputs.audit_failure_queue_name(settings.environment),
            key=storage.key,
            settings=settings,
        )
        self.logger = code.function(
            "AuditLogger",
            name=outputs.audit_name(settings.environment),
            handler="lambdas.audit.handler.handle",
            timeout_s=limits.AUDIT_TIMEOUT_S,
            memory_mb=limits.MEMORY_MB["audit"],
            environment={"AUDIT_KEY_ARN": storage.audit_key.secret_arn},
            reserved_concurrency=settings.audit_reserved_concurrency,
            log_retention_days=settings.audit_retention_days,
        )
        self._follow(storage, settings)
        lambda_.CfnAlias(
            self,
            "OperatorAlias",
            function_name=self.logger.resource.function_name,
            function_version="$LATEST",
            name=outputs.OPERATOR_ALIAS,
            description="Seals operators' actions and takes nothing else",
        )

    def _follow(self, storage: Storage, settings: Settings) -> None:
        self.logger.resource.add_event_source_mapping(
            "Source",
            event_source_arn=storage.table.table_stream_arn,
            starting_position=lambda_.StartingPosition.TRIM_HORIZON,
            batch_size=settings.audit_batch_size,
            max_batching_window=Duration.seconds(settings.audit_window_s),
            bisect_batch_on_error=True,
            report_batch_item_failures=True,
            retry_attempts=STREAM_RETRIES,
            max_record_age=STREAM_MAX_AGE,
            on_failure=sources.SqsDlq(self.failures),
        )
