"""A directed graph as an SVG picture, in columns from left to right."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from html import escape

_BOX_W, _BOX_H, _GAP_X, _GAP_Y, _PAD = 250, 101, 90, 28, 24
_LINE = 17
_STYLE = (
    "<style>text{font:13px system-ui,sans-serif;fill:#1f2933}.name{font-weight:600}.quiet{fill:#616e7c;font-size:12px}"
    ".box{fill:#fff;stroke:#9aa5b1;rx:8}.edge{stroke:#7b8794;fill:none}.bad{stroke:#c81e1e}</style>"
)
_ARROW = (
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    '<path d="M0 0 8 4 0 8z" fill="#7b8794"/></marker></defs>'
)

Place = tuple[float, float]


def draw_svg(boxes: Sequence[tuple[str, list[str]]], arrows: Sequence[tuple[str, str, str, bool]]) -> str:
    """Return the picture. `boxes`: (key, text lines); `arrows`: (from key, to key, label, whether it shows trouble)."""
    columns = _columns([key for key, _ in boxes], [(source, target) for source, target, _, _ in arrows])
    places = _places(columns)
    height = max((y for _, y in places.values()), default=0) + _BOX_H + _PAD
    width = max((x for x, _ in places.values()), default=0) + _BOX_W + _PAD
    size = f'width="{width:g}" height="{height:g}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {width:g} {height:g}" role="img">',
        "<title>Service map</title>",
        _STYLE,
        _ARROW,
        f'<rect {size} fill="#f5f7fa"/>',
    ]
    parts += [
        _edge(places[source], places[target], label, is_bad=is_bad)
        for source, target, label, is_bad in arrows
        if source in places and target in places
    ]
    parts += [_box(places[key], lines) for key, lines in boxes]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _columns(keys: Sequence[str], arrows: Sequence[tuple[str, str]]) -> Mapping[str, int]:
    """Return each box's column: one to the right of the box that leads to it. Loops end after as many steps."""
    column = dict.fromkeys(keys, 0)
    for _ in keys:
        for source, target in arrows:
            if source in column and target in column and source != target:
                column[target] = min(max(column[target], column[source] + 1), len(keys))
    used = {old: new for new, old in enumerate(sorted(set(column.values())))}
    return {key: used[value] for key, value in column.items()}


def _places(columns: Mapping[str, int]) -> dict[str, Place]:
    filled: dict[int, int] = defaultdict(int)
    places: dict[str, Place] = {}
    for key, column in columns.items():
        places[key] = (_PAD + column * (_BOX_W + _GAP_X), _PAD + filled[column] * (_BOX_H + _GAP_Y))
        filled[column] += 1
    return places


def _box(place: Place, lines: Sequence[str]) -> str:
    x, y = place
    texts = "".join(
        f'<text x="{x + 12:g}" y="{y + 22 + number * _LINE:g}" class="{"name" if number == 0 else "quiet"}">'
        f"{escape(_short(line))}</text>"
        for number, line in enumerate(lines)
    )
    return f'<rect class="box" x="{x:g}" y="{y:g}" width="{_BOX_W}" height="{_BOX_H}"/>{texts}'


def _edge(source: Place, target: Place, label: str, *, is_bad: bool) -> str:
    x1, y1 = source[0] + _BOX_W, source[1] + _BOX_H / 2
    x2, y2 = target[0], target[1] + _BOX_H / 2
    if x2 - x1 > _GAP_X:  # boxes lie between: along the lane under the target's row
        lane = target[1] + _BOX_H + _GAP_Y / 2
        path = f"M{x1:g} {y1:g}{_curve(x1, y1, x1 + _GAP_X, lane)}H{x2 - _GAP_X:g}{_curve(x2 - _GAP_X, lane, x2, y2)}"
        label_x, height = x1 + 1.5 * _GAP_X, lane
    else:
        path = f"M{x1:g} {y1:g}{_curve(x1, y1, x2, y2)}"
        label_x, height = (x1 + x2) / 2, (y1 + y2) / 2
    css = "edge bad" if is_bad else "edge"
    middle = f'x="{label_x:g}" y="{height - 5:g}"'
    line = f'<path class="{css}" d="{path}" marker-end="url(#arrow)"/>'
    return f'{line}<text class="quiet" {middle} text-anchor="middle">{escape(label)}</text>'


def _curve(x1: float, y1: float, x2: float, y2: float) -> str:
    bend = max((x2 - x1) / 2, 40)
    return f"C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2:g} {y2:g}"


def _short(text: str, most: int = 34) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
