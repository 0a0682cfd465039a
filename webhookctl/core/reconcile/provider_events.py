"""The providers' own lists of events, as their APIs answer and as such answers are saved in files."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from lambdas.shared.clock import parse_iso
from webhookctl.errors import UsageError

_LONGEST_NAME: Final = 255
"""The receiver takes no longer id or type."""
SAVED: Final = "save the answers of the provider's own list of events, one JSON document or one a line"


def _stripe_goes_on(page: Mapping[str, Any]) -> bool:
    return bool(page.get("has_more"))


def _paypal_goes_on(page: Mapping[str, Any]) -> bool:
    return next_link(page) is not None


def _square_goes_on(page: Mapping[str, Any]) -> bool:
    return bool(page.get("cursor"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """How a provider lists its events. `members`: where the list may stand in an answer; names of an event's parts.

    `goes_on`: says whether an answer has more pages after it. `is_newest_first`: an answer that reaches back to a time
    holds all events since. `kept`: for how long the provider lists an event.
    """

    members: tuple[str, ...]
    id: tuple[str, ...]
    type: tuple[str, ...]
    at: tuple[str, ...]
    goes_on: Callable[[Mapping[str, Any]], bool]
    kept: timedelta
    is_newest_first: bool = False


LISTINGS: Final[Mapping[str, Listing]] = {
    "stripe": Listing(
        members=("data",),
        id=("id",),
        type=("type",),
        at=("created",),
        goes_on=_stripe_goes_on,
        kept=timedelta(days=30),
        is_newest_first=True,
    ),
    "paypal": Listing(
        members=("events",),
        id=("id",),
        type=("event_type",),
        at=("create_time",),
        goes_on=_paypal_goes_on,
        kept=timedelta(days=30),
    ),
    "square": Listing(
        members=("events", "data"),
        id=("event_id", "id"),
        type=("type",),
        at=("created_at",),
        goes_on=_square_goes_on,
        kept=timedelta(days=28),
    ),
}
"""Stripe GET /v1/events, PayPal GET /v1/notifications/webhooks-events, Square POST /v2/events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderEvent:
    """One event as the provider lists it."""

    event_id: str
    event_type: str
    at: datetime


class EventSource(Protocol):
    """The provider's list."""

    def events(self, *, since: datetime) -> Iterator[ProviderEvent]:
        """Yield the provider's events since a time."""
        ...

    def is_whole(self, *, since: datetime) -> bool:
        """Whether these are all that the provider lists since then."""
        ...


@dataclass(frozen=True, slots=True)
class ListedFile:
    """Implements the provider's list on saved answers, or a plain list of events. `pages` are parsed JSON."""

    provider: str
    pages: Sequence[object]

    @classmethod
    def parsed(cls, provider: str, text: str) -> "ListedFile":
        """Read one JSON document or JSON lines. Raises UsageError, for an empty file too."""
        return cls(provider, _documents(text.removeprefix("\ufeff")))

    def events(self, *, since: datetime) -> Iterator[ProviderEvent]:
        """Yield the file's events since a time. Raises UsageError."""
        return (event for event in self._events() if event.at >= since)

    def is_whole(self, *, since: datetime) -> bool:
        """Whether one of the pages is the last one, or reaches back beyond `since`. Raises UsageError."""
        listing = LISTINGS[self.provider]
        if not all(isinstance(page, Mapping) and listing.goes_on(page) for page in self.pages):
            return True
        return listing.is_newest_first and any(event.at < since for event in self._events())

    def _events(self) -> Iterator[ProviderEvent]:
        return (event for page in self.pages for event in read_page(self.provider, page))


def read_page(provider: str, page: object) -> Iterator[ProviderEvent]:
    """Yield the events of one answer of the provider's list. Raises UsageError when it is none."""
    listing = LISTINGS[provider]
    for raw in _list_in(page, listing):
        try:
            event = ProviderEvent(
                event_id=_name(raw, listing.id),
                event_type=_name(raw, listing.type),
                at=_moment(_first(raw, listing.at)),
            )
        except (KeyError, ValueError, OverflowError, OSError) as error:
            reason = f"an event has no {error}" if isinstance(error, KeyError) else error
            raise UsageError(f"this is no list of {provider} events: {reason}", hint=SAVED) from error
        yield event


def next_link(page: Mapping[str, Any]) -> str | None:
    """Return the address of PayPal's next page, None after the last one."""
    links = page.get("links")
    found = [link for link in links if isinstance(link, Mapping)] if isinstance(links, list) else []
    return next((str(link.get("href")) for link in found if link.get("rel") == "next"), None)


def _documents(text: str) -> list[Any]:
    if not text.strip():
        raise UsageError("the file is empty: no list of events was saved in it", hint="curl --fail tells why")
    try:
        return [json.loads(text)]
    except RecursionError as error:
        raise UsageError("this is no list of events: it is nested too deeply", hint=SAVED) from error
    except ValueError:
        return _lines(text)


def _lines(text: str) -> list[Any]:
    try:
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    except (ValueError, RecursionError) as error:
        raise UsageError("the file is neither JSON nor JSON lines", hint=SAVED) from error


def _list_in(page: object, listing: Listing) -> list[Mapping[str, Any]]:
    if isinstance(page, Mapping):
        page = next((page[name] for name in listing.members if isinstance(page.get(name), list)), [page])
    if not isinstance(page, list) or not all(isinstance(raw, Mapping) for raw in page):
        raise UsageError("this is no list of events", hint=SAVED)
    return page


def _first(raw: Mapping[str, Any], names: tuple[str, ...]) -> Any:  # noqa: ANN401 - JSON
    return next(raw[name] for name in names if name in raw) if any(n in raw for n in names) else raw[names[0]]


def _name(raw: Mapping[str, Any], names: tuple[str, ...]) -> str:
    value = _first(raw, names)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_NAME or not value.isprintable():
        raise ValueError(f"an event's {names[0]} is {json.dumps(value)[:60]}")
    return value


def _moment(value: object) -> datetime:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return datetime.fromtimestamp(value, UTC)
    return parse_iso(str(value))
