"""`audit verify`: whether the log is what the functions wrote, and the table what the log says.

Every line's seal (HMAC) and chain hash is recomputed; the lines of each webhook must form an unbroken chain; the row
must be the state that its last line recorded. docs/audit.md says what this proves and what it cannot.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from lambdas.shared.audit_record import AuditKey
from lambdas.shared.audit_wire import is_genuine_write, lengthen
from lambdas.shared.clock import parse_iso
from webhookctl.core.audit.checkpoint import Checkpoint, compare
from webhookctl.core.audit.facts import line_facts, recognised, row_facts, text_of
from webhookctl.core.audit.findings import Finding, LineFacts, Scope
from webhookctl.core.audit.index import AuditIndex
from webhookctl.core.audit.judge import judge
from webhookctl.core.audit.leftovers import Leftovers
from webhookctl.core.audit.operators import OperatorFacts, judge_operators
from webhookctl.core.audit.records import OPERATOR, WEBHOOK
from webhookctl.core.audit.spilling import storable
from webhookctl.core.logs import LogEvent
from webhookctl.errors import CheckFailedError

SETTLE = timedelta(minutes=2)
"""How long a line may take from the table's stream into the log before its absence counts."""
EXPIRY = timedelta(days=4)
"""How long after a row has expired DynamoDB may take to remove it ("within a few days", its developer guide says)."""
LISTED = 1_000
"""How many findings are listed; all are counted."""


class AuditTable(Protocol):
    """Reads rows with all their attributes as plain values; `body` is the stored bytes, decompressed."""

    def rows(self, *, webhook_id: str | None = None) -> Iterator[Mapping[str, Any]]:
        """Yield every row (or the one), by consistent reads, in any order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """The verdict. `pending`: webhooks whose last change is too fresh to have its line. `counts`: findings by kind."""

    verdict: str
    webhooks: int
    lines: int
    operator_lines: int
    rows: int
    pending: int
    counts: dict[str, int]
    checkpoint: str | None
    findings: list[Finding]

    def require_clean(self) -> None:
        """Raise CheckFailedError (exit 7) when there are findings."""
        if self.counts:
            told = ", ".join(f"{count} {kind}" for kind, count in self.counts.items())
            raise CheckFailedError(f"the audit log and the table do not agree: {told}", hint="docs/audit.md")


@dataclass(slots=True)
class Verifier:
    """Reads both sides and judges. `since` None means the whole log; `webhook_id` None means all webhooks.

    `log_begins`: what is older the log group no longer keeps; None when it has kept all.
    """

    keys: Sequence[AuditKey]
    now: Callable[[], datetime]
    since: datetime | None = None
    webhook_id: str | None = None
    checkpoint: Checkpoint | None = None
    settle: timedelta = SETTLE
    log_begins: datetime | None = None
    _counts: Counter[str] = field(default_factory=Counter)

    def index(self, rows: Iterable[Mapping[str, Any]], lines: Iterable[LogEvent], index: AuditIndex) -> datetime:
        """Read both sides into an index; return when the rows were read.

        Rows come first, so that a line may be newer than its row but never the other way round.
        """
        read_at = self.now()
        for row in rows:
            self._add_row(index, row, read_at)
        for position, event in enumerate(lines):
            self._add_line(index, position, event)
        return read_at

    def verify(self, rows: Iterable[Mapping[str, Any]], lines: Iterable[LogEvent]) -> AuditReport:
        """Judge all that was read."""
        with AuditIndex() as index:
            read_at = self.index(rows, lines, index)
            scope = Scope(
                whole_log=self.since is None,
                rows_read_at_ms=_ms(read_at),
                log_begins_ms=_ms(self.log_begins) if self.log_begins else 0,
                expired_before_s=(read_at - self.settle - EXPIRY).timestamp(),
            )
            return self._report(index, scope)

    def _add_row(self, index: AuditIndex, row: Mapping[str, Any], read_at: datetime) -> None:
        begins = max((since for since in (self.since, self.log_begins) if since), default=None)
        facts = row_facts(row, since=begins, fresh=(read_at - self.settle, read_at + self.settle))
        self._counts["rows"] += facts.is_expected
        index.add_row(storable(row.get("webhookId", "")), facts)

    def _add_line(self, index: AuditIndex, position: int, event: LogEvent) -> None:
        written = event.written()
        kind, known = recognised(written)
        line = lengthen(known)
        if self.webhook_id not in (None, line.get("webhookId")):
            return
        if kind == OPERATOR:
            index.add_operator_line(OperatorFacts.of(written, self.keys, at_ms=_ms(event.at)))
        if kind == WEBHOOK:
            self._counts["lines"] += 1
            genuine = is_genuine_write(written, self.keys)
            told = "" if genuine else text_of(known)
            facts = line_facts(line, position=position, at_ms=_ms(event.at), is_genuine=genuine, written=told)
            index.add_line(storable(line.get("webhookId", "?")), facts)

    def _proves(self, line: LineFacts, changed: Mapping[str, Any]) -> bool:
        """Say whether a broken line's seal holds with these members changed."""
        return is_genuine_write({**json.loads(line.written), **changed}, self.keys)

    def _report(self, index: AuditIndex, scope: Scope) -> AuditReport:
        tally = _Tally()
        self._judge(index, scope, tally)
        whole_log = scope.whole_log and self.webhook_id is None
        tally.add(judge_operators(index, whole_log=whole_log, log_begins_ms=scope.log_begins_ms))
        told = None
        if self.checkpoint is not None:
            then = _ms(parse_iso(self.checkpoint.at))
            operators = index.operator_digests(until_ms=then)
            is_broken = tally.add(compare(self.checkpoint, index.last_states(until_ms=then), operators))
            told = "does not hold" if is_broken else f"holds ({self.checkpoint.items} webhooks of {self.checkpoint.at})"
        return AuditReport(
            verdict="failed" if tally.kinds else "ok",
            webhooks=self._counts["webhooks"],
            lines=self._counts["lines"],
            operator_lines=index.count_operator_lines(),
            rows=self._counts["rows"],
            pending=self._counts["pending"],
            counts=dict(tally.kinds),
            checkpoint=told,
            findings=sorted(tally.listed, key=lambda found: found.webhook_id),
        )

    def _judge(self, index: AuditIndex, scope: Scope, tally: "_Tally") -> None:
        """Judge each webhook, then what is left over where a broken line may be another webhook's."""
        has_broken = index.has_broken_lines()
        fresh_ms = scope.rows_read_at_ms - self.settle // timedelta(milliseconds=1)
        is_operated = self.settle > SETTLE or index.last_operator_line_ms() > fresh_ms
        with Leftovers() as left:
            for webhook_id, lines, row in index.webhooks():
                if not lines and row is not None and not row.is_expected:
                    continue  # all of it lies before the window
                if row is not None and row.by_operator and is_operated:
                    row = replace(row, is_recent=True)  # noqa: PLW2901 - the same row, with what the log adds
                verdict = judge(webhook_id, lines, row, scope, self._proves)
                self._counts["webhooks"] += 1
                self._counts["pending"] += verdict.is_pending
                tally.add(verdict.findings)
                if has_broken:
                    left.add(webhook_id, verdict.gaps, verdict.strays)
                else:
                    tally.add(gap.finding() for gap in verdict.gaps if gap.is_required)
            tally.add(left.findings(self._proves))


@dataclass(slots=True)
class _Tally:
    """All findings counted, the first ones listed."""

    kinds: Counter[str] = field(default_factory=Counter)
    listed: list[Finding] = field(default_factory=list)

    def add(self, findings: Iterable[Finding]) -> bool:
        """Take findings; say whether there were any."""
        before = self.kinds.total()
        for finding in findings:
            self.kinds[finding.finding.value] += 1
            if len(self.listed) < LISTED:
                self.listed.append(finding)
        return self.kinds.total() > before


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
