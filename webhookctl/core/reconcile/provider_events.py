"""A provider's own list of events against ours: what never arrived, what waits, what we have beyond it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar, Final, Protocol

from lambdas.shared.clock import parse_iso
from lambdas.shared.webhook import Status, StoredWebhook, webhook_id
from webhookctl.errors import CheckFailedError, UsageError


class Standing(StrEnum):
    """How one event stands between the provider and us."""

    MISSING = "missing"
    RECEIVED = "received"
    PROCESSED = "processed"
    EXTRA = "extra"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """How a provider lists its events. `members`: where the list may stand in an answer; names of an event's parts."""

    members: tuple[str, ...]
    id: tuple[str, ...]
    type: tuple[str, ...]
    at: tuple[str, ...]


LISTINGS: Final[Mapping[str, Listing]] = {
    "stripe": Listing(members=("data",), id=("id",), type=("type",), at=("created",)),
    "paypal": Listing(members=("events",), id=("id",), type=("event_type",), at=("create_time",)),
    "square": Listing(members=("events", "data"), id=("event_id", "id"), type=("type",), at=("created_at",)),
}
"""Stripe GET /v1/events, PayPal GET /v1/notifications/webhooks-events, Square POST /v2/events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderEvent:
    """One event as the provider lists it."""

    event_id: str
    event_type: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One event and how it stands."""

    TABLE: ClassVar = ("standing", "webhook_id", "event_type", "at", "status")
    standing: Standing
    webhook_id: str
    event_type: str
    at: datetime
    status: Status | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The whole comparison. `events` leaves out what is processed, as it should be."""

    provider: str
    since: datetime
    missing: int
    received: int
    processed: int
    extra: int
    events: tuple[Compared, ...]

    def require_complete(self) -> None:
        """Raise CheckFailedError when the provider lists events that never arrived here."""
        if self.missing:
            raise CheckFailedError(
                f"{self.missing} events that {self.provider} lists are not stored",
                hint="resend them from the provider's dashboard or CLI",
            )


class EventSource(Protocol):
    """The provider's list."""

    def events(self, *, since: datetime) -> Iterator[ProviderEvent]:
        """Yield the provider's events since a time."""
        ...


@dataclass(frozen=True, slots=True)
class ListedFile:
    """Implements the provider's list on a saved answer, several of them as JSON lines, or a plain list of events."""

    provider: str
    text: str

    def events(self, *, since: datetime) -> Iterator[ProviderEvent]:
        """Yield the file's events since a time. Raises UsageError."""
        return (event for page in _documents(self.text) for event in read_page(self.provider, page, since=since))


def read_page(provider: str, page: object, *, since: datetime) -> Iterator[ProviderEvent]:
    """Yield the events of one answer of the provider's list. Raises UsageError when it is none."""
    listing = LISTINGS[provider]
    for raw in _list_in(page, listing):
        try:
            event = ProviderEvent(
                event_id=str(_first(raw, listing.id)),
                event_type=str(_first(raw, listing.type)),
                at=_moment(_first(raw, listing.at)),
            )
        except (KeyError, ValueError, OverflowError) as error:
            raise UsageError(f"this is no list of {provider} events: {error}") from error
        if event.at >= since:
            yield event


def compare(
    provider: str, listed: Iterable[ProviderEvent], stored: Iterable[StoredWebhook], *, since: datetime
) -> Comparison:
    """Return how the provider's events since a time stand against the stored ones of the same time.

    `stored` should reach a little further back than `listed`: an event is received after it happened.
    """
    ours = {webhook.webhook_id: webhook for webhook in stored if webhook.status.is_webhook}
    theirs = {webhook_id(provider, event.event_id): event for event in listed}
    rows = [_compared(key, event, ours.get(key)) for key, event in theirs.items()]
    rows += [
        _extra(webhook) for key, webhook in ours.items() if key not in theirs and webhook.event_created_at >= since
    ]
    counts = {standing: sum(row.standing is standing for row in rows) for standing in Standing}
    shown = sorted((row for row in rows if row.standing is not Standing.PROCESSED), key=lambda r: (r.standing, r.at))
    return Comparison(
        provider=provider,
        since=since,
        missing=counts[Standing.MISSING],
        received=counts[Standing.RECEIVED],
        processed=counts[Standing.PROCESSED],
        extra=counts[Standing.EXTRA],
        events=tuple(shown),
    )


def _compared(key: str, event: ProviderEvent, webhook: StoredWebhook | None) -> Compared:
    if webhook is None:
        standing = Standing.MISSING
    else:
        standing = Standing.PROCESSED if webhook.status is Status.PROCESSED else Standing.RECEIVED
    status = webhook.status if webhook else None
    return Compared(standing=standing, webhook_id=key, event_type=event.event_type, at=event.at, status=status)


def _extra(webhook: StoredWebhook) -> Compared:
    return Compared(
        standing=Standing.EXTRA,
        webhook_id=webhook.webhook_id,
        event_type=webhook.event_type,
        at=webhook.event_created_at,
        status=webhook.status,
    )


def _documents(text: str) -> Iterator[Any]:
    try:
        yield json.loads(text)
    except ValueError:
        try:
            yield from [json.loads(line) for line in text.splitlines() if line.strip()]
        except ValueError as error:
            raise UsageError("the file is neither JSON nor JSON lines") from error


def _list_in(page: object, listing: Listing) -> list[Mapping[str, Any]]:
    if isinstance(page, Mapping):
        page = next((page[name] for name in listing.members if isinstance(page.get(name), list)), [page])
    if not isinstance(page, list) or not all(isinstance(raw, Mapping) for raw in page):
        raise UsageError("this is no list of events")
    return page


def _first(raw: Mapping[str, Any], names: tuple[str, ...]) -> Any:  # noqa: ANN401 - JSON
    return next(raw[name] for name in names if name in raw) if any(n in raw for n in names) else raw[names[0]]


def _moment(value: object) -> datetime:
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    return parse_iso(str(value))
