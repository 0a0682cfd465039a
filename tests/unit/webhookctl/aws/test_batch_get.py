"""Many items by id: a hundred to a call, each id once, and what a busy table leaves out is asked for again."""

from typing import TYPE_CHECKING, Any, cast

import pytest

from webhookctl.aws.batch_get import items_of
from webhookctl.aws.session import AwsError

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


class Table:
    """Answers with at most `most` items at a time; remembers what it was asked."""

    def __init__(self, most: int = 100) -> None:
        self.asked: list[dict[str, Any]] = []
        self._most = most

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """Return items, and the rest as unprocessed."""
        (request,) = RequestItems.values()
        self.asked.append(request)
        done, left = request["Keys"][: self._most], request["Keys"][self._most :]
        return {"Responses": {"t": done}, "UnprocessedKeys": {"t": {**request, "Keys": left}} if left else {}}


def read(table: Table, *ids: str) -> list[str]:
    """Return the ids of the items read."""
    client, how = cast("DynamoDBClient", table), {"ConsistentRead": True}
    return [item["webhookId"]["S"] for item in items_of(client, "t", ids, how, sleep=lambda _: None)]


def test_every_id_is_asked_for_once_a_hundred_at_a_time() -> None:
    """DynamoDB takes no more, and no id twice."""
    table = Table()
    ids = [f"stripe:{n}" for n in range(250)]
    assert read(table, *ids, *ids) == ids
    assert [len(request["Keys"]) for request in table.asked] == [100, 100, 50]
    assert all(request["ConsistentRead"] for request in table.asked)
    assert read(Table()) == []


def test_what_a_busy_table_leaves_out_is_asked_for_again() -> None:
    """In the same way; a table that gives nothing is given up on, and half an answer is none."""
    table = Table(most=40)
    assert len(read(table, *(f"stripe:{n}" for n in range(100)))) == 100
    assert [len(request["Keys"]) for request in table.asked] == [100, 60, 20]
    with pytest.raises(AwsError, match="throttled"):
        read(Table(most=0), "stripe:1")
