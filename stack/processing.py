"""The processing queue with its dead-letter queue, and the processor."""

from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stack import limits, outputs
from stack.lambda_code import Function, LambdaCode
from stack.settings import Settings
from stack.storage import Storage, removal_policy


class Processing(Construct):
    """Queue -> processor, with a dead-letter queue after `MAX_RECEIVE_COUNT` receives."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, storage: Storage, code: LambdaCode
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self.dlq = encrypted_queue(
            self, "DeadLetters", name=outputs.dlq_name(settings.environment), key=storage.key, settings=settings
        )
        self.queue = encrypted_queue(
            self,
            "Queue",
            name=outputs.queue_name(settings.environment),
            key=storage.key,
            settings=settings,
            retention_s=limits.QUEUE_RETENTION_S,
            visibility_s=limits.QUEUE_VISIBILITY_S + settings.queue_window_s,
            dead_letters=self.dlq,
        )
        self.processor = self._processor(storage, code)
        self.processor.resource.add_event_source_mapping(
            "Source",
            event_source_arn=self.queue.queue_arn,
            batch_size=limits.QUEUE_BATCH_SIZE,
            max_batching_window=Duration.seconds(settings.queue_window_s),
            report_batch_item_failures=True,
            max_concurrency=settings.maximum_concurrency,
        )

    def _processor(self, storage: Storage, code: LambdaCode) -> Function:
        settings = self._settings
        return code.function(
            "Processor",
            name=outputs.processor_name(settings.environment),
            handler="lambdas.processor.handler.handle",
            timeout_s=limits.PROCESSOR_TIMEOUT_S,
            memory_mb=limits.MEMORY_MB["processor"],
            log_level=settings.processor_log_level,
            environment={
                "TABLE_NAME": storage.table.table_name,
                "QUEUE_URL": self.queue.queue_url,
                "MAX_RECEIVE_COUNT": str(limits.MAX_RECEIVE_COUNT),
                "RETRY_BASE_S": str(settings.retry_base_s),
                "RETRY_CAP_S": str(settings.retry_cap_s),
                "ALLOW_FAILURE_INJECTION": str(settings.allow_failure_injection).lower(),
                "RETENTION_DAYS": str(settings.retention_days),
            },
            reserved_concurrency=settings.processor_reserved_concurrency,
        )


def encrypted_queue(
    scope: Construct,
    construct_id: str,
    *,
    name: str,
    key: kms.Key,
    settings: Settings,
    retention_s: int = limits.DLQ_RETENTION_S,
    visibility_s: int | None = None,
    dead_letters: sqs.Queue | None = None,
) -> sqs.Queue:
    """Make a queue under the stack's key that refuses plain HTTP. A data key is reused for an hour."""
    return sqs.Queue(
        scope,
        construct_id,
        queue_name=name,
        encryption=sqs.QueueEncryption.KMS,
        encryption_master_key=key,
        data_key_reuse=Duration.hours(1),
        enforce_ssl=True,
        retention_period=Duration.seconds(retention_s),
        visibility_timeout=Duration.seconds(visibility_s) if visibility_s else None,
        dead_letter_queue=sqs.DeadLetterQueue(max_receive_count=limits.MAX_RECEIVE_COUNT, queue=dead_letters)
        if dead_letters
        else None,
        removal_policy=removal_policy(settings),
    )
