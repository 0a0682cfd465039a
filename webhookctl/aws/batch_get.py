"""DynamoDB: many items by id, a hundred to a call."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from webhookctl.aws.session import AwsError, ClientError, translated

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_READ: Final = 100
"""The most keys of one BatchGetItem."""
_TRIES: Final = 8
_PAUSE_S: Final = 0.05


def items_of(
    client: "DynamoDBClient",
    table: str,
    webhook_ids: Sequence[str],
    how: Mapping[str, Any],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Mapping[str, Any]]:
    """Yield the items that exist, in no order. `how` says how to read: consistently, which attributes.

    Raises WebhookctlError.
    """
    ids = list(dict.fromkeys(webhook_ids))
    for start in range(0, len(ids), _READ):
        yield from _batch(client, table, ids[start : start + _READ], how, sleep)


def _batch(
    client: "DynamoDBClient", table: str, ids: Sequence[str], how: Mapping[str, Any], sleep: Callable[[float], None]
) -> list[Any]:
    """Read up to 100 items; what the table leaves unprocessed under load is asked for again, more slowly."""
    request: Any = {table: {"Keys": [{"webhookId": {"S": webhook_id}} for webhook_id in ids], **how}}
    items: list[Any] = []
    for attempt in range(_TRIES):
        try:
            answer = client.batch_get_item(RequestItems=request)
        except ClientError as error:
            raise translated(error) from error
        items += answer["Responses"].get(table, [])
        request = answer.get("UnprocessedKeys")
        if not request:
            return items
        sleep(_PAUSE_S * 2**attempt)
    raise AwsError("the table is throttled: it answers only part of a batch", hint="try a lower --rate, or again later")
