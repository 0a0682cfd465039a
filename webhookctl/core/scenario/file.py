"""A scenario's YAML file, checked member by member."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from webhookctl.core.operator_file import read_text
from webhookctl.core.samples import catalogue
from webhookctl.errors import UsageError

ENDS = {"status", "disputed", "amount_minor", "refunded_minor", "net_minor"}
"""What a script may say of how its payment ends: members of `payments.Payment`."""


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
        raise UsageError(f"{path} is not YAML: {error}") from error
    members = _members(raw, str(path), {"description", "sequences"})
    scripts = members.get("sequences")
    if not isinstance(scripts, dict) or not scripts:
        raise UsageError(f"{path}: 'sequences' maps a provider to its steps", hint="docs/sending.md shows one")
    return Scenario(
        name=path.stem,
        description=str(members.get("description", "")),
        scripts={name: _script(name, script, f"{path}: {name}") for name, script in scripts.items()},
    )


def _script(provider: str, raw: object, where: str) -> Script:
    members = _members(raw, where, {"steps", "ends"})
    steps = members.get("steps")
    if not isinstance(steps, list) or not steps:
        raise UsageError(f"{where}: 'steps' is a list of events")
    ends = _members(members.get("ends", {}), f"{where}.ends", ENDS)
    read_steps = [_step(provider, step, f"{where}.steps[{index}]") for index, step in enumerate(steps)]
    return Script(steps=read_steps, ends=ends)


def _step(provider: str, raw: object, where: str) -> Step:
    members = _members({"send": raw} if isinstance(raw, str) else raw, where, {f.name for f in fields(Step)})
    if "send" not in members:
        raise UsageError(f"{where}: 'send' names an event type", hint=f"webhookctl send --list {provider}")
    for name, kind in _KINDS.items():
        if name in members and (not isinstance(members[name], kind) or isinstance(members[name], bool)):
            raise UsageError(f"{where}.{name} has the wrong form")
    catalogue.load(provider, str(members["send"]))
    return Step(**members)


_KINDS: dict[str, type | tuple[type, ...]] = {
    "send": str,
    "set": dict,
    "add": dict,
    "remove": list,
    "amount_percent": int,
    "after_s": (int, float),
}


def _members(raw: object, where: str, known: set[str]) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise UsageError(f"{where} is not a mapping", hint="docs/sending.md shows a scenario")
    unknown = sorted(str(name) for name in raw.keys() - known)
    if unknown:
        raise UsageError(f"{where} has an unknown member '{unknown[0]}'", hint=f"known: {', '.join(sorted(known))}")
    return raw
