"""From what the operator asked for to drafts: events of the catalogue or any bytes, changed as asked."""

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain, repeat
from typing import Any

from webhookctl.core.samples import catalogue, overrides
from webhookctl.core.samples.ids import Cast, IdSource
from webhookctl.core.samples.overrides import Overrides
from webhookctl.core.samples.render import Money, check_asked, render, serialise
from webhookctl.core.send.request import Draft, draft
from webhookctl.errors import UsageError

FAILURE_KEY = "webhookctl"
"""The top-level member that a processor outside production takes as an order to fail. See docs/sending.md."""
_AS_IT_IS = "leave --set, --add, --remove and --fail-times out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What to send. `body` (any bytes) stands in for an event of the catalogue. `fail_times` makes processing fail.

    `asked` names what of `render.PLACES` the event must have a place for.
    """

    provider: str
    event_type: str | None = None
    body: bytes | None = field(default=None, repr=False)
    changes: Overrides = field(default_factory=Overrides)
    money: Money = field(default_factory=Money)
    api_version: str | None = None
    fail_times: int | None = None
    signed_at: datetime | None = None
    asked: Collection[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """How often and in which order. `duplicates` are further deliveries of the same event."""

    count: int = 1
    duplicates: int = 0
    shuffle: bool = False


def compose(recipe: Recipe, *, ids: IdSource, now: Callable[[], datetime], cast: Cast | None = None) -> Draft:
    """Return one draft: an event with fresh ids and times, or the bytes as they are.

    With a `cast` its objects' ids are used, as the events of a scenario do. Raises UsageError when an override does
    not fit, or when it can't be applied to bytes that are not JSON.
    """
    body = _from_file(recipe) if recipe.body is not None else _from_catalogue(recipe, ids, now(), cast)
    made = draft(recipe.provider, body)
    return replace(made, signed_at=recipe.signed_at)


def compose_many(
    recipe: Recipe, repetition: Repetition, *, ids: IdSource, now: Callable[[], datetime]
) -> Iterator[Draft]:
    """Yield every delivery that `repetition` asks for. The first is composed at once, so that faults show early."""
    first = compose(recipe, ids=ids, now=now)
    more = (compose(recipe, ids=ids, now=now) for _ in range(repetition.count - 1))
    return ordered(chain([first], more), repetition, ids=ids)


def ordered(drafts: Iterator[Draft], repetition: Repetition, *, ids: IdSource) -> Iterator[Draft]:
    """Yield the drafts with their duplicates, shuffled where asked."""
    every = chain.from_iterable(repeat(item, 1 + repetition.duplicates) for item in drafts)
    return iter(ids.shuffled(list(every))) if repetition.shuffle else every


def _from_catalogue(recipe: Recipe, ids: IdSource, now: datetime, cast: Cast | None) -> bytes:
    sample = catalogue.load(recipe.provider, recipe.event_type, api_version=recipe.api_version)
    check_asked(recipe.asked, sample)
    event = render(sample, cast=cast or Cast(ids, sample.vocabulary.ids), now=now, money=recipe.money)
    return serialise(_changed(event, recipe), sample.vocabulary)


def _from_file(recipe: Recipe) -> bytes:
    body = recipe.body or b""
    if recipe.changes.is_empty and recipe.fail_times is None:
        return body
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UsageError("the file is not JSON, so it can't be changed", hint=_AS_IT_IS) from error
    if not isinstance(event, dict):
        raise UsageError("the file holds no JSON object, so it can't be changed", hint=_AS_IT_IS)
    return serialise(_changed(event, recipe), catalogue.vocabulary(recipe.provider))


def _changed(event: dict[str, Any], recipe: Recipe) -> dict[str, Any]:
    changed = overrides.apply(event, recipe.changes)
    if recipe.fail_times is not None:
        changed[FAILURE_KEY] = {"failTimes": recipe.fail_times}
    return changed
