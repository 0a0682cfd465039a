"""Which stored webhooks answer a question, and how many reads it takes."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from lambdas.shared.webhook import PaymentEvent, Status, StoredWebhook
from tests.stored_webhooks import NOW, stored_webhook
from webhookctl.core.audit.records import AuditFilter
from webhookctl.core.events.parts import PaymentFact
from webhookctl.core.events.search import EventSources, Source, find_events, find_open, source_of
from webhookctl.core.events.stored import EventFilter, checked_key
from webhookctl.core.logs import LogEvent
from webhookctl.errors import UsageError

HOUR = EventFilter(since=NOW - timedelta(hours=1))
LAG = timedelta(seconds=2)


class Store:
    """Table, payment index and audit log in one; counts the scans and the rows read by id."""

    def __init__(self, *webhooks: StoredWebhook) -> None:
        self._webhooks = {w.webhook_id: w for w in webhooks}
        self.scans = self.reads = 0

    def get(self, webhook_id: str) -> StoredWebhook | None:
        """Return one."""
        return self._webhooks.get(webhook_id)

    def scan(self) -> Iterator[StoredWebhook]:
        """Return all."""
        self.scans += 1
        return iter(self._webhooks.values())

    def rows(self, webhook_ids: Sequence[str], *, is_consistent: bool = False) -> dict[str, StoredWebhook]:
        """Return those that exist."""
        assert not is_consistent
        self.reads += len(webhook_ids)
        return {i: self._webhooks[i] for i in webhook_ids if i in self._webhooks}

    def facts(self, payment_id: str) -> Sequence[PaymentFact]:
        """Return one event for every payment."""
        event = PaymentEvent(kind="other", payment_id=payment_id)
        return [PaymentFact(webhook_id="stripe:a", provider="stripe", event_type="x", at=NOW, event=event)]

    def lines(self, wanted: AuditFilter, *, start: datetime, end: datetime | None = None) -> Iterator[LogEvent]:
        """Tell of every receipt after two seconds, of an end after up to twenty minutes.

        Only the first write of an item tells of the receipt.
        """
        for n, w in enumerate(self._webhooks.values()):
            first = Status.RECEIVED if w.status.is_webhook else w.status
            for status in dict.fromkeys((first, w.status)):
                at = w.received_at + LAG * (1 if status is first else 1 + 100 * (n % 7))
                line = {"type": "audit", "webhookId": w.webhook_id, "status": status, "streamEventId": f"{n}{status}"}
                line |= {"receivedAt": f"{w.received_at:%Y-%m-%dT%H:%M:%S.%fZ}"} if status is first else {}
                if wanted.status == status and at >= start and (end is None or at < end):
                    yield LogEvent(at=at, group="g", stream="s", message=json.dumps(line), event_id=f"{n}{status}")


def sources(store: Store) -> EventSources:
    """Return the store as everything that can answer."""
    return EventSources(table=store, by_id=store, payments=store, audit=store)


def found(store: Store, keep: EventFilter, payment_id: str | None = None, limit: int | None = None) -> list[str]:
    """Return the names that a question finds."""
    return [w.event_id for w in find_events(sources(store), keep, payment_id=payment_id, limit=limit)]


def test_only_a_question_without_start_or_payment_scans_the_table() -> None:
    """The index answers for a payment, the audit log for a time."""
    store = Store(stored_webhook("a", age_min=5), stored_webhook("b", age_min=500))
    assert found(store, HOUR) == ["a"]
    assert found(store, EventFilter(), "pi_1") == ["a"]
    assert store.scans == 0
    assert found(store, EventFilter()) == ["a", "b"]
    assert store.scans == 1
    assert source_of(EventFilter(), payment_id=None) is Source.SCAN


@pytest.mark.parametrize("status", [None, *Status])
def test_the_audit_log_and_the_table_give_the_same_answer(status: Status | None) -> None:
    """Whatever a webhook stands at, a mark beside one included."""
    store = Store(*(stored_webhook(each.lower(), each, age_min=n + 1) for n, each in enumerate(Status)))
    scanned = found(store, EventFilter(status=status))
    assert found(store, replace(HOUR, status=status)) == scanned
    assert scanned == ([status.lower()] if status else ["received", "failed", "processed", "conflict"])


def test_a_limit_bounds_the_rows_that_are_read() -> None:
    """Ten thousand webhooks in the window; the newest one costs a few reads, as does the only failed one."""
    store = Store(
        *(stored_webhook(f"e{n:05}", age_min=1 + n / 1000) for n in range(10_000)), stored_webhook("f", Status.FAILED)
    )
    assert found(store, HOUR, limit=1) == ["e00000"]
    assert found(store, replace(HOUR, status=Status.FAILED), limit=1) == ["f"]
    assert found(store, replace(HOUR, status=Status.RECEIVED)) == []
    assert store.reads <= 11


def test_the_limit_takes_the_newest_though_the_log_tells_them_in_another_order() -> None:
    """Of the failed the log tells when they failed; an older failure may be of a newer webhook."""
    store = Store(*(stored_webhook(f"e{n:02}", Status.FAILED, age_min=30 - n / 10) for n in range(50)))
    everything = found(store, replace(HOUR, status=Status.FAILED))
    assert len(everything) == 50
    assert [found(store, replace(HOUR, status=Status.FAILED), limit=n) for n in (1, 9, 49)] == [
        everything[:n] for n in (1, 9, 49)
    ]


@pytest.mark.parametrize("keep", [HOUR, EventFilter()])
def test_pages_follow_each_other_without_gap_or_repetition(keep: EventFilter) -> None:
    """Also where several were received in the same millisecond."""
    store = Store(*(stored_webhook(f"e{n:02}", age_min=10 + n // 4) for n in range(23)))
    pages: list[str] = []
    while page := found(store, keep, limit=5):
        pages += page
        keep = replace(keep, after=store.get(f"stripe:{page[-1]}"))
    assert pages == found(store, EventFilter())
    assert len(pages) == 23


def test_a_webhook_is_found_though_its_line_came_after_the_end() -> None:
    """The window is of receipts, not of lines."""
    store = Store(stored_webhook("a"))
    received = NOW - timedelta(minutes=10)
    assert found(store, replace(HOUR, until=received + LAG / 2)) == ["a"]
    assert found(store, replace(HOUR, until=received)) == []


def test_what_is_open_is_found_without_reading_what_is_processed() -> None:
    """The log says what came to its end."""
    done = (stored_webhook(f"e{n}") for n in range(50))
    store = Store(
        *done,
        stored_webhook("r", Status.RECEIVED, age_min=2),
        stored_webhook("f", Status.FAILED),
        stored_webhook("c", Status.CONFLICT),
    )
    assert [w.event_id for w in find_open(sources(store), HOUR)] == ["r", "f"]
    assert store.reads == 2
    assert [w.event_id for w in find_open(sources(store), EventFilter())] == ["r", "f"]


@pytest.mark.parametrize("text", ["", "  ", "x" * 2049, "é" * 1025, "\udcff"])
def test_what_can_be_no_key_is_refused_before_the_table_is_asked(text: str) -> None:
    """Empty, too long in bytes, or no text."""
    with pytest.raises(UsageError, match="payment"):
        checked_key(text, "payment")
    assert checked_key("é" * 1024) == "é" * 1024
