"""The table: every change is one conditional write, and a failed condition returns what stands there instead."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lambdas.shared import aws
from lambdas.shared.errors import MalformedError, UnavailableError
from lambdas.shared.webhook import Status, StoredWebhook

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

SERVICE = "dynamodb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a conditional write came to: `existing` is the item that stood in its way, None if the write happened."""

    existing: StoredWebhook | None = None


class EventStore:
    """The webhooks table."""

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table_name = table_name

    def put(self, webhook: StoredWebhook) -> Written:
        """Store a webhook unless its id is taken. Raises UnavailableError.

        When the answer of a put that took effect was lost, the SDK's second try finds our own item: it comes back as
        `existing` like any duplicate, so the caller sends the message.
        """
        return self._conditionally(
            lambda: self._client.put_item(
                TableName=self._table_name,
                Item=webhook.to_item(),
                ConditionExpression="attribute_not_exists(webhookId)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        )

    def get(self, webhook_id: str) -> StoredWebhook | None:
        """Return the webhook, or None. Raises UnavailableError, MalformedError.

        Read for half the price first. What that read returns may be an earlier state, which the condition of `update`
        finds out; only where it finds nothing is the answer that of a consistent read.
        """
        return self._read(webhook_id, is_consistent=False) or self._read(webhook_id, is_consistent=True)

    def update(self, before: StoredWebhook, after: StoredWebhook) -> Written:
        """Move an item from `before` to `after` if it still has `before`'s seq and is not PROCESSED.

        Our own write whose answer was lost counts as written. Raises UnavailableError.
        """
        expression = change_expression(before, after)
        written = self._conditionally(
            lambda: self._client.update_item(
                TableName=self._table_name,
                Key={"webhookId": {"S": before.webhook_id}},
                ConditionExpression="#seq = :seqRead AND #status <> :processed",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **expression,
            )
        )
        is_ours = written.existing is not None and written.existing.chain_hash == after.chain_hash
        return Written() if is_ours else written

    def _read(self, webhook_id: str, *, is_consistent: bool) -> StoredWebhook | None:
        answer = aws.call(
            SERVICE,
            lambda: self._client.get_item(
                TableName=self._table_name, Key={"webhookId": {"S": webhook_id}}, ConsistentRead=is_consistent
            ),
        )
        return StoredWebhook.from_item(answer["Item"]) if "Item" in answer else None

    def _conditionally(self, write: Any) -> Written:  # noqa: ANN401 - boto3's answers differ by call
        def attempt() -> Written:
            try:
                write()
            except ClientError as error:
                old = aws.condition_failed(error)
                if old is None:
                    raise
                return Written(existing=_read(old))
            return Written()

        return aws.call(SERVICE, attempt)


def _read(old: Mapping[str, Any]) -> StoredWebhook:
    """Read the item that stood in a write's way. One that is damaged is our fault, not that of who sent a duplicate."""
    try:
        return StoredWebhook.from_item(old)
    except MalformedError as error:
        raise UnavailableError("what is stored can't be read", reason=error.reason) from error


def change_expression(before: StoredWebhook, after: StoredWebhook) -> Mapping[str, Any]:
    """Return the UpdateExpression, names and values that turn `before`'s item into `after`'s, for `EventStore.update`.

    The values include `:seqRead` and `:processed`, which the condition compares with.
    """
    if before.body == after.body:  # compressing it twice only to find that it is the same takes a millisecond
        before, after = replace(before, body=b""), replace(after, body=b"")
    old, new = before.to_item(), after.to_item()
    changed = {name: value for name, value in new.items() if old.get(name) != value}
    gone = [name for name in old if name not in new]
    sets = ", ".join(f"#{name} = :{name}" for name in changed)
    removes = ", ".join(f"#{name}" for name in gone)
    return {
        "UpdateExpression": f"SET {sets}" + (f" REMOVE {removes}" if removes else ""),
        "ExpressionAttributeNames": {f"#{name}": name for name in {*changed, *gone, "seq", "status"}},
        "ExpressionAttributeValues": {
            **{f":{name}": value for name, value in changed.items()},
            ":seqRead": {"N": str(before.seq)},
            ":processed": {"S": Status.PROCESSED.value},
        },
    }
