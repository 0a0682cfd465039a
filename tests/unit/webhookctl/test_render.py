"""Tables on terminals of any width: what names a row stays whole, what can be spared goes, nothing is cut in a pipe."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import pytest

from tests.fakes_terminal import Terminal
from webhookctl.render import table_lines

NAME = "stripe:evt_1im26JOmxtOy4Pg0XwHOt70G"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row whose name must be copied whole, whose number can be spared, and whose text is long."""

    TABLE: ClassVar = ("name", "number", "text")
    WHOLE: ClassVar = ("name",)
    SPARE: ClassVar = ("number",)
    name: str = NAME
    number: int = 1_000_000
    text: str = "word " * 30


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("is_streamed", [False, True])
def test_a_table_fits_the_terminal_and_keeps_its_names_whole(width: int, is_streamed: bool) -> None:  # noqa: FBT001
    """Held or streamed; where the text is too long for all, the number is left out."""

    def rows() -> Iterator[Row]:
        yield from (Row(), Row(number=2))

    lines = list(table_lines(rows() if is_streamed else [*rows()], Terminal(columns=width)))
    assert max(map(len, lines)) <= width
    assert all(NAME in line for line in lines[1:])
    assert is_streamed or "NUMBER" not in lines[0]


def test_nothing_is_cut_in_a_pipe() -> None:
    """Every column, every character."""
    _, line = table_lines([Row()], Terminal())
    assert line == f"{NAME}  1000000  {Row().text}".rstrip()


def test_what_is_not_there_is_a_dash() -> None:
    """No value, no list, no counts: the same sign."""
    assert list(table_lines({"a": None, "b": [], "c": {}}, Terminal())) == ["a  -", "b  -", "c  -"]
