"""Whole traces with what the audit log and the functions' logs say about them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from webhookctl.core.audit import WEBHOOK, AuditFilter, AuditLog, AuditRecord, records
from webhookctl.core.logs import LogEvent, LogReader
from webhookctl.core.trace import TraceReader, read_traces
from webhookctl.core.trace_tree import TraceTree, build
from webhookctl.core.trace_waterfall import Waterfall

_BEFORE, _AFTER = timedelta(seconds=5), timedelta(minutes=2)
"""How far around a trace its lines may lie: clocks differ, and the audit logger follows the table's stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceLines:
    """Where the lines of a trace are. `groups`: log group -> whose it is (receiver, processor)."""

    logs: LogReader
    groups: Mapping[str, str]
    audit: AuditLog

    def records(self, tree: TraceTree) -> list[AuditRecord]:
        """Return the audit records that the trace's writes left."""
        if tree.webhook_id is None:
            return []
        wanted = AuditFilter(webhook_id=tree.webhook_id)
        start, end = _span(tree)
        found = records(self.audit.lines(wanted, start=start, end=end), wanted)
        return [record for record in found if record.kind == WEBHOOK and record.trace_id == tree.trace_id]

    def told(self, tree: TraceTree) -> Iterator[tuple[str, LogEvent]]:
        """Yield (whose, line) of the functions' lines about the trace."""
        start, end = _span(tree)
        for group, whose in self.groups.items():
            for event in self.logs.events(group, start=start, end=end, pattern=f'"{tree.trace_id}"'):
                if event.fields().get("traceId") == tree.trace_id:
                    yield whose, event


def pictures(
    reader: TraceReader, trace_ids: Iterable[str], lines: TraceLines, *, with_logs: bool
) -> Waterfall | list[Waterfall]:
    """Return the waterfall of a trace, or of each of several. Raises NotFoundError when none is there."""
    found = []
    for documents in read_traces(reader, trace_ids):
        tree = build(documents)
        tree = build(documents, lines.records(tree))
        told = tuple(lines.told(tree)) if with_logs else ()
        found.append(Waterfall(trace=tree, logs=told))
    found.sort(key=lambda picture: picture.trace.started_at)
    return found[0] if len(found) == 1 else found


def _span(tree: TraceTree) -> tuple[datetime, datetime]:
    end = tree.started_at + timedelta(seconds=tree.duration_s)
    return tree.started_at - _BEFORE, end + _AFTER
