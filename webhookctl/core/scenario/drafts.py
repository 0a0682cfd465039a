"""Scenarios: sequences of events that belong together, found by name and turned into drafts."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from webhookctl.core.samples import catalogue
from webhookctl.core.samples.ids import Cast, IdSource
from webhookctl.core.samples.overrides import Overrides
from webhookctl.core.samples.render import Money, check_asked
from webhookctl.core.scenario.file import Scenario, Script, Step, read
from webhookctl.core.send.compose import Recipe, Repetition, compose, ordered
from webhookctl.core.send.request import Draft
from webhookctl.errors import NotFoundError, UsageError

BUILT_IN = Path(str(files("webhookctl").joinpath("scenarios")))
STEP_APART = timedelta(seconds=1)
"""How far apart the events of a sequence happened; the last one happens now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One payment's trip through a scenario: what is to be sent, and how the payment must end."""

    provider: str
    payment_id: str | None
    drafts: Sequence[Draft]
    ends: Mapping[str, Any]


def names(folders: Sequence[Path] = ()) -> tuple[str, ...]:
    """Return the scenarios that can be named: the user's own and the built-in ones."""
    return tuple(sorted({path.stem for folder in (*folders, BUILT_IN) for path in folder.glob("*.yaml")}))


def load(name: str, *, folders: Sequence[Path] = ()) -> Scenario:
    """Return a scenario by name or by file. The user's own folders come before the built-in one.

    Raises NotFoundError, and UsageError that names the first fault of the file.
    """
    given = Path(name)
    if given.suffix in (".yaml", ".yml"):
        return read(given)
    path = next((p for folder in (*folders, BUILT_IN) if (p := folder / f"{name}.yaml").is_file()), None)
    if path is None:
        raise NotFoundError(f"there is no scenario '{name}'", hint=f"one of {', '.join(names(folders))}, or a file")
    return read(path)


def play(
    scenario: Scenario,
    providers: Sequence[str],
    *,
    count: int,
    money: Money,
    asked: Collection[str] = (),
    ids: IdSource,
    now: Callable[[], datetime],
) -> Iterator[Run]:
    """Yield `count` runs for each provider. The events of a run share the ids of their objects.

    Raises UsageError when a provider has no script, or none of its events has a place for what is `asked`.
    """
    for provider in providers:
        if provider not in scenario.scripts:
            known = ", ".join(scenario.scripts)
            raise UsageError(f"scenario '{scenario.name}' has no steps for {provider}", hint=f"it has: {known}")
        check_asked(asked, *(catalogue.load(provider, step.send) for step in scenario.scripts[provider].steps))
        for _ in range(count):
            yield _run(provider, scenario.scripts[provider], money, ids, now())


def drafts_of(runs: Sequence[Run], *, duplicates: int, shuffle: bool, ids: IdSource) -> Iterator[Draft]:
    """Yield the drafts of all runs, with duplicates and in random order where asked."""
    repetition = Repetition(duplicates=duplicates, shuffle=shuffle)
    return ordered((item for run in runs for item in run.drafts), repetition, ids=ids)


def _run(provider: str, script: Script, money: Money, ids: IdSource, now: datetime) -> Run:
    cast = Cast(ids, catalogue.vocabulary(provider).ids)
    last = len(script.steps) - 1
    drafts = []
    for index, step in enumerate(script.steps):
        happened_at = now - STEP_APART * (last - index)
        recipe = _recipe(provider, step, money)
        made = compose(recipe, ids=ids, now=_at(happened_at), cast=cast)
        drafts.append(replace(made, pause_s=step.after_s))
    payments = [item.payment_id for item in drafts if item.payment_id]
    return Run(provider=provider, payment_id=payments[0] if payments else None, drafts=drafts, ends=script.ends)


def _recipe(provider: str, step: Step, money: Money) -> Recipe:
    return Recipe(
        provider=provider,
        event_type=step.send,
        changes=Overrides(
            sets=[f"{path}={json.dumps(value)}" for path, value in step.set.items()],
            adds=[f"{path}={json.dumps(value)}" for path, value in step.add.items()],
            removes=step.remove,
        ),
        money=replace(money, amount=money.amount * step.amount_percent // 100),
    )


def _at(moment: datetime) -> Callable[[], datetime]:
    return lambda: moment
