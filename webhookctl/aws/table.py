"""DynamoDB: reads the table of webhooks."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lambdas.shared.errors import MalformedError
from lambdas.shared.webhook import Status, StoredWebhook
from webhookctl.aws.batch_get import items_of
from webhookctl.aws.session import AwsSession
from webhookctl.errors import WebhookctlError

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
        return _webhook(item) if item else None

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
                webhook = _webhook(item)
            except _NoWebhookError:
                if self._skipped is None:
                    raise
                self._skipped(_key(item))
            else:
                yield webhook

    def statuses(self, webhook_ids: Sequence[str]) -> dict[str, Status]:
        """Return the status of each stored webhook among the ids (eventually consistent batch reads)."""
        how = {"ProjectionExpression": "webhookId, #status", "ExpressionAttributeNames": {"#status": "status"}}
        items = items_of(self._client, self._name, webhook_ids, how)
        return {item["webhookId"]["S"]: Status(item["status"]["S"]) for item in items}


class _NoWebhookError(WebhookctlError):
    """Somebody else wrote the row, or changed it."""

    code = "malformed_row"


def _webhook(item: Mapping[str, Any]) -> StoredWebhook:
    try:
        return StoredWebhook.from_item(item)
    except MalformedError as error:
        key = _key(item)
        raise _NoWebhookError(
            f"row {key!r} is not a stored webhook", hint="webhookctl audit verify says what happened to it"
        ) from error


def _key(item: Mapping[str, Any]) -> str:
    return str(item.get("webhookId", {}).get("S", "?"))


_ATTRIBUTES = (
    "webhookId", "provider", "eventType", "eventCreatedAt", "receivedAt", "status", "bodySha256", "seq", "prevHash",
    "chainHash", "actor", "apiVersion", "livemode", "account", "traceId", "traceParent", "attempts", "lastError",
    "kind", "paymentId", "objectId", "amountMinor", "currency", "isCumulative", "isSecondary", "processedAt",
    "expiresAt", "redactions", "originalHmac", "originalHmacKey", "note",
)  # fmt: skip
_NAMES = {f"#{name}": name for name in _ATTRIBUTES}
_PROJECTED = tuple(_NAMES)
