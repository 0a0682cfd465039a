"""The Markdown timeline of an incident, with its plots."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape

from lambdas.shared.clock import iso
from webhookctl.core.alarms import Alarm
from webhookctl.core.incident_timeline import Moment, rows
from webhookctl.core.metrics import Series
from webhookctl.core.trace import TraceRow

_BLOCKS = "▁▂▃▄▅▆▇█"
_COLUMNS = 60
_WIDTH, _HEIGHT, _MARGIN = 640, 120, 24


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
    told, left_out = rows(moments)
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
        *_table(("metric", "course", "peak"), [_metric(name, found, start, end) for name, found in series.items()]),
        "",
        *[f"![{name}]({plot_path(name)})" for name, found in series.items() if found.last_at is not None],
        "",
        "## Requests",
        "",
        *_table(("result", "traces"), [(result, str(count)) for result, count in sorted(results.items())]),
        "",
        "## Timeline",
        "",
        *_table(("time", "who", "what", "webhooks"), [(iso(r.at), r.who, r.what, r.webhooks) for r in told]),
    ]
    if left_out:
        lines += ["", f"{left_out} more moments are in audit.jsonl and logs/."]
    return "\n".join(lines) + "\n"


def plot_path(name: str) -> str:
    """Return where a metric's picture is, within the export."""
    return f"plots/{name.replace(' ', '-')}.svg"


def plot_svg(name: str, series: Series, *, start: datetime, end: datetime) -> str:
    """Return a metric's course over the window as a picture: one bar for each minute that has a value."""
    top = max(value for _, value in series.points) or 1.0
    seconds = max((end - start).total_seconds(), 60.0)
    room, floor = _WIDTH - 2 * _MARGIN, _HEIGHT - _MARGIN
    wide = max(room * 60 / seconds, 2.0)
    bars = "".join(
        f'<rect x="{_MARGIN + max((at - start).total_seconds(), 0) / seconds * room:.1f}" y="{floor - tall:.1f}" '
        f'width="{wide:.1f}" height="{tall:.1f}"/>'
        for at, value in series.points
        if (tall := value / top * (floor - _MARGIN))
    )
    title = escape(f"{name}: at most {top:g} in a minute")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" role="img" '
        f'font-family="sans-serif" font-size="12"><title>{title}</title>'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#f5f7fa"/><text x="{_MARGIN}" y="16">{title}</text>'
        f'<g fill="#2f6fde">{bars}</g><path d="M{_MARGIN} {floor}H{_WIDTH - _MARGIN}" stroke="#9aa5b1"/>'
        f'<text x="{_MARGIN}" y="{_HEIGHT - 8}">{start:%H:%M}</text>'
        f'<text x="{_WIDTH - _MARGIN}" y="{_HEIGHT - 8}" text-anchor="end">{end:%H:%M}</text></svg>\n'
    )


def _metric(name: str, series: Series, start: datetime, end: datetime) -> tuple[str, str, str]:
    course = [0.0] * min(_COLUMNS, max(round((end - start).total_seconds() / 60), 1))
    for at, value in series.points:
        place = min(max(int((at - start) / (end - start) * len(course)), 0), len(course) - 1)
        course[place] = max(course[place], value)
    top = max(course)
    drawn = "".join(_BLOCKS[round(value / top * (len(_BLOCKS) - 1))] if value else " " for value in course)
    return name, f"`{drawn}`" if top else "-", f"{top:g}"


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    if not body:
        return ["none"]
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in body]
    return ["| " + " | ".join(head) + " |", "|---" * len(head) + "|", *("| " + " | ".join(c) + " |" for c in cells)]
