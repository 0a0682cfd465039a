"""Changes to an event by JSON path: set, add, remove. A path that is not there is an error, never ignored."""

import copy
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, NoReturn, TypeAlias

from webhookctl.errors import UsageError

_STEP = re.compile(r"""\[(\d+|\+)\]|\["([^"]+)"\]|([^.\[\]]+)""")
_SHOWN = 5

Step: TypeAlias = str | int
"""A member's name, or an index of a list (`APPEND` past its end)."""

APPEND = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What to change: `path=value` for `sets` and `adds`, a bare path for `removes`. Applied in that order.

    Paths: `data.object.amount`, `items.data[0].price`, `metadata["a.b"]`, `tags[+]` to append.
    Values are JSON where they parse as JSON, text otherwise.
    """

    sets: Sequence[str] = ()
    adds: Sequence[str] = ()
    removes: Sequence[str] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to change."""
        return not (self.sets or self.adds or self.removes)


def apply(event: dict[str, Any], changes: Overrides) -> dict[str, Any]:
    """Return a changed copy of `event`. Raises UsageError naming the nearest paths when one does not fit."""
    changed = copy.deepcopy(event)
    for text in changes.sets:
        _set(changed, *_assignment(text, "--set"))
    for text in changes.adds:
        _add(changed, *_assignment(text, "--add"))
    for text in changes.removes:
        _remove(changed, text)
    return changed


def paths(node: Any, prefix: str = "") -> Iterator[str]:  # noqa: ANN401 - JSON
    """Yield every path of a JSON value, objects and lists included."""
    members = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, value in members:
        path = _join(prefix, name)
        yield path
        yield from paths(value, path)


def parse_path(path: str) -> list[Step]:
    """Split a path into its steps. Raises UsageError when it is not one."""
    steps: list[Step] = []
    position = 0
    while position < len(path):
        found = _STEP.match(path, position)
        if not found:
            raise UsageError(f"'{path}' is not a JSON path", hint="such as data.object.amount or items.data[0].id")
        index, quoted, name = found.groups()
        steps.append((APPEND if index == "+" else int(index)) if index else quoted or name)
        position = found.end()
        if path.startswith(".", position):
            position += 1
    if not steps or path.endswith("."):
        raise UsageError(f"'{path}' is not a JSON path", hint="such as data.object.amount or items.data[0].id")
    return steps


def parse_value(text: str) -> Any:  # noqa: ANN401 - JSON
    """Return the JSON value that `text` is, or the text itself where it is not JSON."""
    try:
        return json.loads(text, parse_constant=_not_json)
    except ValueError:
        return text


def _assignment(text: str, option: str) -> tuple[str, Any]:
    if not _is_text(text):
        raise UsageError(
            f"{option} {text.partition('=')[0]!r}: the value is not UTF-8", hint="send such bytes by --file"
        )
    path, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"{option} '{text}' has no '='", hint=f"{option} data.object.amount=4200")
    return path, parse_value(value)


def _is_text(text: str) -> bool:
    """Whether the command line's bytes were UTF-8: those that were not arrive as lone surrogates."""
    return not any("\udc80" <= char <= "\udcff" for char in text)


def _set(event: dict[str, Any], path: str, value: object) -> None:
    parent, last = _parent(event, path, "--set")
    if not _has(parent, last):
        _unknown(event, path, "--set")
    parent[_key(parent, last)] = value


def _add(event: dict[str, Any], path: str, value: object) -> None:
    steps = parse_path(path)
    node: Any = event
    for step in steps[:-1]:
        if isinstance(node, dict) and isinstance(step, str):
            node = node.setdefault(step, {})
        elif _has(node, step):
            node = node[_key(node, step)]
        else:
            _unknown(event, path, "--add")
    last = steps[-1]
    if isinstance(node, list) and last in (APPEND, len(node)):
        node.append(value)
    elif isinstance(node, dict) and isinstance(last, str) and last not in node:
        node[last] = value
    elif _has(node, last):
        raise UsageError(f"--add {path}: it is there already; nothing was sent", hint=f"--set {path}=...")
    else:
        _unknown(event, path, "--add")


def _remove(event: dict[str, Any], path: str) -> None:
    parent, last = _parent(event, path, "--remove")
    if not _has(parent, last):
        _unknown(event, path, "--remove")
    del parent[_key(parent, last)]


def _parent(event: dict[str, Any], path: str, option: str) -> tuple[Any, Step]:
    steps = parse_path(path)
    node: Any = event
    for step in steps[:-1]:
        if not _has(node, step):
            _unknown(event, path, option)
        node = node[_key(node, step)]
    return node, steps[-1]


def _has(node: object, step: Step) -> bool:
    if isinstance(node, dict):
        return step in node
    if isinstance(node, list):
        key = _key(node, step)
        return isinstance(key, int) and 0 <= key < len(node)
    return False


def _key(node: object, step: Step) -> Step:
    """Return the step as the container takes it: `items.0` and `items[0]` both index a list."""
    return int(step) if isinstance(node, list) and isinstance(step, str) and step.isdecimal() else step


def _join(prefix: str, name: str | int) -> str:
    if isinstance(name, int):
        return f"{prefix}[{name}]"
    if re.search(r"[.\[\]]", name):
        return f'{prefix}["{name}"]'
    return f"{prefix}.{name}" if prefix else name


def _unknown(event: dict[str, Any], path: str, option: str) -> NoReturn:
    near = ", ".join(nearest(path, list(paths(event))))
    raise UsageError(f"{option}: the event has no path '{path}'; nothing was sent", hint=f"nearest paths: {near}")


def nearest(path: str, known: Sequence[str]) -> list[str]:
    """Return up to five known paths, the closest first: those with the longest common parent, then by a like name."""
    wanted = _names(path)

    def closeness(candidate: str) -> tuple[float, ...]:
        other = _names(candidate)
        common = next((i for i, (a, b) in enumerate(zip(wanted, other, strict=False)) if a != b), len(other))
        names = SequenceMatcher(None, wanted[-1], other[-1]).ratio()
        parents = SequenceMatcher(None, wanted[:-1], other[:-1]).ratio()
        return (min(common, len(wanted) - 1), names + parents, names)

    return sorted(known, key=closeness, reverse=True)[:_SHOWN]


def _names(path: str) -> list[str]:
    return [str(step) for step in parse_path(path)]


def _not_json(constant: str) -> NoReturn:
    raise ValueError(constant)
