"""Which lines whose seal does not hold are genuine lines that were edited: each fills one gap at most."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from webhookctl.core.audit.findings import Finding, Gap, Kind, LineFacts

Prove = Callable[[LineFacts, Mapping[str, Any]], bool]
"""Say whether the seal of a broken line holds with these members changed: then that is what was edited."""
_TRIED: Final = 32
"""So many broken lines of one webhook are tried on a gap that none of them names: half around each of its ends."""
_Rule = Callable[[Gap], Iterable[LineFacts]]


@dataclass(slots=True)
class Matched:
    """What was found, and what is left over."""

    findings: list[Finding]
    gaps: list[Gap]
    strays: list[LineFacts]


def match(gaps: Iterable[Gap], strays: Iterable[LineFacts], prove: Prove) -> Matched:
    """Fill a webhook's gaps with its broken lines.

    In this order: a removal by a removal; a write by a line that says its number; either by a line whose seal holds
    as soon as it is told to be this one; by a line with its chain hash; a write by a line that stands in its place.
    """
    left, spare = list(gaps), {line.position: line for line in strays}
    found: list[Finding] = []
    removals = [place for place, line in spare.items() if line.is_removal]
    numbers, chains = _places(spare, lambda line: line.seq), _places(spare, lambda line: line.chain)
    places = sorted(spare)

    def at(wanted: Iterable[int]) -> Iterator[LineFacts]:
        return (spare[place] for place in wanted if place in spare)

    rules: tuple[_Rule, ...] = (
        lambda gap: at(removals) if gap.is_removal else (),
        lambda gap: (line for line in at(numbers[gap.seq]) if _may_stand_in(gap, line)),
        lambda gap: (line for line in at(_near(gap, places)) if prove(line, _as(gap))),
        lambda gap: (line for line in at(chains[gap.chain]) if tells_its_chain(gap, line)),
        lambda gap: (line for line in at(_near(gap, places)) if gap.is_required and _stands_in(gap, line)),
    )
    for rule in rules:
        still = []
        for gap in left:
            own = _best(gap, rule(gap)) if spare and gap.until is None else None
            if own is None:
                still.append(gap)
            else:
                del spare[own.position]
                found += edited(gap, own, prove)
        left = still
    return Matched(found, left, list(spare.values()))


def edited(gap: Gap, line: LineFacts, prove: Prove, *, told: str = "") -> list[Finding]:
    """Return what it means that a broken line is the one that a gap lacks. `told`: what else it says wrongly."""
    detail = f"a line stands here whose seal does not hold{told}"
    found = [Finding(finding=Kind.EDITED_LINE, webhook_id=gap.webhook_id, seq=gap.seq, detail=detail)]
    if gap.is_removal and not (gap.may_be_expiry and _is_by_ttl(gap, line, prove)):
        gone = "somebody deleted the row; the line that recorded it does not hold"
        found.append(Finding(finding=Kind.DELETED_ROW, webhook_id=gap.webhook_id, seq=gap.seq, detail=gone))
    return found


def forged(webhook_id: str, line_seq: int) -> Finding:
    """Return that a broken line stands for nothing."""
    detail = "a line whose seal does not hold tells of a write that never was"
    return Finding(finding=Kind.FORGED_LINE, webhook_id=webhook_id, seq=line_seq, detail=detail)


def _places(lines: Mapping[int, LineFacts], said: Callable[[LineFacts], Hashable]) -> defaultdict[Hashable, list[int]]:
    """Return where the lines stand, by what they say."""
    found: defaultdict[Hashable, list[int]] = defaultdict(list)
    for place, line in lines.items():
        found[said(line)].append(place)
    return found


def _near(gap: Gap, places: Sequence[int]) -> Iterable[int]:
    """Return those of the places, which are in order, that are nearest to the two between which a gap is."""
    after, before = bisect_left(places, gap.after), bisect_left(places, gap.before)
    some = _TRIED // 4
    first = range(max(0, after - some), min(len(places), after + some))
    last = range(max(0, before - some), min(len(places), before + some))
    return (places[n] for n in sorted({*first, *last}))


def _best(gap: Gap, candidates: Iterable[LineFacts]) -> LineFacts | None:
    def rank(line: LineFacts) -> tuple[bool, bool]:
        return gap.chain == line.chain, gap.after < line.position < gap.before

    return max(candidates, key=rank, default=None)


def tells_its_chain(gap: Gap, line: LineFacts) -> bool:
    """Say whether a line has the chain hash that a gap lacks; a write that may have been read elsewhere lacks none."""
    return gap.chain == line.chain != b"" and (gap.is_required or gap.may_come)


def _may_stand_in(gap: Gap, line: LineFacts) -> bool:
    """Say whether a line with a gap's number can be its own: where none has to be read, only one in its place."""
    return not gap.is_removal and (gap.is_required or gap.may_come or _stands_in(gap, line))


def _stands_in(gap: Gap, line: LineFacts) -> bool:
    return not gap.is_removal and gap.after < line.position < gap.before


def _as(gap: Gap) -> Mapping[str, Any]:
    return {"change": "REMOVE"} if gap.is_removal else {"seq": gap.seq}


def _is_by_ttl(gap: Gap, line: LineFacts, prove: Prove) -> bool:
    """Say whether the removal that a broken line tells of was an expiry: as it says, unless its seal says otherwise."""
    for actor in ("ttl", "unknown"):
        if prove(line, {"actor": actor, "webhookId": gap.webhook_id}):
            return actor == "ttl"
    return line.by_ttl
