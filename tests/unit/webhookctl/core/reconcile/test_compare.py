"""A provider's list against ours: neither "all fine" nor "missing" is said without knowing."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from lambdas.shared.webhook import Status, StoredWebhook
from tests.fakes_provider_api import listed_event
from tests.stored_webhooks import NOW, stored_webhook
from webhookctl.core.reconcile.compare import Comparison, Standing, compare
from webhookctl.core.reconcile.provider_events import ListedFile
from webhookctl.errors import CheckFailedError, PartialError, UsageError

SINCE = NOW - timedelta(days=1)
BEFORE = SINCE - timedelta(hours=1)
LAST: Mapping[str, Mapping[str, Any]] = {
    "stripe": {"has_more": False},
    "paypal": {"links": [{"rel": "self", "href": "x"}]},
    "square": {},
}
GOES_ON: Mapping[str, Mapping[str, Any]] = {
    "stripe": {"has_more": True},
    "paypal": {"links": [{"rel": "next", "href": "https://x.com/"}]},
    "square": {"cursor": "c"},
}


def page(*names: str, provider: str = "stripe", at: datetime = NOW, **more: Any) -> str:
    """Return a provider's answer as one line."""
    events = [listed_event(provider, name, at=at) for name in names]
    return json.dumps({"data" if provider == "stripe" else "events": events, **more})


def compared(
    text: str, *stored: StoredWebhook, late: Sequence[StoredWebhook] = (), types: Sequence[str] = ()
) -> Comparison:
    """Compare Stripe's saved list with what the audit log knows; the table knows what is `late` too."""

    def look(ids: Sequence[str]) -> dict[str, StoredWebhook]:
        known = {w.webhook_id: w for w in (*stored, *late)}
        return {key: known[key] for key in ids if key in known}

    return compare("stripe", ListedFile.parsed("stripe", text), stored, look=look, since=SINCE, types=types)


def test_a_providers_list_shows_missing_waiting_and_extra_events() -> None:
    """Stripe's answer against the table; what is processed, and what is older than asked for, is not told."""
    ours = (
        stored_webhook("done"),
        stored_webhook("waits", Status.RECEIVED),
        stored_webhook("ours"),
        stored_webhook("c#1", Status.CONFLICT),
    )
    comparison = compared(f"{page('done', 'waits', 'gone')}\n{page('old', at=BEFORE)}", *ours)
    assert (comparison.missing, comparison.received, comparison.processed, comparison.extra) == (1, 1, 1, 1)
    assert {(e.standing, e.webhook_id) for e in comparison.events} == {
        (Standing.MISSING, "stripe:gone"),
        (Standing.RECEIVED, "stripe:waits"),
        (Standing.EXTRA, "stripe:ours"),
    }
    with pytest.raises(CheckFailedError, match="1 of the events that stripe lists is not stored"):
        comparison.require_complete()


def test_what_the_table_has_is_not_missing_though_the_audit_log_lacks_it() -> None:
    """An audit line can be late, or lost."""
    comparison = compared(page("done", "late"), stored_webhook("done"), late=[stored_webhook("late")])
    assert (comparison.missing, comparison.processed) == (0, 2)
    comparison.require_complete()


def test_a_part_of_the_list_is_never_all_fine_and_leaves_nothing_extra() -> None:
    """The saved page says that there is more; what it does hold is compared."""
    comparison = compared(page("done", has_more=True), stored_webhook("done"), stored_webhook("ours"))
    assert (comparison.is_whole, comparison.processed, comparison.extra) == (False, 1, 0)
    with pytest.raises(PartialError, match="a part of stripe's list"):
        comparison.require_complete()
    with pytest.raises(CheckFailedError, match="only a part"):
        compared(page("gone", has_more=True)).require_complete()


@pytest.mark.parametrize("provider", GOES_ON)
def test_every_provider_says_in_its_own_way_that_there_is_more(provider: str) -> None:
    """The last page, alone or after others, ends the list; a list without its answer around it has no say."""
    first, last = page("a", provider=provider, **GOES_ON[provider]), page("b", provider=provider, **LAST[provider])
    for text, is_whole in ((first, False), (last, True), (f"{first}\n{last}", True), ("[]", True)):
        assert ListedFile.parsed(provider, text).is_whole(since=SINCE) is is_whole


def test_a_page_that_reaches_back_beyond_the_time_is_the_whole_list() -> None:
    """Stripe lists the newest first: what comes after such a page is older still."""
    text = page("old", at=BEFORE, has_more=True)
    assert ListedFile.parsed("stripe", text).is_whole(since=SINCE)
    assert not ListedFile.parsed("stripe", text).is_whole(since=BEFORE)


def test_only_the_types_asked_for_are_compared() -> None:
    """By name or by pattern, on both sides; a type that is stored nowhere is named."""
    comparison = compared(page("gone"), stored_webhook("ours", event_type="payout.paid"))
    assert comparison.types_not_stored == ("charge.refunded",)
    with pytest.raises(CheckFailedError) as failed:
        comparison.require_complete()
    assert "--type" in str(failed.value.hint)
    assert compared(page("gone"), stored_webhook("ours"), types=["payout.*"]).listed == 0
    assert compared(page("gone"), stored_webhook("ours", event_type="payout.paid"), types=["payout.*"]).extra == 1
    assert compared(page("gone"), types=["payout.paid", "charge.*"]).missing == 1


BROKEN = {
    "nothing": "",
    "blank": " \n",
    "no JSON": "nonsense",
    "no list": "3",
    "an error": '{"error":{"type":"invalid_request_error"}}',
    "no event": '{"data":[1]}',
    "an event without time": '{"data":[{"id":"x","type":"x"}]}',
    "an event without id": '{"data":[{"id":null,"type":"x","created":1767355200}]}',
    "an empty id": '{"data":[{"id":"","type":"x","created":1767355200}]}',
    "an id that is no key": json.dumps({"data": [{"id": "x" * 3000, "type": "x", "created": 1767355200}]}),
    "half a character": '{"data":[{"id":"\\ud800","type":"x","created":1767355200}]}',
    "a type that is no text": '{"data":[{"id":"x","type":7,"created":1767355200}]}',
    "a time that is none": '{"data":[{"id":"x","type":"x","created":true}]}',
    "no number": '{"data":[{"id":"x","type":"x","created":Infinity}]}',
    "no end": "[" * 100_000,
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_is_no_list_is_a_usage_error(name: str) -> None:
    """Nothing is compared with a guess, and a failed download is not an empty list."""
    with pytest.raises(UsageError):
        list(ListedFile.parsed("stripe", BROKEN[name]).events(since=SINCE))


def test_lines_are_told_apart_by_line_feeds_alone() -> None:
    """A text may hold other separators; a mark at the beginning, as some shells write it, is no part of the text."""
    event = {**listed_event("stripe", "a", at=NOW), "note": "a\u2028b"}
    text = "\ufeff" + "\r\n".join([json.dumps(event, ensure_ascii=False)] * 2)
    assert [e.event_id for e in ListedFile.parsed("stripe", text).events(since=SINCE)] == ["a", "a"]
