"""A scenario's YAML file, checked member by member."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from webhookctl.core.events.parts import DISPUTE_STATES
from webhookctl.core.events.payments import PaymentStatus
from webhookctl.core.operator_file import read_text
from webhookctl.core.samples import catalogue
from webhookctl.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One event. `amount_percent` is its share of the scenario's amount; `after_s` a pause before it is sent.

    `set`, `add` and `remove` change the event by JSON path, as the options of `send` do.
    """

    send: str
    set: Mapping[str, Any] = field(default_factory=dict)
    add: Mapping[str, Any] = field(default_factory=dict)
    remove: Sequence[str] = ()
    amount_percent: int = 100
    after_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One provider's steps, in the order in which they happen, and how the payment must end (see `check`)."""

    steps: Sequence[Step]
    ends: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A script for each provider that has one."""

    name: str
    description: str
    scripts: Mapping[str, Script]


def read(path: Path) -> Scenario:
    """Read a scenario's file. Raises NotFoundError, and UsageError that names the first fault."""
    text = read_text(path)
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is not YAML: {error}", hint="docs/sending.md shows one") from error
    members = _members(raw, str(path), {"description", "sequences"})
    scripts = members.get("sequences")
    if not isinstance(scripts, dict) or not scripts:
        raise UsageError(f"{path}: 'sequences' maps a provider to its steps", hint="docs/sending.md shows one")
    return Scenario(
        name=path.stem,
        description=str(members.get("description", "")),
        scripts={str(name): _script(str(name), script, f"{path}: {name}") for name, script in scripts.items()},
    )


def _script(provider: str, raw: object, where: str) -> Script:
    members = _members(raw, where, {"steps", "ends"})
    steps = members.get("steps")
    if not isinstance(steps, list) or not steps:
        raise UsageError(f"{where}: 'steps' is a list of events", hint="docs/sending.md shows one")
    ends = _members(members.get("ends", {}), f"{where}.ends", set(_ENDS))
    _check_forms(ends, _ENDS, f"{where}.ends")
    read_steps = [_step(provider, step, f"{where}.steps[{index}]") for index, step in enumerate(steps)]
    return Script(steps=read_steps, ends=ends)


def _step(provider: str, raw: object, where: str) -> Step:
    members = _members({"send": raw} if isinstance(raw, str) else raw, where, {f.name for f in fields(Step)})
    if "send" not in members:
        raise UsageError(f"{where}: 'send' names an event type", hint=f"webhookctl send --list {provider}")
    _check_forms(members, _FORMS, where)
    catalogue.load(provider, str(members["send"]))
    return Step(**members)


def _check_forms(members: Mapping[str, Any], forms: Mapping[str, Callable[[Any], bool]], where: str) -> None:
    for name, is_right in forms.items():
        if name in members and not is_right(members[name]):
            raise UsageError(f"{where}.{name} has the wrong form", hint=_HINTS.get(name))


def _is_number(value: object, *, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most


def _is_json(value: object) -> bool:
    """Whether it is a mapping that JSON can write: YAML knows dates, sets and bytes too."""
    try:
        return isinstance(value, dict) and bool(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError):
        return False


def _is_minor(value: object) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)


def _is_dispute_states(value: object) -> bool:
    return value is None or (isinstance(value, str) and set(value.split(", ")) <= set(DISPUTE_STATES))


_FORMS: Mapping[str, Callable[[Any], bool]] = {
    "send": lambda value: isinstance(value, str),
    "set": _is_json,
    "add": _is_json,
    "remove": lambda value: isinstance(value, list) and all(isinstance(path, str) for path in value),
    "amount_percent": lambda value: isinstance(value, int) and _is_number(value, most=_MOST_PERCENT),
    "after_s": lambda value: _is_number(value, most=_MOST_PAUSE_S),
}
_ENDS: Mapping[str, Callable[[Any], bool]] = {
    "status": lambda value: isinstance(value, str) and value in set(PaymentStatus),
    "disputed": _is_dispute_states,
    "amount_minor": _is_minor,
    "refunded_minor": _is_minor,
    "net_minor": _is_minor,
}
"""What a script may say of how its payment ends: members of `payments.Payment`. Checked before anything is sent."""
_MOST_PERCENT = 10_000
_MOST_PAUSE_S = 86_400
_HINTS: Mapping[str, str] = {
    "set": "a mapping of paths to JSON values; a date needs quotes",
    "add": "a mapping of paths to JSON values; a date needs quotes",
    "remove": "a list of paths",
    "amount_percent": f"a whole number from 0 to {_MOST_PERCENT}",
    "after_s": f"seconds, from 0 to {_MOST_PAUSE_S}",
    "status": f"one of {', '.join(PaymentStatus)}",
    "disputed": f"how each of its disputes stands: {', '.join(DISPUTE_STATES)}; null for none",
    **dict.fromkeys(("amount_minor", "refunded_minor", "net_minor"), "whole minor units, such as 4200; null for none"),
}


def _members(raw: object, where: str, known: set[str]) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise UsageError(f"{where} is not a mapping", hint="docs/sending.md shows a scenario")
    unknown = sorted(str(name) for name in raw.keys() - known)
    if unknown:
        raise UsageError(f"{where} has an unknown member '{unknown[0]}'", hint=f"known: {', '.join(sorted(known))}")
    return raw
