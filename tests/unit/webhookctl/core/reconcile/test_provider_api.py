"""The providers' own event lists, asked over HTTP: every page, the right key, and no guess where the answer is odd."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.fakes_provider_api import KEY, ProviderStub, listed_event, serving
from webhookctl.core.reconcile.provider_api import APIS, ProviderApi, checked_host, checked_key
from webhookctl.errors import ConfigError, UsageError, WebhookctlError

SINCE = datetime(2026, 1, 2, tzinfo=UTC)
OLD = datetime(2026, 1, 1, tzinfo=UTC)
PROVIDERS = ("stripe", "paypal", "square")


def raw(provider: str, name: str, at: datetime = SINCE) -> dict[str, Any]:
    """Return an event as the provider's list holds it."""
    return listed_event(provider, name, at=at)


def ids(stub: ProviderStub, *, key: str = KEY) -> list[str]:
    """Return the ids that the API gives."""
    with serving(stub) as url:
        return [event.event_id for event in ProviderApi(provider=stub.provider, key=key, host=url).events(since=SINCE)]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(("count", "pages"), [(0, 1), (2, 1), (5, 3)])
def test_every_page_is_read_once(provider: str, count: int, pages: int) -> None:
    """Stripe goes on after the last id, PayPal by its link, Square by its cursor, each until there is no more."""
    stub = ProviderStub(provider, [raw(provider, f"e{n}") for n in range(count)])
    assert ids(stub) == [f"e{n}" for n in range(count)]
    assert len(stub.requests) == pages


def test_each_provider_is_asked_for_the_time_only() -> None:
    """The start goes out in each API's own words."""
    stripe, paypal, square = (
        ProviderStub(provider, [raw(provider, f"e{n}") for n in range(3)]) for provider in PROVIDERS
    )
    for stub in (stripe, paypal, square):
        ids(stub)
    assert [query["created[gte]"] for _, query, _ in stripe.requests] == [[str(int(SINCE.timestamp()))]] * 2
    assert paypal.requests[0][1]["start_time"] == ["2026-01-02T00:00:00.000Z"]
    assert [body["query"]["filter"]["created_at"] for _, _, body in square.requests] == [
        {"start_at": "2026-01-02T00:00:00.000Z"}
    ] * 2


@pytest.mark.parametrize("provider", PROVIDERS)
def test_events_from_before_the_start_are_left_out(provider: str) -> None:
    """A list that reaches further back than asked does not make events extra or missing."""
    assert ids(ProviderStub(provider, [raw(provider, "new"), raw(provider, "old", OLD)])) == ["new"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_refused_key_is_a_matter_of_configuration_and_is_never_told(provider: str) -> None:
    """401 and 403 name the provider and not the key."""
    with pytest.raises(ConfigError) as refused:
        ids(ProviderStub(provider, []), key="sk_planted")
    assert "sk_planted" not in f"{refused.value} {refused.value.hint}"
    assert "sk_planted" not in repr(ProviderApi(provider=provider, key="sk_planted"))
    with pytest.raises(ConfigError):
        ids(ProviderStub(provider, [], status=403))


@pytest.mark.parametrize(
    ("status", "text"), [(500, None), (302, None), (200, "no json"), (200, "[]"), (200, "3"), (404, "{}")]
)
def test_an_answer_that_is_not_as_documented_is_an_error(status: int, text: str | None) -> None:
    """Nothing is compared with half a list, and no redirect is followed with the key."""
    with pytest.raises(WebhookctlError):
        ids(ProviderStub("stripe", [raw("stripe", "e1")], status=status, text=text))


def test_a_list_of_something_else_is_an_error() -> None:
    """An event without a time is none."""
    with pytest.raises(UsageError):
        ids(ProviderStub("stripe", [{"id": "e1", "type": "x"}]))


def test_a_list_without_end_is_given_up_on() -> None:
    """A server that always has more does not keep the command for ever, and the result is no half list."""
    text = '{"data":[{"id":"e","type":"x","created":1767400000}],"has_more":true}'
    stub = ProviderStub("stripe", [], text=text)
    with serving(stub) as url, pytest.raises(WebhookctlError, match="more than 3 pages"):
        list(ProviderApi(provider="stripe", key=KEY, host=url, max_pages=3).events(since=SINCE))
    assert len(stub.requests) == 3


def test_nobody_listening_is_an_error_without_the_key() -> None:
    """A refused connection is told by its kind, and where it was tried."""
    api = ProviderApi(provider="stripe", key=KEY, host="http://127.0.0.1:9")
    with pytest.raises(WebhookctlError) as refused:
        list(api.events(since=SINCE))
    assert refused.value.message == "stripe's API can't be reached at http://127.0.0.1:9: NewConnectionError"


@pytest.mark.parametrize("text", ["", " \n", "ключ", "\udcff\udcfe", "sk_a\x01b", "sk a", "sk\nnext", "k" * 5000])
def test_what_cannot_be_a_key_is_refused_before_anything_is_sent(text: str) -> None:
    """No header could carry it; the refusal does not repeat it."""
    with pytest.raises(UsageError) as refused:
        checked_key(text)
    assert not text.strip() or text not in f"{refused.value} {refused.value.hint}"


@pytest.mark.parametrize("text", ["sk_live_1\n", "\ufeffsk_live_1\r\n", "\udcef\udcbb\udcbfsk_live_1"])
def test_a_key_from_a_file_is_the_key(text: str) -> None:
    """Line ends and a byte order mark are none of it, also where the terminal is not in UTF-8."""
    assert checked_key(text) == "sk_live_1"


def test_the_keys_go_to_the_providers_own_hosts() -> None:
    """Where nothing else is asked for, over TLS."""
    assert {name: api.host for name, api in APIS.items()} == {
        "stripe": "https://api.stripe.com",
        "paypal": "https://api-m.paypal.com",
        "square": "https://connect.squareup.com",
    }


@pytest.mark.parametrize(
    ("provider", "text"),
    [
        ("stripe", '{"data":[],"has_more":true}'),
        ("paypal", '{"events":[],"links":[{"rel":"next","href":"https://api-m.paypal.com/v1/other"}]}'),
        ("stripe", "[" * 100_000),
    ],
)
def test_a_list_that_can_not_be_followed_to_its_end_is_an_error(provider: str, text: str) -> None:
    """Half a list is never taken for the whole."""
    with pytest.raises(WebhookctlError):
        ids(ProviderStub(provider, [], text=text))


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "",
        "https://",
        "http://[",
        "ftp://x.com",
        "http://api.stripe.com",
        "https://u:p@x.com",
        "https://x.com:0",
    ],
)
def test_the_key_goes_to_no_odd_address(url: str) -> None:
    """HTTPS, or HTTP on this machine."""
    with pytest.raises(UsageError):
        checked_host(url)


def test_an_address_may_end_in_a_slash() -> None:
    """Paths follow it."""
    assert checked_host("http://127.0.0.1:8080/") == "http://127.0.0.1:8080"
    assert checked_host("https://api-m.sandbox.paypal.com") == "https://api-m.sandbox.paypal.com"
