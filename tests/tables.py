"""Plain tables for what the proofs print: as wide as a terminal, and no wider in a file."""

import textwrap
from collections.abc import Iterator, Sequence
from itertools import zip_longest

WIDTH = 80
_GAP = "  "


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, width: int = WIDTH) -> str:
    """Return an aligned text table of at most `width` columns; long cells go over several lines.

    Rows are set apart where some cell takes more than two lines.
    """
    widths = _fitted([max(len(row[i]) for row in (header, *rows)) for i in range(len(header))], width)
    lines = [*_lines(header, widths), _GAP.join("-" * each for each in widths)]
    blocks = [list(_lines(row, widths)) for row in rows]
    gap = [""] if any(len(block) > 2 for block in blocks) else []
    for n, block in enumerate(blocks):
        lines += [*(gap if n else []), *block]
    return "\n".join(line.rstrip() for line in lines)


def _fitted(widths: list[int], width: int) -> list[int]:
    """Take from the widest columns until all fit."""
    while sum(widths) + len(_GAP) * (len(widths) - 1) > width:
        widths[widths.index(max(widths))] -= 1
    return widths


def _lines(cells: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    wrapped = [textwrap.wrap(cell, each) for cell, each in zip(cells, widths, strict=True)]
    for parts in zip_longest(*wrapped, fillvalue=""):
        yield _GAP.join(part.ljust(each) for part, each in zip(parts, widths, strict=True))
