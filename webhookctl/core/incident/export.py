"""`incident export`: everything of a window that a post-mortem needs, in one folder or archive, redacted."""

import json
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from lambdas.shared.clock import iso
from webhookctl.core.alarms import ALARM, INSUFFICIENT_DATA, OK, Alarm, AlarmChange, AlarmChanges
from webhookctl.core.audit.records import WEBHOOK, AuditFilter, AuditLog, AuditRecord, records
from webhookctl.core.incident.plot import plot_path, plot_svg
from webhookctl.core.incident.redact import redacted
from webhookctl.core.incident.report import report
from webhookctl.core.incident.timeline import Moment, Timeline
from webhookctl.core.logs import LogEvent, LogReader
from webhookctl.core.metrics import MetricQuery, MetricReader, Series
from webhookctl.core.trace.traces import TraceFilter, TraceReader, TraceRow, list_traces, read_traces
from webhookctl.errors import NotFoundError, UsageError

PERIOD = timedelta(minutes=1)
TRACES, WHOLE_TRACES = 500, 50
"""How many traces are listed, and how many of the failed ones are kept whole."""
_REFUSED = ("error", "throttle")
"""Results of traces that say least: the request was refused. Those of faults and failures are kept first."""
_T = TypeVar("_T")
_FIRST_DATA = (INSUFFICIENT_DATA, OK)
"""An alarm's change that tells of nothing: a new alarm, or a metric that seldom has values, and all is well."""
_CHANGES = {"INSERT": "stored, now", "MODIFY": "changed, now", "REMOVE": "removed, was"}


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentSources:
    """Where everything comes from. `groups`: log group -> whose; `queries`: metric name -> query."""

    environment: str
    audit: AuditLog
    logs: LogReader
    groups: Mapping[str, str]
    traces: TraceReader
    metrics: MetricReader
    queries: Mapping[str, MetricQuery]
    alarms: Callable[[], list[Alarm]]
    alarm_changes: AlarmChanges


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentExport:
    """What was written. `traces_hidden`: why X-Ray shows less than all traces, None where it shows all."""

    path: Path
    start: datetime
    end: datetime
    audit_records: int
    log_lines: int
    traces: int
    failed_traces: int
    alarms: int
    traces_hidden: str | None


def export_incident(sources: IncidentSources, path: Path, *, start: datetime, end: datetime) -> IncidentExport:
    """Write the window into a new folder or `.tar.gz`, whole or not at all. Raises UsageError when `path` exists."""
    if path.exists():
        raise UsageError(f"{path} exists", hint="name a new folder, or a new .tar.gz")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".incident-", dir=path.parent) as scratch:
        made = Path(scratch) / "folder"
        made.mkdir()
        written = _write(sources, made, path, start, end)
        if path.name.endswith((".tar.gz", ".tgz")):
            made = _packed(made, name=path.name.partition(".")[0])
        made.rename(path)
    return written


def _packed(folder: Path, *, name: str) -> Path:
    packed = folder.with_suffix(".tar.gz")
    with tarfile.open(packed, "w:gz") as archive:
        archive.add(folder, arcname=name)
    return packed


def _write(sources: IncidentSources, folder: Path, path: Path, start: datetime, end: datetime) -> IncidentExport:
    timeline = Timeline()
    found = records(sources.audit.lines(AuditFilter(), start=start, end=end), AuditFilter())
    audit_count = _lines(folder / "audit.jsonl", (dict(r.line) for r in _noting(found, _of_record, timeline)))
    (folder / "logs").mkdir()
    log_count = 0
    for group, whose in sources.groups.items():
        events = sources.logs.events(group, start=start, end=end)
        told = (_log_line(event, whose) for event in _noting(events, _of_log(whose), timeline))
        log_count += _lines(folder / "logs" / f"{whose}.jsonl", told)
    rows = _traces(sources.traces, start, end)
    _lines(folder / "traces.jsonl", (_plain(asdict(row)) for row in rows))
    failed = _failed_traces(sources.traces, folder, start, end)
    alarms, changes = _alarms(sources, folder, start, end)
    changes = list(_telling(changes))
    for change in changes:
        timeline.add(_of_alarm(change))
    series = sources.metrics.read(sources.queries, start=start, end=end, period=PERIOD)
    _metrics(folder, series, start, end, marks=[change for change in changes if change.after == ALARM])
    hidden = sources.traces.hidden_reason()
    text = report(
        sources.environment,
        start,
        end,
        timeline=timeline,
        series=series,
        traces=rows,
        traces_hidden=hidden,
        alarms=alarms,
        changes=changes,
    )
    (folder / "timeline.md").write_text(text, encoding="utf-8")
    return IncidentExport(
        path=path,
        start=start,
        end=end,
        audit_records=audit_count,
        log_lines=log_count,
        traces=len(rows),
        failed_traces=failed,
        alarms=len(alarms),
        traces_hidden=hidden,
    )


def _noting(items: Iterable[_T], what: Callable[[_T], Moment | None], timeline: Timeline) -> Iterator[_T]:
    for item in items:
        moment = what(item)
        if moment is not None:
            said = {"what": redacted(moment.what), "webhook_id": redacted(moment.webhook_id)}
            timeline.add(replace(moment, **said))
        yield item


def _of_record(record: AuditRecord) -> Moment | None:
    """Return what of the audit log belongs into the timeline: failures, and whatever people did."""
    is_deed = record.actor not in ("receiver", "processor", "ttl")
    if record.status != "FAILED" and not is_deed:
        return None
    told = record.status if record.kind == WEBHOOK else ", ".join(record.changed)
    return Moment(
        at=record.at,
        who=record.actor,
        what=f"{_CHANGES.get(record.change, record.change)} {told or ''}".strip(),
        webhook_id=record.webhook_id or "",
        is_deed=is_deed,
    )


def _of_log(whose: str) -> Callable[[LogEvent], Moment | None]:
    def moment(event: LogEvent) -> Moment | None:
        fields = event.fields()
        told = next((text for says in _SAYINGS if (text := says(fields))), None)
        if told is None:
            return None
        return Moment(at=event.at, who=whose, what=told.strip(), webhook_id=str(fields.get("webhookId") or ""))

    return moment


def _failure(fields: Mapping[str, Any]) -> str | None:
    """Tell what a function's line says went wrong, or why it refused a request: a forgery, or our wrong key."""
    if fields.get("level") not in ("ERROR", "WARN") and fields.get("outcome") != "refused":
        return None
    return f"{fields.get('outcome', 'error')}: {fields.get('reason', '')}"


def _block(fields: Mapping[str, Any]) -> str | None:
    """Tell what the firewall's line says that it blocked."""
    return f"blocked by {fields.get('terminatingRuleId')}" if fields.get("action") == "BLOCK" else None


def _outage(fields: Mapping[str, Any]) -> str | None:
    """Tell which answer of an access line makes a provider deliver again: too many requests, or our fault."""
    status = str(fields.get("status", "")) if "integrationLatency" in fields else ""
    return f"answered {status}" if status == "429" or status.startswith("5") else None


_SAYINGS = (_failure, _block, _outage)


def _log_line(event: LogEvent, whose: str) -> dict[str, Any]:
    return {"at": iso(event.at), "source": whose, **(event.fields() or {"message": event.message})}


def _traces(reader: TraceReader, start: datetime, end: datetime) -> list[TraceRow]:
    try:
        return list_traces(reader, TraceFilter(), start=start, end=end, limit=TRACES)
    except NotFoundError:  # Transaction Search keeps them from X-Ray: the rest is still worth having
        return []


def _failed_traces(reader: TraceReader, folder: Path, start: datetime, end: datetime) -> int:
    try:
        rows = list_traces(reader, TraceFilter(errors=True), start=start, end=end, limit=TRACES)
        rows = sorted(rows, key=lambda row: row.result in _REFUSED)[:WHOLE_TRACES]
        whole = read_traces(reader, [row.trace_id for row in rows]) if rows else []
    except NotFoundError:
        return 0
    (folder / "traces").mkdir()
    for trace in whole:
        _json(folder / "traces" / f"{trace.trace_id}.json", list(trace.segments))
    return len(whole)


def _alarms(
    sources: IncidentSources, folder: Path, start: datetime, end: datetime
) -> tuple[list[Alarm], list[AlarmChange]]:
    alarms = sources.alarms()
    changes = sources.alarm_changes([alarm.name for alarm in alarms], start=start, end=end)
    _json(folder / "alarms.json", [_plain(asdict(alarm)) for alarm in alarms])
    _lines(folder / "alarm-changes.jsonl", (_plain(asdict(change)) for change in changes))
    return alarms, changes


def _telling(changes: Iterable[AlarmChange]) -> Iterator[AlarmChange]:
    """Yield the changes but for those to OK of an alarm that only had no data, and had not gone off before."""
    went_off: set[str] = set()
    for change in changes:
        if change.after == ALARM:
            went_off.add(change.name)
        if (change.before, change.after) != _FIRST_DATA or change.name in went_off:
            yield change
        if change.after == OK:
            went_off.discard(change.name)


def _of_alarm(change: AlarmChange) -> Moment:
    what = f"{change.name}: {change.before} → {change.after}"
    return Moment(at=change.at, who="alarm", what=what, is_deed=True)


def _metrics(
    folder: Path, series: Mapping[str, Series], start: datetime, end: datetime, *, marks: Sequence[AlarmChange]
) -> None:
    _json(folder / "metrics.json", {name: [[iso(at), v] for at, v in found.points] for name, found in series.items()})
    (folder / "plots").mkdir()
    for name, found in series.items():
        if found.last_at is not None:
            drawing = plot_svg(name, found, start=start, end=end, marks=[(change.at, change.name) for change in marks])
            (folder / plot_path(name)).write_text(drawing, encoding="utf-8")


def _lines(path: Path, items: Iterable[Mapping[str, Any]]) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for item in items:
            file.write(json.dumps(redacted(item), separators=(",", ":")) + "\n")
            count += 1
    return count


def _json(path: Path, value: object) -> None:
    path.write_text(json.dumps(redacted(value), indent=1) + "\n", encoding="utf-8")


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: iso(value) if isinstance(value, datetime) else value for key, value in values.items()}
