"""Whole traces with what the audit log and the functions' logs say about them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from lambdas.shared.webhook import StoredWebhook
from webhookctl.core.audit.records import WEBHOOK, AuditFilter, AuditLog, AuditRecord, records
from webhookctl.core.events.stored import WebhookTable
from webhookctl.core.logs import LogEvent, LogReader
from webhookctl.core.trace.journey import Journey
from webhookctl.core.trace.search import TRACE_ID, checked, webhook_traces
from webhookctl.core.trace.traces import (
    FIND_BACK,
    TraceDocuments,
    TraceReader,
    begun,
    explain_nothing,
    read_traces,
    readable,
)
from webhookctl.core.trace.tree import TraceTree, build
from webhookctl.core.trace.waterfall import Waterfall
from webhookctl.errors import NotFoundError

_BEFORE, _AFTER = timedelta(seconds=5), timedelta(minutes=2)
"""How far around a trace its lines may lie: clocks differ, and the audit logger follows the table's stream."""
_HINT = "webhookctl events show tells of a webhook without traces; webhookctl trace list shows what there is"


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


def picture(
    reader: TraceReader, table: WebhookTable, lines: TraceLines, name: str, *, now: datetime, with_logs: bool
) -> Waterfall | Journey:
    """Return the picture of a trace, or of all traces of a webhook. `name`: a trace's id or a webhook's.

    Raises NotFoundError when X-Ray has none, and UsageError for a name that can be neither.
    """
    if TRACE_ID.fullmatch(name):
        (documents,) = read_traces(reader, [name])
        return _waterfall(documents, lines, with_logs=with_logs)
    row = table.get(checked(name))
    ids = webhook_traces(reader, row, name, now=now)
    found = readable(reader, ids)
    notes = tuple(_notes(row, ids, found, now=now))
    if not found:
        explain_nothing(reader)
        raise NotFoundError("; ".join((f"X-Ray has no trace of {name}", *notes)), hint=_HINT)
    drawn = sorted((_waterfall(t, lines, with_logs=with_logs) for t in found), key=lambda w: w.trace.started_at)
    missed = _unseen_attempts(row, drawn)
    outcome = row.status.value.lower() if row else drawn[-1].trace.outcome
    return Journey(webhook_id=name, outcome=outcome, traces=tuple(drawn), notes=(*notes, *missed))


def _waterfall(documents: TraceDocuments, lines: TraceLines, *, with_logs: bool) -> Waterfall:
    tree = build(documents)
    tree = build(documents, lines.records(tree))
    return Waterfall(trace=tree, logs=tuple(lines.told(tree)) if with_logs else ())


def _notes(
    row: StoredWebhook | None, ids: Iterable[str], found: Iterable[TraceDocuments], *, now: datetime
) -> Iterator[str]:
    """Say of each trace that X-Ray does not have why that is."""
    if row and not row.trace_id:
        yield "the first delivery left no trace id"
    for trace_id in sorted(set(ids) - {documents.trace_id for documents in found}):
        if begun(trace_id) < now - FIND_BACK:
            yield f"trace {trace_id} is gone: X-Ray keeps traces for {FIND_BACK.days} days"
        elif row and trace_id == row.trace_id and row.trace_parent is None:
            yield f"trace {trace_id} was not sampled"
        else:
            yield f"trace {trace_id} is not in X-Ray, or not there yet"


def _unseen_attempts(row: StoredWebhook | None, drawn: Iterable[Waterfall]) -> Iterator[str]:
    unseen = (row.attempts if row else 0) - sum(waterfall.trace.attempts for waterfall in drawn)
    if unseen > 0:
        are = "attempt is" if unseen == 1 else "attempts are"
        yield f"{unseen} {are} in no trace: not sampled, or gone"


def _span(tree: TraceTree) -> tuple[datetime, datetime]:
    end = tree.started_at + timedelta(seconds=tree.duration_s)
    return tree.started_at - _BEFORE, end + _AFTER
