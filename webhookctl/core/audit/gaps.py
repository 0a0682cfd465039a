"""Which lines of a webhook there must be and are not: what the lines and the row that are there show."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from webhookctl.core.audit.findings import END, Gap, Kind, RowFacts, Scope
from webhookctl.core.audit.lives import Life

GAPS_LISTED: Final = 100
"""So many missing lines in a row are named one by one; the rest of them is one finding."""
_OPTIONAL: Final = 16
"""So many writes before a window are looked for among its lines whose seal does not hold, besides what these say."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """Something shows that there was a write. `place`: where its line must stand before."""

    seq: int
    chain: bytes
    place: int


def write_gaps(
    webhook_id: str, life: Life, row: RowFacts | None, scope: Scope, *, broken: Sequence[int]
) -> Iterator[Gap]:
    """Yield the writes of a life without a genuine line, by what its other lines and its row show.

    `broken` are the numbers that lines whose seal does not hold say, in order.
    """
    told = life.told()
    ordered = sorted(told)
    chains: dict[int, bytes] = {}
    holes: dict[int, _Claim] = {}
    for claim in _claims(life, row):
        if claim.seq in told or claim.seq < 1:
            continue
        chains[claim.seq] = claim.chain or chains.get(claim.seq, b"")
        index = bisect_left(ordered, claim.seq)
        below = ordered[index - 1] if index else 0
        if below not in holes or holes[below].seq < claim.seq:
            holes[below] = claim
    is_cut = life.is_first and not scope.holds_all_of(row)
    for below, claim in sorted(holes.items()):
        hole = Gap(webhook_id=webhook_id, seq=below + 1, until=claim.seq, after=told.get(below, -1), before=claim.place)
        hole = replace(hole, may_come=row is not None and row.is_recent and below == max(ordered, default=0))
        if is_cut and not below:
            yield from _before_window(hole, chains, row if not told else None, broken)
        else:
            yield from _each(hole, chains, broken)


def _claims(life: Life, row: RowFacts | None) -> Iterator[_Claim]:
    for line in life.writes:
        if line.previous is not None:
            yield _Claim(line.previous, line.prev if line.is_whole else b"", line.position)
    if life.removal is not None:
        yield _Claim(life.removal.seq, life.removal.chain, life.removal.position)
    if row is not None and row.is_intact and all(line.seq != row.seq for line in life.writes):
        yield _Claim(row.seq - 1, row.prev, END)
        yield _Claim(row.seq, row.chain, END)


def _each(hole: Gap, chains: dict[int, bytes], broken: Sequence[int]) -> Iterator[Gap]:
    """Yield a hole's writes one by one, those that a broken line names always; what is too much as one."""
    first, last = hole.seq, hole.until or hole.seq
    listed = range(first, min(last, first + GAPS_LISTED - 1) + 1)
    single = sorted({*listed, *broken[bisect_left(broken, first) : bisect_right(broken, last)]})
    for seq in single:
        yield _one(hole, seq, chains)
    if listed[-1] < last:
        rest = f"no line tells of this write, nor of the later ones up to {last}"
        yield replace(_one(hole, listed[-1] + 1, chains), until=last, detail=rest)


def _before_window(hole: Gap, chains: dict[int, bytes], row: RowFacts | None, broken: Sequence[int]) -> Iterator[Gap]:
    """Yield the writes that may lie before the window; the one that `row` shows must not, if that is expected."""
    last = hole.until or hole.seq
    single = {*range(max(1, last - _OPTIONAL + 1), last + 1), *broken[: bisect_right(broken, last)]}
    for seq in sorted(single - {0}):
        is_required = row is not None and row.is_expected and seq == row.seq
        one = _one(hole, seq, chains)
        yield replace(one, is_required=is_required and one.is_required, may_come=is_required and one.may_come)


def _one(hole: Gap, seq: int, chains: dict[int, bytes]) -> Gap:
    return replace(hole, seq=seq, until=None, chain=chains.get(seq, b""), is_required=not hole.may_come)


def around_gap(webhook_id: str, life: Life, row: RowFacts) -> Gap | None:
    """Return that a row was written around the project and no line tells so; it may be that none ever did."""
    if row.is_intact or any(line.seq == row.seq and not line.is_chained for line in life.writes):
        return None
    last = max((line.position for line in life.writes), default=-1)
    return Gap(webhook_id=webhook_id, seq=row.seq, after=last, is_required=False)


def removal_gap(webhook_id: str, life: Life, scope: Scope, *, is_last: bool) -> Gap | None:
    """Return that a life's row is gone and no line tells of it; None while the row may have been there when read."""
    last = max(life.writes, key=lambda line: line.position, default=None)
    if last is None:
        return None
    gap = Gap(webhook_id=webhook_id, seq=last.seq, chain=last.chain, after=last.position, is_removal=True)
    if not is_last:
        return replace(gap, detail="no line tells that the row was removed before it was written again")
    if last.at_ms >= scope.rows_read_at_ms:
        return None
    expired = next((line.expires for line in reversed(life.writes) if line.expires is not None), None)
    if expired is None or expired * 1000 > scope.rows_read_at_ms:
        gone = "the row is gone and no line tells of it"
        return replace(gap, kind=Kind.DELETED_ROW, detail=gone, may_be_expiry=expired is None)
    if expired > scope.expired_before_s:
        return replace(gap, is_required=False, may_come=True)
    return replace(gap, detail="no line tells of the removal of this row, which had expired")
