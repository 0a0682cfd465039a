"""StoredWebhook and its wire formats."""

import base64
import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from lambdas.shared.attributes import from_item
from lambdas.shared.audit_record import GENESIS, chain_hash, is_chained
from lambdas.shared.body import MAX_STORED_BYTES, compress, decompress
from lambdas.shared.errors import MalformedError
from lambdas.shared.webhook import (
    LastError,
    PaymentEvent,
    Status,
    StoredWebhook,
    message_webhook_id,
)
from tests.fakes_trip import Trip
from webhookctl.core.samples.ids import IdSource
from webhookctl.core.send.compose import Recipe, compose

NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
BODY = b'{"id":"evt_1","type":"payment_intent.succeeded"}'


def stored() -> StoredWebhook:
    """Return a freshly received webhook."""
    return StoredWebhook(
        webhook_id="stripe:evt_1",
        provider="stripe",
        event_type="payment_intent.succeeded",
        event_created_at=NOW,
        received_at=NOW,
        status=Status.RECEIVED,
        body=BODY,
        body_sha256=hashlib.sha256(BODY).hexdigest(),
        livemode=False,
        trace_id="1-5759e988-bd862e3fe1be46a994272793",
    ).sealed()


def test_every_state_survives_the_item_form() -> None:
    """from_item(to_item(x)) is x: received, failed, processed and edited alike."""
    received = stored()
    failed = received.failed(LastError(error_class="E", message="m", fingerprint="f", at=NOW), attempts=5)
    processed = failed.processed(
        PaymentEvent(kind="payment.succeeded", payment_id="pi_1", amount_minor=1200, currency="EUR"),
        at=NOW,
        attempts=1,
        expires_at=1_800_000_000,
    )
    edited = received.edited(b"{}", operator="ana", note="typo")
    for state in (received, failed, processed, edited):
        assert StoredWebhook.from_item(state.to_item()) == state


def test_every_state_extends_the_chain() -> None:
    """A write raises seq by one, links to the hash before and hashes what it leaves."""
    first = stored()
    second = first.processed(PaymentEvent(kind="other"), at=NOW, attempts=1, expires_at=1)
    assert (first.seq, first.prev_hash) == (1, GENESIS)
    assert (second.seq, second.prev_hash) == (2, first.chain_hash)
    for state in (first, second):
        assert is_chained(from_item(state.to_item()))


def test_a_changed_field_breaks_the_chain() -> None:
    """No field of the allow-list can change without the hash showing it."""
    values = from_item(stored().to_item())
    assert chain_hash(GENESIS, {**values, "status": "PROCESSED"}) != values["chainHash"]
    assert not is_chained({**values, "eventType": "x"})


def test_only_failed_items_are_in_the_failure_index() -> None:
    """FailedDay exists while an item is FAILED and is gone afterwards."""
    failed = stored().failed(LastError(error_class="E", message="m", fingerprint="f", at=NOW), attempts=5)
    processed = failed.processed(PaymentEvent(kind="other"), at=NOW, attempts=1, expires_at=1)
    assert failed.to_item()["failedDay"] == {"S": "2026-01-02"}
    assert "failedDay" not in processed.to_item()
    assert "failedDay" not in stored().to_item()


def test_the_body_is_stored_small_and_exact() -> None:
    """A body comes back byte for byte, whatever its bytes."""
    for body in (b"", b"\x00\xff", BODY, BODY * 1000, "ключ".encode()):
        assert decompress(compress(body)) == body
    assert len(compress(BODY * 1000)) < 1000


@pytest.mark.parametrize("stored", ["01ab86377f3046fee0234a46060606b500", "0243f47a31e611e1ce30323030a80500"])
def test_a_dictionary_never_changes(stored: str) -> None:
    """Bodies stored by an earlier release, under each of the dictionaries, stay readable."""
    assert decompress(bytes.fromhex(stored)) == b'{"object":"payment_intent","amount":2000}'


def test_a_bomb_in_the_table_is_refused_within_the_limit() -> None:
    """A stored body that would inflate beyond the limit is an error, not memory."""
    with pytest.raises(MalformedError):
        decompress(compress(b"0" * (MAX_STORED_BYTES + 1)))
    for damaged in (b"", b"\x07x", b"\x01\xff\xff", b"\x02\xff\xff", compress(BODY * 9)[:-4]):
        with pytest.raises(MalformedError):
            decompress(damaged)


def test_a_foreign_item_is_malformed() -> None:
    """An item without our fields raises MalformedError."""
    with pytest.raises(MalformedError):
        StoredWebhook.from_item({"webhookId": {"S": "stripe:evt_1"}})


def test_the_message_names_the_webhook_and_nothing_else() -> None:
    """The queue carries the id only; a foreign message is malformed."""
    assert stored().message() == '{"webhookId":"stripe:evt_1","v":1}'
    assert message_webhook_id(stored().message()) == "stripe:evt_1"
    for foreign in ("", "[]", "{}", '{"webhookId":1,"v":1}', '{"webhookId":"x","v":2}', "[" * 100_000):
        with pytest.raises(MalformedError):
            message_webhook_id(foreign)


def test_the_body_never_appears_in_a_representation() -> None:
    """Repr of a stored webhook shows no byte of its body."""
    assert "payment_intent.succeeded" not in repr(replace(stored(), event_type="t"))


def test_a_processed_payment_fits_a_write_unit() -> None:
    """A 2 KB Stripe payment is below 1 KB in the table, hashes as 32 bytes each: a second unit would be its price."""
    trip = Trip()
    body = compose(Recipe(provider="stripe"), ids=IdSource(), now=lambda: datetime.now(UTC)).body
    trip.send(body)
    trip.drain()
    (item,) = trip.aws.items.values()
    assert len(body) > 2000
    assert len(item["chainHash"]["B"]) in (32, 44)  # bytes, or their base64 on the wire
    trace_id = len("traceId1-5759e988-bd862e3fe1be46a994272793")
    assert _size(item) + trace_id <= 1024


def _size(item: Any) -> int:
    """Return an item's size as DynamoDB bills it, numbers at their largest."""
    return sum(len(name) + _bytes(attribute) for name, attribute in item.items())


def _bytes(attribute: Any) -> int:
    ((kind, value),) = attribute.items()
    match kind:
        case "BOOL":
            return 1
        case "N":
            return len(value) // 2 + 2
        case "B":
            return len(base64.b64decode(value)) if isinstance(value, str) else len(value)
    return len(value.encode())
