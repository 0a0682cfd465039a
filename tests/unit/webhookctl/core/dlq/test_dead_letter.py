"""What a message names, whoever wrote it."""

import json
from datetime import UTC, datetime

import pytest

from webhookctl.core.dlq.dead_letter import QueueMessage


def named(body: str) -> str | None:
    """Return the webhook that a message with this body names."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return QueueMessage(message_id="m", receipt="r", body=body, sent_at=at, receive_count=1).webhook_id


def test_our_own_messages_name_their_webhook() -> None:
    """Whatever the provider's event id looks like."""
    assert named('{"webhookId":"stripe:evt_1","v":1}') == "stripe:evt_1"
    assert named(json.dumps({"webhookId": "acme:é 1:2"})) == "acme:é 1:2"
    assert named(json.dumps({"webhookId": "stripe:" + "x" * 2041})) is not None


@pytest.mark.parametrize(
    "body",
    [
        "",
        "hello",
        "[" * 100_000,
        "[]",
        "{}",
        '{"webhookId":7}',
        '{"webhookId":""}',
        '{"webhookId":"evt_1"}',
        '{"webhookId":"stripe:"}',
        '{"webhookId":"\\ud800"}',
        '{"webhookId":"stripe:\\ud800"}',
        json.dumps({"webhookId": "stripe:" + "x" * 3000}),
        json.dumps({"webhookId": "stripe:" + "é" * 1100}),
    ],
    ids=lambda body: body[:24] or "empty",
)
def test_what_the_table_would_refuse_as_a_key_is_no_webhook(body: str) -> None:
    """It is a foreign message: told, never joined, never an error."""
    assert named(body) is None
