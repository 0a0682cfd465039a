"""The providers' own event lists over their APIs. The key goes into one header and no further."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError

from lambdas.shared.clock import iso
from webhookctl.core.reconcile.provider_events import LISTINGS, ProviderEvent, next_link, read_page
from webhookctl.errors import ConfigError, UsageError, WebhookctlError

PAGE: Final = 100
MAX_PAGES: Final = 1000
_PAYPAL_PATH: Final = "/v1/notifications/webhooks-events"
_THIS_MACHINE: Final = ("127.0.0.1", "::1", "localhost")
_OK: Final = 200
_REFUSED: Final = (401, 403)
_KEY: Final = re.compile(r"[\x21-\x7e]{1,4096}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request for a page."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """How a provider's list is asked for: where, the first call, and the one after an answer (None: no more)."""

    host: str
    first: Callable[[datetime], Call]
    following: Callable[[Call, Mapping[str, Any]], Call | None]


def _stripe_first(since: datetime) -> Call:
    """Return the call that https://docs.stripe.com/api/events/list describes. Stripe keeps 30 days."""
    return Call(method="GET", path="/v1/events?" + urlencode({"limit": PAGE, "created[gte]": int(since.timestamp())}))


def _stripe_following(call: Call, page: Mapping[str, Any]) -> Call | None:
    if not LISTINGS["stripe"].goes_on(page):
        return None
    if not page.get("data"):
        raise WebhookctlError("stripe's API says that there is more, and lists nothing")
    base = call.path.partition("&starting_after=")[0]
    return Call(method="GET", path=f"{base}&starting_after={page['data'][-1]['id']}")


def _paypal_first(since: datetime) -> Call:
    """Return the call that https://developer.paypal.com/docs/api/webhooks/v1/ describes. PayPal keeps 30 days."""
    query = urlencode({"page_size": PAGE, "start_time": iso(since), "end_time": iso(datetime.now(UTC))})
    return Call(method="GET", path=f"{_PAYPAL_PATH}?{query}")


def _paypal_following(_: Call, page: Mapping[str, Any]) -> Call | None:
    link = next_link(page)
    if link is None:
        return None
    parts = urlsplit(link)
    if parts.path != _PAYPAL_PATH:
        raise WebhookctlError(f"paypal's API names {link[:80]!r} as the next page of its events")
    return Call(method="GET", path=f"{parts.path}?{parts.query}")


def _square_first(since: datetime) -> Call:
    """Return the call of https://developer.squareup.com/reference/square/events-api. Square keeps 28 days."""
    between = {"start_at": iso(since)}
    return Call(method="POST", path="/v2/events", body={"limit": PAGE, "query": {"filter": {"created_at": between}}})


def _square_following(call: Call, page: Mapping[str, Any]) -> Call | None:
    cursor = page.get("cursor")
    return Call(method="POST", path=call.path, body={**(call.body or {}), "cursor": cursor}) if cursor else None


APIS: Final[Mapping[str, Api]] = {
    "stripe": Api(host="https://api.stripe.com", first=_stripe_first, following=_stripe_following),
    "paypal": Api(host="https://api-m.paypal.com", first=_paypal_first, following=_paypal_following),
    "square": Api(host="https://connect.squareup.com", first=_square_first, following=_square_following),
}


def checked_host(url: str) -> str:
    """Return the address of an API without a slash at its end. Raises UsageError where the key must not go.

    That is anything but HTTPS, and HTTP on this machine.
    """
    try:
        parts = urlsplit(url)
        is_address = bool(parts.hostname) and not (parts.username or parts.query or parts.fragment or parts.port == 0)
    except ValueError:
        is_address = False
    if not is_address or parts.scheme not in ("https", "http"):
        raise UsageError(f"{url!r} is not an API's address", hint="such as https://api-m.sandbox.paypal.com")
    if parts.scheme == "http" and parts.hostname not in _THIS_MACHINE:
        raise UsageError(f"{url!r} would get the key in the clear", hint="https://...")
    return url.rstrip("/")


def checked_key(text: str) -> str:
    """Return a key as it was read, without what a file has around it. Raises UsageError for what no header carries."""
    key = text.removeprefix("\ufeff").removeprefix("\udcef\udcbb\udcbf").strip()  # a mark, read or as stray bytes
    if not key:
        raise UsageError("the provider's key is read from stdin", hint="... < key.txt, or --file with a saved list")
    if not _KEY.fullmatch(key):
        raise UsageError(
            "what was read from stdin is no provider's key", hint="one line of letters, digits and signs, in ASCII"
        )
    return key


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderApi:
    """Implements the provider's list on its API. `key` is a Stripe key, or a PayPal or Square access token."""

    provider: str
    key: str = field(repr=False)
    host: str | None = None
    max_pages: int = MAX_PAGES
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=2, timeout=20.0))

    def events(self, *, since: datetime) -> Iterator[ProviderEvent]:
        """Yield the provider's events since a time, page by page.

        Raises ConfigError when the key is refused, WebhookctlError when the API does not answer as documented.
        """
        api = APIS[self.provider]
        call: Call | None = api.first(since)
        for _ in range(self.max_pages):
            if call is None:
                return
            page = self._ask(api, call)
            yield from (event for event in read_page(self.provider, page) if event.at >= since)
            call = api.following(call, page)
        raise WebhookctlError(
            f"{self.provider} lists more than {self.max_pages} pages of events", hint="a later --since"
        )

    def is_whole(self, *, since: datetime) -> bool:
        """All pages are read, or `events` raises."""
        del since
        return True

    def _ask(self, api: Api, call: Call) -> Mapping[str, Any]:
        host = self.host or api.host
        headers = {"Authorization": f"Bearer {self.key}"}
        try:
            answer = self.pool.request(call.method, host + call.path, headers=headers, json=call.body, redirect=False)
            page = answer.json() if answer.status == _OK else {}
        except MaxRetryError as error:
            why = type(error.reason or error).__name__
            raise WebhookctlError(
                f"{self.provider}'s API can't be reached at {host}: {why}",
                hint="check the network, or save its list and give it by --file",
            ) from error
        except (HTTPError, ValueError, RecursionError) as error:
            raise WebhookctlError(f"{self.provider}'s API can't be read: {type(error).__name__}") from error
        if answer.status in _REFUSED:
            raise ConfigError(
                f"{self.provider}'s API refuses the key ({answer.status})", hint="it needs to read events"
            )
        if answer.status != _OK or not isinstance(page, Mapping):
            raise WebhookctlError(f"{self.provider}'s API answers {answer.status}")
        return page
