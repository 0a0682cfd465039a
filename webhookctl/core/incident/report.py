"""The Markdown timeline of an incident, with its plots."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from lambdas.shared.clock import iso
from webhookctl.core.alarms import OK, Alarm, AlarmChange
from webhookctl.core.incident.plot import plot_path
from webhookctl.core.incident.timeline import Timeline
from webhookctl.core.metrics import Series
from webhookctl.core.trace.traces import TraceRow

_BLOCKS = "▁▂▃▄▅▆▇█"
_NOTHING = "·"
"""Not a blank: Markdown may run those together."""
_COLUMNS = 60
_LEGEND = (
    "Failures that are alike share a row for each minute; what alarms and people did has a row each. "
    "All of it is in audit.jsonl, logs/ and alarm-changes.jsonl."
)


def report(
    environment: str,
    start: datetime,
    end: datetime,
    *,
    timeline: Timeline,
    series: Mapping[str, Series],
    traces: Sequence[TraceRow],
    traces_hidden: str | None,
    alarms: Sequence[Alarm],
    changes: Sequence[AlarmChange],
) -> str:
    """Return the whole document."""
    told, left_out = timeline.rows()
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
        *_alarms(alarms, changes),
        "",
        "## Metrics",
        "",
        *_metrics(series, start, end),
        "",
        "## Requests",
        "",
        f"How the newest {len(traces):,} ended, all in traces.jsonl; X-Ray has those that were sampled.",
        *([f"{traces_hidden}."] if traces_hidden else []),
        "",
        *_table(("result", "traces"), [(result, str(count)) for result, count in sorted(results.items())]),
        "",
        "## Timeline",
        "",
        _LEGEND,
        "",
        *_table(("time", "who", "what", "webhooks"), [(iso(r.at), r.who, r.what, r.webhooks) for r in told]),
    ]
    if left_out:
        lines += ["", f"{left_out} moments of less frequent kinds are left out here."]
    return "\n".join(lines) + "\n"


def _alarms(alarms: Sequence[Alarm], changes: Sequence[AlarmChange]) -> Iterator[str]:
    """Tell of the alarms that were or are not OK; the others are counted."""
    told: list[tuple[str, ...]] = []
    for alarm in alarms:
        own = ", ".join(f"{change.at:%H:%M:%S} {change.after}" for change in changes if change.name == alarm.name)
        if own or alarm.state != OK:
            told.append((alarm.name, own or "none", alarm.state, iso(alarm.since) if alarm.since else "-"))
    yield from _table(("alarm", "changes in this time", "state now", "since"), told)
    if len(told) < len(alarms):
        yield from ("", f"{len(alarms) - len(told)} of {len(alarms)} alarms did not go off.")


def _metrics(series: Mapping[str, Series], start: datetime, end: datetime) -> Iterator[str]:
    """Draw the courses that are not zero; the others are named."""
    moving = {name: found for name, found in series.items() if found.last_at is not None}
    head = (f"metric by minute, {start:%H:%M} to {end:%H:%M}", "course", "peak")
    yield from _table(head, [_metric(name, found, start, end) for name, found in moving.items()])
    still = [name for name in series if name not in moving]
    if still:
        yield from ("", f"Zero throughout: {', '.join(still)}.")
    for name in moving:
        yield from ("", f"![{name}]({plot_path(name)})")


def _metric(name: str, series: Series, start: datetime, end: datetime) -> tuple[str, str, str]:
    course = [0.0] * min(_COLUMNS, max(round((end - start).total_seconds() / 60), 1))
    for at, value in series.points:
        place = min(max(int((at - start) / (end - start) * len(course)), 0), len(course) - 1)
        course[place] = max(course[place], value)
    top = max(course)
    drawn = "".join(_BLOCKS[round(value / top * (len(_BLOCKS) - 1))] if value else _NOTHING for value in course)
    return name, f"`{drawn}`", f"{top:.4g}"


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    if not body:
        return ["none"]
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in body]
    return ["| " + " | ".join(head) + " |", "|---" * len(head) + "|", *("| " + " | ".join(c) + " |" for c in cells)]
