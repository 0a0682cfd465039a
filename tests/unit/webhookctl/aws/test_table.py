"""Reading the table: a row that nobody of ours wrote hides no other."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.fakes_audit import grown
from webhookctl.aws.table import Table
from webhookctl.errors import WebhookctlError

if TYPE_CHECKING:
    from webhookctl.aws.session import AwsSession

ODD = {"webhookId": {"S": "stripe:odd"}, "receivedAt": {"S": "yesterday"}}


class Client:
    """A table of two webhooks with a row between them that is none."""

    def __init__(self) -> None:
        first, last = grown(["evt_1", "evt_2"]).items.values()
        self.items: list[Any] = [first, ODD, last]

    def client(self, _service: str) -> "Client":
        """Return itself, as the session's client."""
        return self

    def get_paginator(self, _operation: str) -> "Client":
        """Return itself, as the scan."""
        return self

    def paginate(self, **_asked: object) -> Iterator[dict[str, Any]]:
        """Yield one page."""
        yield {"Items": self.items}

    def get_item(self, **_asked: object) -> dict[str, Any]:
        """Return the row that is none."""
        return {"Item": ODD}

    def batch_get_item(self, **_asked: object) -> dict[str, Any]:
        """Return every item."""
        return {"Responses": {"t": self.items}}


def test_a_malformed_row_is_left_out_and_named() -> None:
    """By a scan and by batch reads; the others are there."""
    skipped: list[str] = []
    table = Table(cast("AwsSession", Client()), "t", skipped=skipped.append)
    assert [webhook.webhook_id for webhook in table.scan()] == ["stripe:evt_1", "stripe:evt_2"]
    assert list(table.rows(["any"])) == ["stripe:evt_1", "stripe:evt_2"]
    assert skipped == ["stripe:odd"] * 2


def test_who_does_not_listen_for_malformed_rows_is_stopped_by_one() -> None:
    """What takes an absent row for one to send again must not miss any; asked for alone, it is named too."""
    table = Table(cast("AwsSession", Client()), "t")
    with pytest.raises(WebhookctlError, match="row 'stripe:odd' is not a stored webhook"):
        list(table.scan())
    with pytest.raises(WebhookctlError, match="row 'stripe:odd' is not a stored webhook"):
        table.get("stripe:odd")
