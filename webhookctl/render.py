"""One renderer for every command: frozen dataclasses in, table, JSON or JSON lines out.

JSON keys are the field names. A dataclass may name the columns of its table in a class variable
`TABLE: ClassVar[tuple[str, ...]]`; without it every plain field is a column. Of these, on a terminal too narrow for
all, those in `SPARE` are left out one after the other, and those in `WHOLE` are never cut. One with a method
`draw(width, style) -> lines` draws its own table form.
"""

import base64
import json
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from itertools import chain
from pathlib import Path
from typing import Any, Final

from webhookctl.console import Console
from webhookctl.errors import UsageError

_GAP: Final = "  "
_NARROWEST: Final = 8
_COLOURS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("PROCESSED", "OK", "ok", "healthy", "running", "passed"), "green"),
    **dict.fromkeys(("FAILED", "ALARM", "failed", "fault", "missing", "stopped"), "red"),
    **dict.fromkeys(("RECEIVED", "INSUFFICIENT_DATA", "warning"), "yellow"),
}


def render(value: Any, console: Console, *, output: str, query: str | None = None) -> None:  # noqa: ANN401 - any result
    """Print `value`: a dataclass, a mapping, text, or an iterable of them (a generator streams under jsonl and table).

    `query` is a JMESPath expression over the JSON form. Raises UsageError when it is not valid.
    """
    if query:
        value = _queried(value, query)
    if output == "json":
        console.write(json.dumps(to_plain(value), indent=2, ensure_ascii=False))
    elif output == "jsonl":
        for item in value if _is_many(value) else [value]:
            console.write(json.dumps(to_plain(item), ensure_ascii=False))
    else:
        for line in table_lines(value, console):
            console.write(line)


def check_query(query: str) -> None:
    """Raise UsageError when `query` is no JMESPath expression; before the command has done its work, not after."""
    import jmespath

    try:
        jmespath.compile(query)
    except jmespath.exceptions.JMESPathError as error:
        raise _bad_query(query, error) from error


def to_plain(value: Any) -> Any:  # noqa: ANN401 - any result
    """Return the JSON form: ISO 8601 with Z for times, seconds for durations, base64 for bytes."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): to_plain(v) for k, v in value.items()}
    if _is_many(value):
        return [to_plain(v) for v in value]
    return _leaf(value.value if isinstance(value, Enum) else value)


def _leaf(value: Any) -> Any:  # noqa: ANN401 - a leaf of a result
    for kind, form in _LEAVES:
        if isinstance(value, kind):
            return form(value)
    return value


def iso(moment: datetime) -> str:
    """Return a time as ISO 8601 in UTC with a Z, milliseconds where they are not zero."""
    utc = moment.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds" if utc.microsecond else "seconds").replace("+00:00", "Z")


_LEAVES: Final[tuple[tuple[type, Callable[[Any], Any]], ...]] = (
    (datetime, iso),
    (timedelta, timedelta.total_seconds),
    (bytes, lambda v: base64.b64encode(v).decode("ascii")),
    (Path, str),
    (Decimal, lambda v: int(v) if v == int(v) else float(v)),  # DynamoDB's numbers
)


def _is_many(value: Any) -> bool:  # noqa: ANN401 - any result
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping) and not is_dataclass(value)


def _queried(value: Any, query: str) -> Any:  # noqa: ANN401 - any result
    import jmespath

    try:
        return jmespath.search(query, to_plain(value))
    except jmespath.exceptions.JMESPathError as error:
        raise _bad_query(query, error) from error


def _bad_query(query: str, error: Exception) -> UsageError:
    reason = str(error).splitlines()[0]
    return UsageError(f"--query {query!r} is not a JMESPath expression: {reason}", hint="https://jmespath.org")


def table_lines(value: Any, console: Console) -> Iterator[str]:  # noqa: ANN401 - any result
    """Yield the lines of a table: columns for many, names and values for one."""
    if value is None:
        return
    if hasattr(value, "draw"):
        yield from value.draw(console.width or shutil.get_terminal_size().columns, console.style)
    elif _is_many(value):
        yield from _many(iter(value), console)
    elif is_dataclass(value) or isinstance(value, Mapping):
        yield from _one(value, console)
    else:
        yield _cell(value)


def _many(items: Iterator[Any], console: Console) -> Iterator[str]:
    first = next(items, None)
    if first is None:
        console.say("(none)")
        return
    if hasattr(first, "draw"):
        for item in chain([first], items):
            drawn = list(table_lines(item, console))
            yield from (*drawn, "") if len(drawn) > 1 else drawn
        return
    if not (is_dataclass(first) or isinstance(first, Mapping)):
        yield from (_cell(item) for item in chain([first], items))
        return
    columns = _columns(first)
    if isinstance(items, Sequence) or hasattr(items, "__length_hint__"):
        rows = [_row(item, columns) for item in chain([first], items)]
        yield from _grid(columns, rows, console, kind=type(first))
    else:  # a generator may never end: print as it comes, with widths from its first item
        yield from _stream(columns, chain([first], items), _row(first, columns), console, kind=type(first))


def _one(value: Any, console: Console) -> Iterator[str]:  # noqa: ANN401 - any result
    plain = _members(value)
    simple = {k: v for k, v in plain.items() if not (_is_many(v) and v and not _is_flat(v))}
    width = max((len(k) for k in simple), default=0)
    label = _verbatim if isinstance(value, Mapping) else _label
    for key, member in simple.items():
        text = _cell(member)
        yield f"{label(key).ljust(width)}{_GAP}{_coloured(text, text, console)}"
    for key, member in plain.items():
        if key not in simple:
            yield ""
            yield label(key)
            yield from _many(iter(member), console)


def _members(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any result
    if isinstance(value, Mapping):
        return dict(value)
    return {f.name: getattr(value, f.name) for f in fields(value)}


def _is_flat(values: Iterable[Any]) -> bool:
    return not any(is_dataclass(v) or isinstance(v, Mapping) for v in values)


def _columns(item: Any) -> list[str]:  # noqa: ANN401 - any result
    if named := getattr(type(item), "TABLE", None):
        return list(named)
    return [k for k, v in _members(item).items() if not isinstance(v, Mapping | bytes)]


def _row(item: Any, columns: list[str]) -> list[str]:  # noqa: ANN401 - any result
    members = item if isinstance(item, Mapping) else None
    return [_cell(members.get(c) if members is not None else getattr(item, c)) for c in columns]


def _cell(value: Any) -> str:  # noqa: ANN401 - any result
    plain = to_plain(value)
    if plain is None or plain == {}:
        return "-"
    if isinstance(plain, bool):
        return "yes" if plain else "no"
    if isinstance(plain, float):
        return f"{plain:.3f}".rstrip("0").rstrip(".")
    if isinstance(plain, list) and _is_flat(plain):
        return ", ".join(str(p) for p in plain) or "-"
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _verbatim(name: str) -> str:
    return name


def _heading(name: str) -> str:
    return name.replace("_", " ").upper()


def _stream(
    columns: list[str], items: Iterator[Any], first: list[str], console: Console, *, kind: type
) -> Iterator[str]:
    """Yield lines as the items come, with widths from the first; on a terminal the last column takes what is left."""
    widths = [max(len(c), len(v)) for c, v in zip(columns, first, strict=True)]
    if console.width is not None:
        shown = _fitting(columns, [*widths[:-1], min(widths[-1], _NARROWEST)], console.width, kind)
        columns, widths = [columns[i] for i in shown], [widths[i] for i in shown]
        widths[-1] = max(console.width - sum(widths[:-1]) - len(_GAP) * (len(widths) - 1), _NARROWEST)
    yield _line([_heading(c) for c in columns], widths)
    for item in items:
        row = _row(item, columns)
        if console.width is not None:
            taken = sum(max(len(cell), width) for cell, width in zip(row[:-1], widths, strict=False))
            room = max(console.width - taken - len(_GAP) * (len(row) - 1), _NARROWEST)
            row[-1] = row[-1] if len(row[-1]) <= room else row[-1][: room - 1] + "…"
        yield _line(row, widths, console, is_streamed=True)


def _fitting(columns: list[str], widths: list[int], total: int, kind: type) -> list[int]:
    """Return the places of the columns that a terminal has room for, without as many of SPARE as need be."""
    shown = list(range(len(columns)))
    spare = [columns.index(name) for name in getattr(kind, "SPARE", ())]
    while spare and sum(widths[i] for i in shown) + len(_GAP) * (len(shown) - 1) > total:
        shown.remove(spare.pop(0))
    return shown


def _grid(columns: list[str], rows: list[list[str]], console: Console, *, kind: type) -> Iterator[str]:
    widths = [max(len(c), *(len(r[i]) for r in rows)) for i, c in enumerate(columns)]
    shown = list(range(len(columns)))
    if (width := console.width) is not None:
        shown = _fitting(columns, widths, width, kind)
        widths = [widths[i] for i in shown]
        whole = {place for place, i in enumerate(shown) if columns[i] in getattr(kind, "WHOLE", ())}
        _shrink(widths, width, whole)
    yield _line([_heading(columns[i]) for i in shown], widths)
    yield from (_line([row[i] for i in shown], widths, console) for row in rows)


def _shrink(widths: list[int], total: int, whole: Collection[int] = ()) -> None:
    """Narrow the widest columns until a line fits; the first column, which names the row, is the last to give."""
    room = total - len(_GAP) * (len(widths) - 1)
    while sum(widths) > room:
        candidates = [i for i in range(1, len(widths)) if widths[i] > _NARROWEST and i not in whole] or [0]
        widest = max(candidates, key=lambda i: widths[i])
        if widths[widest] <= _NARROWEST:
            return
        widths[widest] -= 1


def _line(cells: list[str], widths: list[int], console: Console | None = None, *, is_streamed: bool = False) -> str:
    cut = [c if is_streamed or len(c) <= w else c[: w - 1] + "…" for c, w in zip(cells, widths, strict=True)]
    padded = [c.ljust(w) for c, w in zip(cut, widths, strict=True)]
    if console is not None:
        padded = [_coloured(c, p, console) for c, p in zip(cells, padded, strict=True)]
    return _GAP.join(padded).rstrip()


def _coloured(word: str, text: str, console: Console) -> str:
    colour = _COLOURS.get(word)
    return console.style(text, colour) if colour else text
