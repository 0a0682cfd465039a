"""DynamoDB: the table's rows with every attribute, for comparing them with the audit log."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lambdas.shared.attributes import from_item
from lambdas.shared.body import decompress
from lambdas.shared.errors import MalformedError
from webhookctl.aws.session import AwsSession

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


class AuditTable:
    """Implements core's audit table. A scan reads, and bills, the whole table at the price of consistent reads."""

    def __init__(self, session: AwsSession, name: str) -> None:
        self._client: DynamoDBClient = session.client("dynamodb")
        self._name = name

    def rows(self, *, webhook_id: str | None = None) -> Iterator[Mapping[str, Any]]:
        """Yield every row (or the one) as plain values with the body decompressed; a damaged body is empty."""
        if webhook_id is not None:
            key = {"webhookId": {"S": webhook_id}}
            item = self._client.get_item(TableName=self._name, Key=key, ConsistentRead=True).get("Item")
            items: Iterator[Mapping[str, Any]] = iter([item] if item else [])
        else:
            pages = self._client.get_paginator("scan").paginate(TableName=self._name, ConsistentRead=True)
            items = (item for page in pages for item in page["Items"])
        yield from (_plain(item) for item in items)


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    values = from_item(item)
    if isinstance(values.get("body"), bytes):
        try:
            values["body"] = decompress(values["body"])
        except MalformedError:
            values["body"] = b""
    return values
