"""Text in lines of a width, for what draws itself."""

import textwrap
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime


def wrapped(text: str, width: int, *, indent: int = 0) -> list[str]:
    """Return the text in lines of at most `width`, each with so many spaces before it. Words are cut only if alone."""
    space = " " * indent
    return textwrap.wrap(text, max(width, 20), initial_indent=space, subsequent_indent=space, break_on_hyphens=False)


def labelled(rows: Sequence[tuple[str, str | None]], width: int) -> Iterator[str]:
    """Yield `Label  value` lines with the values in one column; None leaves the line out."""
    kept = [(label, value) for label, value in rows if value is not None]
    column = max((len(label) for label, _ in kept), default=0) + 2
    for label, value in kept:
        first, *more = wrapped(value or "-", width, indent=column)
        yield label.ljust(column) + first.lstrip()
        yield from more


def to_second(moment: datetime) -> str:
    """Return a time as a person reads it: UTC, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
