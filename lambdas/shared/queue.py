"""The processing queue: send a webhook's reference, and say when a failed message may come back."""

from typing import TYPE_CHECKING, Literal

from lambdas.shared import aws

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import MessageSystemAttributeValueTypeDef

SERVICE = "sqs"


class ProcessingQueue:
    """The queue between receiver and processor."""

    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, message: str, *, trace_header: str | None = None) -> None:
        """Queue one message; `trace_header` links the consumer's trace to ours. Raises UnavailableError."""
        attributes: dict[Literal["AWSTraceHeader"], MessageSystemAttributeValueTypeDef] = (
            {"AWSTraceHeader": {"StringValue": trace_header, "DataType": "String"}} if trace_header else {}
        )
        aws.call(
            SERVICE,
            lambda: self._client.send_message(
                QueueUrl=self._queue_url, MessageBody=message, MessageSystemAttributes=attributes
            ),
        )

    def return_after(self, receipt_handle: str, *, delay_s: int) -> None:
        """Let a received message come back after `delay_s` instead of the queue's whole visibility timeout.

        Raises UnavailableError.
        """
        aws.call(
            SERVICE,
            lambda: self._client.change_message_visibility(
                QueueUrl=self._queue_url, ReceiptHandle=receipt_handle, VisibilityTimeout=delay_s
            ),
        )
