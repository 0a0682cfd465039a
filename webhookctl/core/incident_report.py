"""The Markdown timeline of an incident, with its plots."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import NamedTuple

from lambdas.shared.clock import iso
from webhookctl.core.alarms import Alarm
from webhookctl.core.metrics import Series
from webhookctl.core.trace import TraceRow

MOMENTS = 500
"""How many moments the timeline tells; the JSONL files hold all."""
_BLOCKS = "▁▂▃▄▅▆▇█"
_WIDTH, _HEIGHT, _MARGIN = 640, 120, 24


class Moment(NamedTuple):
    """One line of the timeline."""

    at: datetime
    who: str
    what: str


def report(
    environment: str,
    start: datetime,
    end: datetime,
    *,
    moments: Sequence[Moment],
    series: Mapping[str, Series],
    traces: Sequence[TraceRow],
    alarms: Sequence[Alarm],
) -> str:
    """Return the whole document."""
    results: dict[str, int] = {}
    for row in traces:
        results[row.result] = results.get(row.result, 0) + 1
    lines = [
        f"# Incident in {environment}",
        "",
        f"{iso(start)} to {iso(end)}, times in UTC. Card numbers and host parts of addresses are removed.",
        "",
        "## Alarms",
        "",
        *_table(("alarm", "state", "since"), [(a.name, a.state, iso(a.since) if a.since else "-") for a in alarms]),
        "",
        "## Metrics by minute",
        "",
        *_table(("metric", "course", "total", "peak"), [_metric(name, found) for name, found in series.items()]),
        "",
        *[f"![{name}](plots/{name.replace(' ', '-')}.svg)" for name, found in series.items() if found.points],
        "",
        "## Requests",
        "",
        *_table(("result", "traces"), [(result, str(count)) for result, count in sorted(results.items())]),
        "",
        "## Timeline",
        "",
        *_table(("time", "who", "what"), [(iso(m.at), m.who, m.what) for m in sorted(moments)[:MOMENTS]]),
    ]
    if len(moments) > MOMENTS:
        lines += ["", f"{len(moments) - MOMENTS} more are in the JSONL files."]
    return "\n".join(lines) + "\n"


def sparkline_svg(name: str, series: Series) -> str:
    """Return a metric's course as a picture."""
    values = [value for _, value in series.points]
    top = max(values) or 1.0
    step = (_WIDTH - 2 * _MARGIN) / max(len(values) - 1, 1)
    points = " ".join(
        f"{_MARGIN + number * step:.1f},{_HEIGHT - _MARGIN - value / top * (_HEIGHT - 2 * _MARGIN):.1f}"
        for number, value in enumerate(values)
    )
    title = escape(f"{name}: at most {max(values):g} a minute")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" role="img"><title>{title}</title>'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#f5f7fa"/>'
        f'<text x="{_MARGIN}" y="16" font-family="sans-serif" font-size="12">{title}</text>'
        f'<polyline points="{points}" fill="none" stroke="#2f6fde" stroke-width="1.5"/></svg>\n'
    )


def _metric(name: str, series: Series) -> tuple[str, str, str, str]:
    values = [value for _, value in series.points][-60:]
    top = max(values, default=0.0)
    course = "".join(_BLOCKS[round(value / top * (len(_BLOCKS) - 1)) if top else 0] for value in values)
    return name, course or "-", f"{series.total:g}", f"{top:g}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return ["none"]
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return ["| " + " | ".join(head) + " |", "|---" * len(head) + "|", *("| " + " | ".join(c) + " |" for c in cells)]
