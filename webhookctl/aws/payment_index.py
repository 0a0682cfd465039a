"""DynamoDB: the index of processed events by payment."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from lambdas.shared.attributes import from_item
from lambdas.shared.clock import parse_iso
from lambdas.shared.webhook import PaymentEvent, Status
from stack.outputs import PAYMENT_INDEX
from webhookctl.aws.rows import read
from webhookctl.aws.session import AwsSession
from webhookctl.core.events.parts import PaymentFact

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


class PaymentIndexTable:
    """Implements `core.payments.PaymentIndex`."""

    def __init__(self, session: AwsSession, table_name: str) -> None:
        self._client: DynamoDBClient = session.client("dynamodb")
        self._table_name = table_name

    def facts(self, payment_id: str) -> Sequence[PaymentFact]:
        """Return the processed events of a payment. Raises WebhookctlError for a row that is none."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table_name,
            IndexName=PAYMENT_INDEX,
            KeyConditionExpression="paymentId = :payment",
            ExpressionAttributeValues={":payment": {"S": payment_id}},
        )
        items = [from_item(item) for page in pages for item in page["Items"]]
        return [
            read(values.get("webhookId"), partial(_fact, payment_id), values)
            for values in items
            if values.get("status") == Status.PROCESSED
        ]


def _fact(payment_id: str, values: Mapping[str, Any]) -> PaymentFact:
    event = PaymentEvent(
        kind=values["kind"],
        payment_id=payment_id,
        object_id=values.get("objectId"),
        amount_minor=values.get("amountMinor"),
        currency=values.get("currency"),
        is_cumulative=values.get("isCumulative", False),
        is_secondary=values.get("isSecondary", False),
    )
    return PaymentFact(
        webhook_id=values["webhookId"],
        provider=values["provider"],
        event_type=values["eventType"],
        at=parse_iso(values["eventCreatedAt"]),
        event=event,
    )
