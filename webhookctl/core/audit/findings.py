"""What is wrong with one webhook: its audit lines among each other, and against its row."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import ClassVar, Final

from webhookctl.core.audit.state import State

GAPS_LISTED: Final = 100
"""So many missing lines of one webhook are named one by one; the rest of a gap is one finding."""


class Kind(StrEnum):
    """The kinds of findings."""

    EDITED_LINE = "edited_line"
    MISSING_LINE = "missing_line"
    FORGED_LINE = "forged_line"
    REORDERED_LINE = "reordered_line"
    CHANGED_ROW = "row_changed_without_record"
    DELETED_ROW = "row_deleted"
    CHECKPOINT = "checkpoint_mismatch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that does not fit. `seq` is the write of the webhook that it concerns."""

    TABLE: ClassVar = ("finding", "webhook_id", "seq", "detail")
    finding: Kind
    webhook_id: str
    seq: int | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFacts:
    """What judging needs of a line. `position` is its place in the log; `at_ms` its log time.

    `is_genuine`: its seal holds. `is_chained`: the audit logger saw its chain hash fit the state, and the write raise
    `seq` by one. `changes`: what it tells of the state, the whole of it with `is_whole`, as JSON; empty when unknown.
    `prev` is known of whole lines.
    """

    seq: int
    position: int
    at_ms: int
    is_genuine: bool
    is_chained: bool
    is_removal: bool
    by_ttl: bool
    chain: bytes
    prev: bytes
    is_whole: bool
    changes: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFacts:
    """What judging needs of a row. `is_intact`: chain hash and body hash fit. `is_recent`: its line may still come.

    `is_expected`: its last change lies in the window that is read, so that there must be a line of it.
    """

    seq: int
    is_intact: bool
    is_expected: bool
    is_recent: bool
    chain: bytes
    prev: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What was read. `whole_log`: from its beginning, so that first writes must be there.

    `rows_read_at_ms`: lines after it may tell of changes that the rows don't show yet.
    """

    whole_log: bool
    rows_read_at_ms: int


@dataclass(slots=True)
class Judgement:
    """The verdict on one webhook. `is_pending`: the row's last change is so fresh that its line may still come."""

    findings: list[Finding]
    is_pending: bool = False


def judge(webhook_id: str, lines: Sequence[LineFacts], row: RowFacts | None, scope: Scope) -> Judgement:
    """Judge one webhook. `lines` are all of its lines, sealed or not; `row` is None when the table has none."""
    genuine = [line for line in lines if line.is_genuine]
    changes = [line for line in genuine if not line.is_removal and line.is_chained]
    known = {line.seq: line for line in sorted(changes, key=lambda line: -line.position)}
    verdict = Judgement([])
    found = _Reporter(webhook_id, verdict)
    unclaimed = _judge_gaps(known, row, lines, scope, found)
    _judge_forgeries(lines, known, unclaimed, found)
    for line in genuine:
        if not line.is_chained and not line.is_removal:
            found.add(
                Kind.CHANGED_ROW, line.seq, "the row was written around the project: seq or chain hash do not fit"
            )
    for seq in unfitting(genuine):
        found.add(Kind.CHANGED_ROW, seq, "the state before this write is not the one that was recorded")
    _judge_order(genuine, found)
    _judge_row(known, genuine, row, scope, found)
    return verdict


class _Reporter:
    def __init__(self, webhook_id: str, verdict: Judgement) -> None:
        self._webhook_id = webhook_id
        self.verdict = verdict

    def add(self, kind: Kind, seq: int | None, detail: str) -> None:
        self.verdict.findings.append(Finding(finding=kind, webhook_id=self._webhook_id, seq=seq, detail=detail))


def unfitting(genuine: Sequence[LineFacts]) -> list[int]:
    """Return the writes whose chain hash is not that of the state before them with their changes.

    What comes after a missing line can't be recomputed: there the seal alone vouches for what the audit logger saw.
    """
    found: dict[int, None] = {}
    state: State | None = None
    last = 0
    for line in sorted((line for line in genuine if not line.is_removal), key=lambda line: (line.seq, line.position)):
        changes = json.loads(line.changes) if line.changes else None
        if line.is_whole:
            known = State(members=changes or {}, prev=line.prev.hex(), chain=line.chain.hex())
            state = known if changes is not None else None
        elif state is not None:
            is_next = line.seq <= last + 1 and changes is not None
            state = state.after(changes or {}, chain=line.chain.hex()) if is_next else None
        if state is not None and line.is_chained and not state.is_chained:
            found[line.seq] = None
        last = line.seq
    return list(found)


def _judge_gaps(
    known: dict[int, LineFacts], row: RowFacts | None, lines: Sequence[LineFacts], scope: Scope, found: _Reporter
) -> list[int]:
    """Report each write without a genuine line: edited when a broken line stands in its place, else missing.

    Returns the seqs that were reported as edited.
    """
    broken = {line.seq for line in lines if not line.is_genuine}
    spare = len([line for line in lines if not line.is_genuine and line.seq in known])
    told_around = {line.seq for line in lines if line.is_genuine and not line.is_chained}
    edited, listed = [], 0
    for gap in _expected(known, row, scope, found):
        for seq in gap:
            if seq in told_around:
                continue  # reported as such
            if seq in broken or spare > 0:
                spare -= 0 if seq in broken else 1
                edited.append(seq)
                found.add(Kind.EDITED_LINE, seq, "a line stands here whose seal does not hold")
            elif row is not None and row.is_recent and seq > max(known, default=0):
                found.verdict.is_pending = True
                break
            elif listed < GAPS_LISTED:
                listed += 1
                found.add(Kind.MISSING_LINE, seq, "no line tells of this write")
            else:
                found.add(Kind.MISSING_LINE, seq, f"no line tells of this write, nor of the later ones up to {gap[-1]}")
                break
    return edited


def _expected(known: dict[int, LineFacts], row: RowFacts | None, scope: Scope, found: _Reporter) -> Iterator[range]:
    """Yield the ranges of seqs of which there must be a line and is no genuine one."""
    first = 1 if scope.whole_log or not known else min(known)
    last = max(known, default=0)
    for before, after in pairwise([first - 1, *sorted(known)]):
        if after - before > 1:
            yield range(before + 1, after)
    if row is None or not row.is_intact or row.seq <= last:
        return
    if row.seq == last + 1 and last and row.prev != known[last].chain:
        found.add(Kind.CHANGED_ROW, row.seq, "the row goes on from a state that was never recorded")
        return
    yield range(last + 1, row.seq + 1)


def _judge_forgeries(
    lines: Sequence[LineFacts], known: dict[int, LineFacts], edited: list[int], found: _Reporter
) -> None:
    """Report the broken lines that stand for no write: each edited write accounts for one."""
    broken = [line for line in lines if not line.is_genuine]
    for seq in edited:
        own = next((line for line in broken if line.seq == seq), None)
        broken.remove(own or next(line for line in broken if line.seq in known))
    for line in broken:
        found.add(Kind.FORGED_LINE, line.seq, "a line whose seal does not hold tells of a write that never was")


def _judge_order(genuine: Sequence[LineFacts], found: _Reporter) -> None:
    """Report lines that stand before their predecessors.

    A retried stream batch repeats lines, so only the last occurrence of each write counts.
    """
    last = {line.seq: line.position for line in sorted(genuine, key=lambda line: line.position) if not line.is_removal}
    for earlier, later in pairwise(sorted(last)):
        if last[later] < last[earlier]:
            found.add(Kind.REORDERED_LINE, later, f"the line stands before that of write {earlier}")


def _judge_row(
    known: dict[int, LineFacts],
    genuine: Sequence[LineFacts],
    row: RowFacts | None,
    scope: Scope,
    found: _Reporter,
) -> None:
    if row is None:
        _judge_absence(genuine, scope, found)
        return
    if not row.is_intact:
        found.add(Kind.CHANGED_ROW, row.seq, "the row's fields or body do not fit its chain hash")
        return
    line = known.get(row.seq)
    if line is not None and line.chain != row.chain:
        found.add(Kind.CHANGED_ROW, row.seq, "the row is not the state that was recorded")
    later = [line for line in known.values() if line.seq > row.seq]
    if later and max(later, key=lambda line: line.seq).at_ms < scope.rows_read_at_ms:
        found.add(Kind.CHANGED_ROW, row.seq, f"the row was set back from write {max(known)}")


def _judge_absence(genuine: Sequence[LineFacts], scope: Scope, found: _Reporter) -> None:
    removals = [line for line in genuine if line.is_removal]
    if any(line.by_ttl for line in removals) or not genuine:
        return
    last = max(genuine, key=lambda line: line.position)
    if removals:
        found.add(Kind.DELETED_ROW, last.seq, "somebody deleted the row; the log recorded it")
    elif last.at_ms < scope.rows_read_at_ms:
        found.add(Kind.DELETED_ROW, last.seq, "the row is gone and no line tells of it")
