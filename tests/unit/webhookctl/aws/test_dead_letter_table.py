"""Dead letters' webhooks: one that can't be read hides no other; an edited body is written once."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn, cast

import pytest

from lambdas.shared.webhook import Status, StoredWebhook
from tests.stored_webhooks import stored_webhook
from webhookctl.aws.dead_letter_table import DeadLetterTable
from webhookctl.aws.payment_index import PaymentIndexTable
from webhookctl.aws.session import ClientError
from webhookctl.errors import WebhookctlError

if TYPE_CHECKING:
    from webhookctl.aws.session import AwsSession

BEFORE = stored_webhook("evt_1", Status.FAILED, body=b"{}").sealed()
EDITED = BEFORE.edited(b'{"a": 1}', operator="ada", note="amount")
CHANGED = BEFORE.edited(b'{"a": 2}', operator="eve", note="another amount")


class Client:
    """A table in which another state stands than the one that was read."""

    def __init__(self, code: str, stands: StoredWebhook | None) -> None:
        self._code = code
        self._item = {} if stands is None else {"Item": stands.to_item()}

    def client(self, _service: str) -> "Client":
        """Return itself, as the session's client."""
        return self

    def update_item(self, **asked: Any) -> NoReturn:
        """Refuse the write, with the item that stands there if that is asked for."""
        item = self._item if asked.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" else {}
        raise ClientError(cast("Any", {"Error": {"Code": self._code, "Message": "no"}, **item}), "UpdateItem")


def _table(code: str, stands: StoredWebhook | None) -> DeadLetterTable:
    return DeadLetterTable(cast("AwsSession", Client(code, stands)), "t")


@pytest.mark.parametrize(
    ("stands", "is_written"),
    [(EDITED, True), (CHANGED, False), (replace(BEFORE, status=Status.PROCESSED), False), (None, False)],
    ids=["our own write", "another edit", "processed meanwhile", "gone"],
)
def test_what_stands_in_a_writes_way_says_whether_it_was_ours(
    stands: StoredWebhook | None, *, is_written: bool
) -> None:
    """Told apart by the chain hash, which no other state has."""
    assert _table("ConditionalCheckFailedException", stands).replace_body(BEFORE, EDITED) is is_written


def test_any_other_refusal_is_an_error() -> None:
    """Nothing is said to have been written, or not to have been."""
    with pytest.raises(WebhookctlError):
        _table("AccessDeniedException", None).replace_body(BEFORE, EDITED)


class Rows:
    """A table of two webhooks and a row that is none; the index has it too."""

    def __init__(self) -> None:
        processed = {**BEFORE.to_item(), "status": {"S": "PROCESSED"}}
        self._rows = [BEFORE.to_item(), {"webhookId": {"S": "stripe:odd"}, "status": {"S": "PROCESSED"}}, processed]

    def client(self, _service: str) -> "Rows":
        """Return itself, as the session's client."""
        return self

    def batch_get_item(self, **_asked: object) -> dict[str, Any]:
        """Return every row."""
        return {"Responses": {"t": self._rows}}

    def get_paginator(self, _operation: str) -> "Rows":
        """Return itself, as the query."""
        return self

    def paginate(self, **_asked: object) -> list[dict[str, Any]]:
        """Return one page."""
        return [{"Items": self._rows}]


def test_a_dead_letter_of_which_the_row_is_damaged_hides_no_other() -> None:
    """Its letter stays one without a webhook; the row is named once."""
    skipped: list[str] = []
    table = DeadLetterTable(cast("AwsSession", Rows()), "t", skipped=skipped.append)
    for _ in range(2):
        assert list(table.get_many(["any"])) == ["stripe:evt_1"]
    assert skipped == ["stripe:odd"]


def test_a_damaged_row_in_a_payments_events_is_named() -> None:
    """A sum without it could be wrong."""
    session = cast("AwsSession", Rows())
    with pytest.raises(WebhookctlError, match="row 'stripe:odd' is not a stored webhook"):
        DeadLetterTable(session, "t").of_payment("pi_1")
    with pytest.raises(WebhookctlError, match="row 'stripe:odd' is not a stored webhook"):
        PaymentIndexTable(session, "t").facts("pi_1")
