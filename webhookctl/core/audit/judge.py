"""What is wrong with one webhook: its audit lines among each other, and against its row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from webhookctl.core.audit.findings import Finding, Gap, Kind, LineFacts, RowFacts, Scope
from webhookctl.core.audit.folding import unfitting
from webhookctl.core.audit.gaps import around_gap, removal_gap, write_gaps
from webhookctl.core.audit.lives import Life, lives_of, overlaps
from webhookctl.core.audit.matching import Prove, match


@dataclass(slots=True, kw_only=True)
class Judgement:
    """The verdict on one webhook. `is_pending`: a change is so fresh that its line may still come.

    `gaps` and `strays` are left over: lines that are missing, and broken ones that are none of this webhook's.
    """

    findings: list[Finding]
    gaps: list[Gap] = field(default_factory=list)
    strays: list[LineFacts] = field(default_factory=list)
    is_pending: bool = False


def judge(webhook_id: str, lines: Sequence[LineFacts], row: RowFacts | None, scope: Scope, prove: Prove) -> Judgement:
    """Judge one webhook. `lines` are all of its lines, sealed or not; `row` is None when the table has none."""
    strays = [line for line in lines if not line.is_genuine]
    broken = sorted({line.seq for line in strays})
    lives, own = lives_of((line for line in lines if line.is_genuine), row)
    findings: list[Finding] = [
        _finding(webhook_id, (Kind.REORDERED_LINE, line.seq, "the line stands before one of the row's earlier life"))
        for line in overlaps(lives)
    ]
    gaps: list[Gap] = []
    for life in lives:
        its_row = row if life is own else None
        told = (*_of_writes(life), *_of_removal(life), *(_of_row(life, its_row, scope) if its_row else ()))
        findings += [_finding(webhook_id, each) for each in told]
        gaps += write_gaps(webhook_id, life, None if _is_astray(life, its_row) else its_row, scope, broken=broken)
        more = around_gap(webhook_id, life, its_row) if its_row else None
        if life is not own and life.removal is None:
            more = removal_gap(webhook_id, life, scope, is_last=life is lives[-1])
        gaps += [more] if more else []
    if not lives and not scope.holds_all_of(None):  # what else there was of it may lie before the window
        gaps.append(Gap(webhook_id=webhook_id, seq=max(broken, default=0), is_removal=True, is_required=False))
    matched = match(gaps, strays, prove)
    return Judgement(
        findings=[*matched.findings, *findings],
        gaps=matched.gaps,
        strays=matched.strays,
        is_pending=any(gap.may_come for gap in matched.gaps),
    )


_Told = Iterator[tuple[Kind, int, str]]


def _finding(webhook_id: str, told: tuple[Kind, int, str]) -> Finding:
    return Finding(finding=told[0], webhook_id=webhook_id, seq=told[1], detail=told[2])


def _of_writes(life: Life) -> _Told:
    for line in life.writes:
        if not line.is_chained:
            yield Kind.CHANGED_ROW, line.seq, "the row was written around the project: seq or chain hash do not fit"
    for seq in unfitting(life.writes):
        yield Kind.CHANGED_ROW, seq, "the state before this write is not the one that was recorded"
    for seq, before in life.misplaced():
        yield Kind.REORDERED_LINE, seq, f"the line stands before {before}"


def _of_removal(life: Life) -> _Told:
    removal = life.removal
    if removal is None:
        return
    if not removal.by_ttl:
        yield Kind.DELETED_ROW, removal.seq, "somebody deleted the row; the log recorded it"
    last = max(life.writes, key=lambda line: (line.seq, line.position), default=None)
    is_known = last is None or last.seq < removal.seq or last.chain == removal.chain
    if not removal.is_chained or not is_known:
        yield Kind.CHANGED_ROW, removal.seq, "the row that was removed was not the state that was recorded"


def _of_row(life: Life, row: RowFacts, scope: Scope) -> _Told:
    if not row.is_intact:
        yield Kind.CHANGED_ROW, row.seq, "the row's fields or body do not fit its chain hash"
        return
    if _is_astray(life, row):
        yield Kind.CHANGED_ROW, row.seq, "the row goes on from a state that was never recorded"
    chains = {line.chain for line in life.chained if line.seq == row.seq}
    if chains and row.chain not in chains:
        yield Kind.CHANGED_ROW, row.seq, "the row is not the state that was recorded"
    later = max((line for line in life.chained if line.seq > row.seq), key=lambda line: line.seq, default=None)
    if later is not None and later.at_ms < scope.rows_read_at_ms:
        yield Kind.CHANGED_ROW, row.seq, f"the row was set back from write {later.seq}"
    if life.removal is not None and life.removal.at_ms < scope.rows_read_at_ms:
        yield Kind.CHANGED_ROW, row.seq, "the row is back, though the log recorded its removal"


def _is_astray(life: Life, row: RowFacts | None) -> bool:
    """Say whether a row goes on from another state than the last one that was recorded."""
    if row is None or not row.is_intact:
        return False
    last = max(life.chained, key=lambda line: line.seq, default=None)
    return last is not None and row.seq == last.seq + 1 and row.prev != last.chain
