"""A provider's own list of events against ours: what never arrived, what waits, what we have beyond it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import ClassVar

from lambdas.shared.webhook import Status, StoredWebhook, webhook_id
from webhookctl.core.reconcile.provider_events import EventSource, ProviderEvent
from webhookctl.errors import CheckFailedError, PartialError

Look = Callable[[Sequence[str]], Mapping[str, StoredWebhook]]
"""Reads webhooks by id, consistently."""


class Standing(StrEnum):
    """How one event stands between the provider and us."""

    MISSING = "missing"
    RECEIVED = "received"
    PROCESSED = "processed"
    EXTRA = "extra"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One event and how it stands."""

    TABLE: ClassVar = ("standing", "webhook_id", "event_type", "at", "status")
    SPARE: ClassVar = ("at",)
    WHOLE: ClassVar = ("webhook_id", "status")
    standing: Standing
    webhook_id: str
    event_type: str
    at: datetime
    status: Status | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The whole comparison. `events` leaves out what is processed, as it should be.

    `is_whole`: the list is known to reach to its end; else there is no saying what is extra. `types_not_stored` are
    those of missing events of which nothing is stored: perhaps nobody subscribed to them.
    """

    provider: str
    since: datetime
    is_whole: bool
    missing: int
    received: int
    processed: int
    extra: int
    types_not_stored: tuple[str, ...] = field(default=())
    events: tuple[Compared, ...]

    @property
    def listed(self) -> int:
        """How many of the provider's events were compared."""
        return self.missing + self.received + self.processed

    def require_complete(self) -> None:
        """Raise CheckFailedError when events never arrived here, PartialError when the list is only a part."""
        if self.missing:
            verb = "is" if self.missing == 1 else "are"
            raise CheckFailedError(
                f"{self.missing} of the events that {self.provider} lists {verb} not stored{self._besides()}",
                hint=self._what_to_do(),
            )
        if not self.is_whole:
            raise PartialError(
                f"this is only a part of {self.provider}'s list: it says itself that there are more pages",
                hint="save those too, as JSON lines after it; or leave out --file, and the API is asked for all",
            )

    def _besides(self) -> str:
        return "" if self.is_whole else ", and this is only a part of its list"

    def _what_to_do(self) -> str:
        if not self.types_not_stored:
            return "resend them from the provider's dashboard or CLI"
        return (
            f"nothing of {', '.join(self.types_not_stored)} is stored: if nobody subscribed to that, name the types to "
            "compare with --type; else resend them from the provider's dashboard or CLI"
        )


def compare(
    provider: str,
    source: EventSource,
    stored: Iterable[StoredWebhook],
    *,
    look: Look,
    since: datetime,
    types: Sequence[str] = (),
) -> Comparison:
    """Return how the provider's events since a time stand against the stored ones of the same time.

    `stored` should reach a little further back than the list: an event is received after it happened. What is not
    among them is looked up before it counts as missing. `types` are patterns such as `payment_intent.*`.
    """
    theirs = {webhook_id(provider, event.event_id): event for event in source.events(since=since)}
    theirs = {key: event for key, event in theirs.items() if _is_one_of(event.event_type, types)}
    ours = {webhook.webhook_id: webhook for webhook in stored if webhook.status.is_webhook}
    ours |= look([key for key in theirs if key not in ours])
    is_whole = source.is_whole(since=since)
    rows = [_compared(key, event, ours.get(key)) for key, event in theirs.items()]
    if is_whole:
        beyond = (webhook for key, webhook in ours.items() if key not in theirs and webhook.event_created_at >= since)
        rows += [_extra(webhook) for webhook in beyond if _is_one_of(webhook.event_type, types)]
    counts = {standing: sum(row.standing is standing for row in rows) for standing in Standing}
    shown = sorted((row for row in rows if row.standing is not Standing.PROCESSED), key=lambda r: (r.standing, r.at))
    known = {webhook.event_type for webhook in ours.values()}
    return Comparison(
        provider=provider,
        since=since,
        is_whole=is_whole,
        missing=counts[Standing.MISSING],
        received=counts[Standing.RECEIVED],
        processed=counts[Standing.PROCESSED],
        extra=counts[Standing.EXTRA],
        types_not_stored=tuple(sorted({row.event_type for row in rows if row.standing is Standing.MISSING} - known)),
        events=tuple(shown),
    )


def _is_one_of(event_type: str, types: Sequence[str]) -> bool:
    return not types or any(fnmatchcase(event_type, pattern) for pattern in types)


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
