"""DynamoDB, as far as dead letters need it: many webhooks at once, a payment's events, an edited body."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from lambdas.shared.attributes import from_item
from lambdas.shared.clock import parse_iso
from lambdas.shared.event_store import change_expression
from lambdas.shared.webhook import Status, StoredWebhook
from webhookctl.aws.session import AwsError, AwsSession, ClientError, error_code, translated
from webhookctl.core.dlq.dead_letter import Sibling

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_PAYMENT_INDEX: Final = "paymentId-index"
_READ: Final = 100
"""Items in one BatchGetItem call."""
_TRIES: Final = 8
_PAUSE_S: Final = 0.05


class DeadLetterTable:
    """Implements `core.dlq.dead_letter.Webhooks` and `core.dlq.fix_up.BodyStore`."""

    def __init__(self, session: AwsSession, name: str) -> None:
        self._client: DynamoDBClient = session.client("dynamodb")
        self._name = name

    def get_many(self, webhook_ids: Iterable[str]) -> Mapping[str, StoredWebhook]:
        """Return the webhooks that exist, with their bodies, by consistent reads."""
        wanted = list(webhook_ids)
        found: dict[str, StoredWebhook] = {}
        for start in range(0, len(wanted), _READ):
            for item in self._read(wanted[start : start + _READ]):
                webhook = StoredWebhook.from_item(item)
                found[webhook.webhook_id] = webhook
        return found

    def of_payment(self, payment_id: str) -> Sequence[Sibling]:
        """Return the processed events of a payment. Raises WebhookctlError."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            IndexName=_PAYMENT_INDEX,
            KeyConditionExpression="paymentId = :payment",
            ExpressionAttributeValues={":payment": {"S": payment_id}},
        )
        try:
            events = [from_item(item) for page in pages for item in page["Items"]]
        except ClientError as error:
            raise translated(error) from error
        return [_sibling(event) for event in events if event.get("status") == Status.PROCESSED]

    def replace_body(self, before: StoredWebhook, after: StoredWebhook) -> bool:
        """Write the edited webhook if it stands as read; the first body stays in `originalBody`."""
        change = change_expression(before, after)
        values = {**change["ExpressionAttributeValues"], ":original": before.to_item()["body"]}
        keep = "originalBody = if_not_exists(originalBody, :original), "
        try:
            self._client.update_item(
                TableName=self._name,
                Key={"webhookId": {"S": before.webhook_id}},
                UpdateExpression=change["UpdateExpression"].replace("SET ", f"SET {keep}", 1),
                ConditionExpression="#seq = :seqRead AND #status <> :processed",
                ExpressionAttributeNames=change["ExpressionAttributeNames"],
                ExpressionAttributeValues=values,
            )
        except ClientError as error:
            if error_code(error) == "ConditionalCheckFailedException":
                return False
            raise translated(error) from error
        return True

    def _read(self, ids: Sequence[str]) -> list[Any]:
        """Read up to 100 items; what the table leaves unprocessed under load is asked for again, more slowly."""
        request: Any = {self._name: {"Keys": [{"webhookId": {"S": i}} for i in ids], "ConsistentRead": True}}
        items: list[Any] = []
        for attempt in range(_TRIES):
            try:
                answer = self._client.batch_get_item(RequestItems=request)
            except ClientError as error:
                raise translated(error) from error
            items += answer["Responses"].get(self._name, [])
            request = answer.get("UnprocessedKeys")
            if not request:
                return items
            time.sleep(_PAUSE_S * 2**attempt)
        raise AwsError("the table is throttled: it answers only part of a batch", hint="try a lower --rate")


def _sibling(event: Mapping[str, Any]) -> Sibling:
    return Sibling(
        webhook_id=event["webhookId"],
        created_at=parse_iso(event["eventCreatedAt"]),
        kind=event["kind"],
        object_id=event.get("objectId"),
        is_cumulative=bool(event.get("isCumulative")),
    )
