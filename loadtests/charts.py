"""Line charts as inline SVG: no script, no font and no network needed to read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10
from typing import Final

Point = tuple[float, float]

WIDTH, HEIGHT = 860, 250
_CHARACTER: Final = 5.6
"""About the width of a character of a label."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 12, 34
PALETTE: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9", "#7a3e9d", "#444444")
"""Okabe and Ito's colours, distinguishable without full colour vision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One series. `points` are (seconds since the start, value), in order."""

    label: str
    points: Sequence[Point]
    over: Sequence[Point] = ()
    """Points of another series that this one stands on: the area between them is drawn."""
    colour: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """A vertical line at a moment worth seeing."""

    at: float
    label: str


def chart(title: str, lines: Sequence[Line], *, unit: str, markers: Sequence[Marker] = (), height: int = HEIGHT) -> str:
    """Return a figure of the lines over time; `unit` names the vertical axis. Nothing to show is said in words."""
    shown = [line for line in lines if line.points]
    if not shown:
        return f"<figure><figcaption>{escape(title)}</figcaption><p>Nothing was recorded.</p></figure>"
    right = max(point[0] for line in shown for point in line.points) or 1.0
    top = _round_up(max(point[1] for line in shown for point in line.points))
    frame = _Frame(right=right, top=top, height=height)
    colours = [line.colour or PALETTE[n % len(PALETTE)] for n, line in enumerate(shown)]
    parts = [*frame.axes(unit)]
    parts += [frame.series(line, colour) for line, colour in zip(shown, colours, strict=True)]
    parts += frame.markers(markers)
    legend = "".join(
        f'<li><span class="key" style="border-color:{colour}"></span>{escape(line.label)}</li>'
        for line, colour in zip(shown, colours, strict=True)
    )
    svg = f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">{"".join(parts)}</svg>'
    return f'<figure><figcaption>{escape(title)}</figcaption>{svg}<ul class="legend">{legend}</ul></figure>'


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    right: float
    top: float
    height: int

    def x(self, seconds: float) -> float:
        return round(_LEFT + seconds / self.right * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        return round(self.height - _BOTTOM - value / self.top * (self.height - _TOP - _BOTTOM), 1)

    def axes(self, unit: str) -> list[str]:
        parts = []
        for n in range(5):
            value = self.top * n / 4
            y = self.y(value)
            parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>')
            parts.append(f'<text class="tick" x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{value:g}</text>')
        step = _round_up(self.right / 8)
        for n in range(floor(self.right / step) + 1):
            x = self.x(n * step)
            parts.append(f'<text class="tick" x="{x}" y="{self.height - 16}" text-anchor="middle">{n * step:g}</text>')
        parts.append(f'<text class="tick" x="{WIDTH - _RIGHT}" y="{self.height - 2}" text-anchor="end">seconds</text>')
        parts.append(f'<text class="tick" x="{_LEFT}" y="{self.height - 2}">{escape(unit)}</text>')
        return parts

    def series(self, line: Line, colour: str) -> str:
        points = " ".join(f"{self.x(at)},{self.y(value)}" for at, value in line.points)
        peak = max(value for _, value in line.points)
        title = f"<title>{escape(line.label)}: at most {peak:g}</title>"
        if len(line.points) == 1:
            at, value = line.points[0]
            return f'<circle cx="{self.x(at)}" cy="{self.y(value)}" r="3" fill="{colour}">{title}</circle>'
        if line.over:
            base = " ".join(f"{self.x(at)},{self.y(value)}" for at, value in reversed(line.over))
            return f'<polygon points="{points} {base}" fill="{colour}" fill-opacity="0.8">{title}</polygon>'
        return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.8">{title}</polyline>'

    def markers(self, markers: Sequence[Marker]) -> list[str]:
        """Return vertical lines with their labels, each on a row on which it meets no other."""
        parts: list[str] = []
        taken: list[tuple[int, tuple[float, float]]] = []
        for marker in sorted(markers, key=lambda one: one.at):
            x, length = self.x(min(marker.at, self.right)), _CHARACTER * len(marker.label)
            start = x - 4 - length if x > WIDTH * 0.7 else x + 4
            rows = {row for row, (left, right) in taken if left < start + length + 8 and start < right + 8}
            row = next(n for n in range(len(taken) + 1) if n not in rows)
            taken.append((row, (start, start + length)))
            parts.append(
                f'<line class="mark" x1="{x}" x2="{x}" y1="{_TOP}" y2="{self.height - _BOTTOM}"/>'
                f'<text class="tick label" x="{start:.1f}" y="{_TOP + 9 + 13 * row}">{escape(marker.label)}</text>'
            )
        return parts


def _round_up(value: float) -> float:
    """Return the next 1, 2, 5 or 10 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** floor(log10(value))
    return next(power * step for step in (1, 2, 2.5, 5, 10) if ceil(value / power * 1000) <= step * 1000)
