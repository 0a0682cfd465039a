"""`audit verify`: whether the log is what the functions wrote, and the table what the log says.

Every line's seal (HMAC) and chain hash is recomputed; the lines of each webhook must form an unbroken chain; the row
must be the state that its last line recorded. docs/audit.md says what this proves and what it cannot.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from lambdas.shared.audit_record import AuditKey, canonical, is_chained
from lambdas.shared.audit_wire import is_genuine_write, is_whole, lengthen
from lambdas.shared.clock import parse_iso
from lambdas.shared.webhook import Status
from webhookctl.core.audit.checkpoint import Checkpoint, compare
from webhookctl.core.audit.findings import Finding, LineFacts, RowFacts, Scope, judge
from webhookctl.core.audit.index import AuditIndex, hash_bytes
from webhookctl.core.audit.operators import OperatorFacts, judge_operators
from webhookctl.core.audit.records import OPERATOR, WEBHOOK
from webhookctl.core.audit.state import changes_of
from webhookctl.core.logs import LogEvent
from webhookctl.errors import CheckFailedError

SETTLE = timedelta(minutes=2)
"""How long a line may take from the table's stream into the log before its absence counts."""
MOST_WRITES = 1_000_000_000
"""No webhook has so many; a larger number was written by somebody else."""
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
    """Reads both sides and judges. `since` None means the whole log; `webhook_id` None means all webhooks."""

    keys: Sequence[AuditKey]
    now: Callable[[], datetime]
    since: datetime | None = None
    webhook_id: str | None = None
    checkpoint: Checkpoint | None = None
    settle: timedelta = SETTLE
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
            return self._report(index, Scope(whole_log=self.since is None, rows_read_at_ms=_ms(read_at)))

    def _add_row(self, index: AuditIndex, row: Mapping[str, Any], read_at: datetime) -> None:
        touched, seq = _last_touched(row), _seq(row)
        is_expected = self.since is None or touched >= self.since.isoformat()
        self._counts["rows"] += is_expected
        index.add_row(
            _name(row.get("webhookId", "")),
            RowFacts(
                seq=seq or 0,
                is_intact=seq is not None and _holds(row),
                is_expected=is_expected,
                is_recent=(read_at - self.settle).isoformat() < touched <= (read_at + self.settle).isoformat(),
                chain=hash_bytes(row.get("chainHash")),
                prev=hash_bytes(row.get("prevHash")),
            ),
        )

    def _add_line(self, index: AuditIndex, position: int, event: LogEvent) -> None:
        written = event.written()
        line = lengthen(written)
        if self.webhook_id not in (None, line.get("webhookId")):
            return
        if line.get("type") == OPERATOR:
            index.add_operator_line(OperatorFacts.of(line, self.keys, at_ms=_ms(event.at)))
        if line.get("type") != WEBHOOK:
            return
        self._counts["lines"] += 1
        genuine, seq = is_genuine_write(written, self.keys), _seq(line)
        index.add_line(
            _name(line.get("webhookId", "?")),
            LineFacts(
                seq=seq or 0,
                position=position,
                at_ms=_ms(event.at),
                is_genuine=genuine,
                is_chained=genuine and seq is not None and line.get("isChained") is True,
                is_whole=is_whole(line),
                changes=b"" if "isMasked" in line or not genuine else canonical(changes_of(line)),
                is_removal=line.get("change") == "REMOVE",
                by_ttl=genuine and line.get("actor") == "ttl",
                chain=hash_bytes(line.get("chainHash")),
                prev=hash_bytes(line.get("prevHash")),
            ),
        )

    def _report(self, index: AuditIndex, scope: Scope) -> AuditReport:
        listed: list[Finding] = []
        kinds: Counter[str] = Counter()
        for webhook_id, lines, row in index.webhooks():
            if not lines and row is not None and not row.is_expected:
                continue  # all of it lies before the window
            verdict = judge(webhook_id, lines, row, scope)
            self._counts["webhooks"] += 1
            self._counts["pending"] += verdict.is_pending
            kinds.update(finding.finding.value for finding in verdict.findings)
            listed += verdict.findings[: LISTED - len(listed)]
        for finding in judge_operators(index, whole_log=scope.whole_log and self.webhook_id is None):
            kinds[finding.finding.value] += 1
            listed += [finding][: LISTED - len(listed)]
        told = None
        if self.checkpoint is not None:
            then = _ms(parse_iso(self.checkpoint.at))
            operators = index.operator_digests(until_ms=then)
            broken = list(compare(self.checkpoint, index.last_states(until_ms=then), operators))
            kinds.update(finding.finding.value for finding in broken)
            listed += broken[: max(LISTED - len(listed), 0)]
            told = "does not hold" if broken else f"holds ({self.checkpoint.items} webhooks of {self.checkpoint.at})"
        return AuditReport(
            verdict="failed" if kinds else "ok",
            webhooks=self._counts["webhooks"],
            lines=self._counts["lines"],
            operator_lines=index.count_operator_lines(),
            rows=self._counts["rows"],
            pending=self._counts["pending"],
            counts=dict(kinds),
            checkpoint=told,
            findings=listed,
        )


def _has_its_body(row: Mapping[str, Any]) -> bool:
    body = row.get("body")
    if not isinstance(body, bytes):
        return row.get("status") == Status.DELIVERY  # claims of delivery ids have none
    return hashlib.sha256(body).hexdigest() == row.get("bodySha256")


def _last_touched(row: Mapping[str, Any]) -> str:
    """Return the row's latest time of its own, as comparable ISO 8601."""
    error = row.get("lastError")
    times = [row.get("receivedAt"), row.get("processedAt"), error.get("at") if isinstance(error, Mapping) else None]
    return max((str(t).replace("Z", "+00:00") for t in times if t), default="")


def _holds(row: Mapping[str, Any]) -> bool:
    """Say whether a row's hashes fit; those of a row that holds what no write of ours puts there do not."""
    try:
        return _has_its_body(row) and is_chained(row)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return False


def _seq(values: Mapping[str, Any]) -> int | None:
    """Return the number of a write; None for what can be none."""
    try:
        seq = int(values.get("seq", 0))
    except (TypeError, ValueError, OverflowError):
        return None
    return seq if 0 <= seq <= MOST_WRITES else None


def _name(value: object) -> str:
    """Return a webhook's id as a text that can be stored, whatever stands in its place."""
    return str(value).encode(errors="backslashreplace").decode()


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
