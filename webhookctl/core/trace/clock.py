"""Where each bar of a trace stands in time: machines' clocks differ, what caused what does not.

Nothing begins before its parent, and nothing that its parent waits for begins after the parent's end: such a segment
is moved there with its steps, which its own clock timed, and marked. How long it took is left as it is. A clock that
runs fast can't be told from a wait where the parent does not wait: behind a queue or a stream.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from webhookctl.core.trace.forest import GATEWAY, Node

_WAITING = frozenset({GATEWAY, "AWS::Lambda", "AWS::Lambda::Function"})
"""Origins whose segments end after what they call."""
_PRECISION_S = 0.001
"""Services tell times to the millisecond: what is off by less is moved, but not said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A node in time, in epoch seconds. `end`: None while it is in progress; `note` says what is odd."""

    node: Node
    depth: int
    start: float
    end: float | None
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """What a node's parent leaves it: bounds of its start, and how far the parent's own clock was moved."""

    depth: int = 0
    floor: float | None = None
    ceiling: float | None = None
    moved: float = 0.0

    def shift(self, node: Node) -> float:
        """Return by how many seconds a node is moved."""
        moved = 0.0 if node.is_segment else self.moved
        start = node.start + moved
        if self.floor is not None and start < self.floor:
            return self.floor - node.start
        if self.ceiling is not None and start > self.ceiling:
            took = (node.end or node.start) - node.start
            return max(self.ceiling - took, self.floor or self.ceiling - took) - node.start
        return moved


def bars(roots: Sequence[Node]) -> Iterator[Bar]:
    """Yield every node that is drawn, each before those below it."""
    for root in roots:
        yield from _bars(root, _Place())


def _bars(node: Node, place: _Place) -> Iterator[Bar]:
    if node.is_plumbing:
        for child in node.children:
            yield from _bars(child, place)
        return
    moved = place.shift(node)
    start = node.start + moved
    end = None if node.end is None else max(node.end + moved, start)
    skew = (0.0 if node.is_segment else place.moved) - moved
    yield Bar(node=node, depth=place.depth, start=start, end=end, note=", ".join(_notes(node, skew)))
    ceiling = end if node.document.get("origin") in _WAITING else None
    below = replace(place, depth=place.depth + 1, floor=start, ceiling=ceiling, moved=moved)
    for child in sorted(node.children, key=lambda child: (child.is_segment and below.shift(child) > 0, child.start)):
        yield from _bars(child, below)  # a segment whose true time is not known stands after its parent's steps


def _notes(node: Node, skew: float) -> Iterator[str]:
    if node.is_missing:
        yield "missing"
    if off := clock_note(skew):
        yield off
    if node.end is None:
        yield "in progress"
    elif node.start - node.end >= _PRECISION_S:
        yield "ends before start"


def clock_note(skew_s: float) -> str:
    """Return by how much a clock is off, at least; nothing where that is less than clocks tell."""
    return f"clock {'-' if skew_s < 0 else '+'}{span_of_time(abs(skew_s))}" if abs(skew_s) >= _PRECISION_S else ""


def span_of_time(seconds: float) -> str:
    """Return a length of time as a person reads it."""
    if 0 < seconds < _PRECISION_S:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:  # noqa: PLR2004 - two minutes still read well in seconds
        return f"{seconds:.2f} s"
    return str(timedelta(seconds=round(seconds)))
