"""A metric's course over an incident as a picture; all of them have the same time axis, so that they compare."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from html import escape

from webhookctl.core.metrics import Series

_WIDTH, _HEIGHT, _MARGIN, _HEAD = 640, 120, 24, 28
_FLOOR, _ROOM = _HEIGHT - _MARGIN, _WIDTH - 2 * _MARGIN
_QUARTERS = 4


def plot_path(name: str) -> str:
    """Return where a metric's picture is, within the export."""
    return f"plots/{name.replace('(', '').replace(')', '').replace(' ', '-')}.svg"


def plot_svg(
    name: str, series: Series, *, start: datetime, end: datetime, marks: Sequence[tuple[datetime, str]] = ()
) -> str:
    """Return the picture: one bar for each minute that has a value, a line for each mark (when, what went off)."""
    top = max(value for _, value in series.points) or 1.0
    seconds = max((end - start).total_seconds(), 60.0)
    wide = max(_ROOM * 60 / seconds, 2.0)

    def x(at: datetime) -> float:
        return _MARGIN + min(max((at - start).total_seconds() / seconds, 0.0), 1.0) * _ROOM

    bars = "".join(
        f'<rect x="{x(at):.1f}" y="{_FLOOR - tall:.1f}" width="{min(wide, _WIDTH - _MARGIN - x(at)):.1f}" '
        f'height="{tall:.1f}"><title>{at:%H:%M} {value:.4g}</title></rect>'
        for at, value in series.points
        if (tall := value / top * (_FLOOR - _HEAD))
    )
    lines = "".join(
        f'<path d="M{x(at):.1f} {_HEAD - 4}V{_FLOOR}"><title>{at:%H:%M:%S} {escape(what)}</title></path>'
        for at, what in marks
    )
    title = escape(f"{name}: peak {top:.4g}")
    legend = f'<text x="{_WIDTH - _MARGIN}" y="16" text-anchor="end" fill="#c53030">│ alarm</text>' if marks else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" role="img" '
        f'font-family="sans-serif" font-size="12"><title>{title}</title>'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#f5f7fa"/><text x="{_MARGIN}" y="16">{title}</text>{legend}'
        f'<g fill="#2f6fde">{bars}</g><path d="M{_MARGIN} {_FLOOR}H{_WIDTH - _MARGIN}" stroke="#9aa5b1"/>'
        f'<g stroke="#c53030" stroke-dasharray="3 2">{lines}</g>{"".join(_ticks(start, end))}</svg>\n'
    )


def _ticks(start: datetime, end: datetime) -> Iterator[str]:
    form = "%H:%M" if end - start < timedelta(days=1) else "%d. %H:%M"
    for quarter in range(_QUARTERS + 1):
        at = start + (end - start) * quarter / _QUARTERS
        anchor = {0: "start", _QUARTERS: "end"}.get(quarter, "middle")
        place = _MARGIN + _ROOM * quarter / _QUARTERS
        yield f'<text x="{place:g}" y="{_HEIGHT - 8}" text-anchor="{anchor}">{at:{form}}</text>'
