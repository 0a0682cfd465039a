"""DynamoDB, as far as dead letters need it: many webhooks at once, a payment's events, an edited body."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from lambdas.shared.attributes import from_item
from lambdas.shared.aws import condition_failed
from lambdas.shared.clock import parse_iso
from lambdas.shared.event_store import change_expression
from lambdas.shared.webhook import Status, StoredWebhook
from webhookctl.aws.batch_get import items_of
from webhookctl.aws.rows import MalformedRowError, read, row_id, stored_webhook
from webhookctl.aws.session import AwsSession, ClientError, translated
from webhookctl.core.dlq.dead_letter import Sibling

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_PAYMENT_INDEX: Final = "paymentId-index"


class DeadLetterTable:
    """Implements `core.dlq.dead_letter.Webhooks` and `core.dlq.fix_up.BodyStore`.

    A row that is no stored webhook is left out, so that the other dead letters can be seen to. `skipped` is told its
    id, once.
    """

    def __init__(self, session: AwsSession, name: str, *, skipped: Callable[[str], None] = lambda _: None) -> None:
        self._client: DynamoDBClient = session.client("dynamodb")
        self._name = name
        self._skipped = skipped
        self._told: set[str] = set()

    def get_many(self, webhook_ids: Iterable[str]) -> Mapping[str, StoredWebhook]:
        """Return the webhooks that exist, with their bodies, by consistent reads."""
        items = items_of(self._client, self._name, list(webhook_ids), {"ConsistentRead": True})
        return {webhook.webhook_id: webhook for webhook in self._readable(items)}

    def _readable(self, items: Iterable[Mapping[str, Any]]) -> Iterator[StoredWebhook]:
        for item in items:
            try:
                yield stored_webhook(item)
            except MalformedRowError:
                if row_id(item) not in self._told:
                    self._told.add(row_id(item))
                    self._skipped(row_id(item))

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
        processed = (event for event in events if event.get("status") == Status.PROCESSED)
        return [read(event.get("webhookId"), _sibling, event) for event in processed]

    def replace_body(self, before: StoredWebhook, after: StoredWebhook) -> bool:
        """Write the edited webhook if it stands as read; the first body stays in `originalBody`.

        Of a write whose answer was lost, the client's next try finds the webhook as it wrote it: that is a success.
        """
        change = change_expression(before, after)
        values = {**change["ExpressionAttributeValues"], ":original": before.to_item()["body"]}
        keep = "originalBody = if_not_exists(originalBody, :original), "
        try:
            self._client.update_item(
                TableName=self._name,
                Key={"webhookId": {"S": before.webhook_id}},
                UpdateExpression=change["UpdateExpression"].replace("SET ", f"SET {keep}", 1),
                ConditionExpression="#seq = :seqRead AND #status <> :processed",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                ExpressionAttributeNames=change["ExpressionAttributeNames"],
                ExpressionAttributeValues=values,
            )
        except ClientError as error:
            stands = condition_failed(error)
            if stands is None:
                raise translated(error) from error
            return stands.get("chainHash") == after.to_item()["chainHash"]
        return True


def _sibling(event: Mapping[str, Any]) -> Sibling:
    return Sibling(
        webhook_id=event["webhookId"],
        created_at=parse_iso(event["eventCreatedAt"]),
        kind=event["kind"],
        object_id=event.get("objectId"),
        is_cumulative=bool(event.get("isCumulative")),
    )
