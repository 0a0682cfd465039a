"""DynamoDB: reads the table of webhooks."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lambdas.shared.webhook import Status, StoredWebhook
from webhookctl.aws.batch_get import items_of
from webhookctl.aws.rows import MalformedRowError, read, row_id, stored_webhook
from webhookctl.aws.session import AwsSession

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


class Table:
    """Implements core's table port.

    A row that is no stored webhook raises WebhookctlError. With `skipped`, reading many leaves it out and tells its id.
    """

    def __init__(self, session: AwsSession, name: str, *, skipped: Callable[[str], None] | None = None) -> None:
        self._client: DynamoDBClient = session.client("dynamodb")
        self._name = name
        self._skipped = skipped

    def get(self, webhook_id: str) -> StoredWebhook | None:
        """Return one webhook, by a consistent read, or None."""
        answer = self._client.get_item(TableName=self._name, Key={"webhookId": {"S": webhook_id}}, ConsistentRead=True)
        item = answer.get("Item")
        return stored_webhook(item) if item else None

    def scan(self) -> Iterator[StoredWebhook]:
        """Yield every webhook without its body."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._name, ProjectionExpression=", ".join(_PROJECTED), ExpressionAttributeNames=_NAMES
        )
        for page in pages:
            yield from self._readable(page["Items"])

    def rows(self, webhook_ids: Sequence[str], *, is_consistent: bool = False) -> dict[str, StoredWebhook]:
        """Return the webhooks that exist, without their bodies (batch reads)."""
        how = {
            "ProjectionExpression": ", ".join(_PROJECTED),
            "ExpressionAttributeNames": _NAMES,
            "ConsistentRead": is_consistent,
        }
        webhooks = self._readable(items_of(self._client, self._name, webhook_ids, how))
        return {webhook.webhook_id: webhook for webhook in webhooks}

    def _readable(self, items: Iterable[Mapping[str, Any]]) -> Iterator[StoredWebhook]:
        for item in items:
            try:
                webhook = stored_webhook(item)
            except MalformedRowError:
                if self._skipped is None:
                    raise
                self._skipped(row_id(item))
            else:
                yield webhook

    def statuses(self, webhook_ids: Sequence[str]) -> dict[str, Status]:
        """Return the status of each stored webhook among the ids (eventually consistent batch reads)."""
        how = {"ProjectionExpression": "webhookId, #status", "ExpressionAttributeNames": {"#status": "status"}}
        items = items_of(self._client, self._name, webhook_ids, how)
        return {row_id(item): read(row_id(item), _status, item) for item in items}


def _status(item: Mapping[str, Any]) -> Status:
    return Status(item["status"]["S"])


_ATTRIBUTES = (
    "webhookId", "provider", "eventType", "eventCreatedAt", "receivedAt", "status", "bodySha256", "seq", "prevHash",
    "chainHash", "actor", "apiVersion", "livemode", "account", "traceId", "traceParent", "attempts", "lastError",
    "kind", "paymentId", "objectId", "amountMinor", "currency", "isCumulative", "isSecondary", "processedAt",
    "expiresAt", "redactions", "originalHmac", "originalHmacKey", "note",
)  # fmt: skip
_NAMES = {f"#{name}": name for name in _ATTRIBUTES}
_PROJECTED = tuple(_NAMES)
