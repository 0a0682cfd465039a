"""Send webhooks: draft, sign, post, add up. The story behind `webhookctl send`."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from lambdas.shared.errors import WebhookError
from lambdas.shared.providers import get_provider
from webhookctl.core.samples import catalogue as samples
from webhookctl.core.samples.ids import Cast, IdSource
from webhookctl.core.samples.render import render, serialise
from webhookctl.core.send.dispatch import Delivery, Pace, Sender, dispatch
from webhookctl.core.send.report import SHOWN_AT_MOST, SendReport, Summary, report, summary
from webhookctl.core.send.request import Draft
from webhookctl.core.send.wait import Timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueRow:
    """One event type that can be sent, and what the receiver makes of it."""

    provider: str
    event_type: str
    kind: str
    older_shapes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedReport(SendReport):
    """A report with the trips of its webhooks. One that was sent twice has one trip."""

    timelines: Sequence[Timeline]


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedSummary(Summary):
    """A report for a screen, with the trips: all of a few, of many only the unusual ones."""

    timelines: Sequence[Timeline]


def outcome(found: SendReport, timelines: Sequence[Timeline] | None, *, is_brief: bool) -> object:
    """Return what to show: the report, and the trips where they were waited for.

    Brief is for a screen: there a single webhook's trip is all there is to say.
    """
    if is_brief:
        return _brief(found, timelines)
    return found if timelines is None else FollowedReport(**_members(found), timelines=timelines)


def _brief(found: SendReport, timelines: Sequence[Timeline] | None) -> object:
    shown = summary(found)
    if timelines is None:
        return shown
    if len(timelines) == found.sent == 1:
        return timelines[0]
    trips = timelines if len(timelines) <= SHOWN_AT_MOST else [t for t in timelines if not t.is_processed]
    return FollowedSummary(**_members(shown), timelines=trips[:SHOWN_AT_MOST])


def _members(value: SendReport | Summary) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def send(
    drafts: Iterable[Draft],
    sender: Sender,
    *,
    pace: Pace,
    on_done: Callable[[Delivery], None] = lambda _: None,
) -> SendReport:
    """Send every draft at the pace and return the report."""
    started = time.perf_counter()
    deliveries = dispatch(drafts, sender, pace=pace, on_done=on_done)
    return report(deliveries, seconds=time.perf_counter() - started)


def catalogue(provider: str | None, *, now: datetime) -> list[CatalogueRow]:
    """Return the event types of one provider, or of all. Raises UsageError for an unknown provider."""
    chosen = [provider] if provider else samples.providers()
    return [row for name in chosen for row in _rows(name, now)]


def _rows(provider: str, now: datetime) -> Iterator[CatalogueRow]:
    ids = IdSource(seed=0)
    for event_type in samples.event_types(provider):
        sample = samples.load(provider, event_type)
        event = render(sample, cast=Cast(ids, sample.vocabulary.ids), now=now)
        yield CatalogueRow(
            provider=provider,
            event_type=event_type,
            kind=_kind(provider, serialise(event, sample.vocabulary)),
            older_shapes=samples.older_shapes(provider, event_type),
        )


def _kind(provider: str, body: bytes) -> str:
    try:
        return get_provider(provider).normalise(body).kind
    except WebhookError as error:
        return str(error)
