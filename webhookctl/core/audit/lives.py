"""The lives of a webhook's row: it can expire and come again, and then its numbers begin anew."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from webhookctl.core.audit.findings import LineFacts, RowFacts
from webhookctl.core.audit.folding import state_after, state_of
from webhookctl.core.audit.state import State


@dataclass(slots=True, eq=False)
class Life:
    """One row from its first write to its removal: its genuine lines, each once, where they stand last."""

    writes: list[LineFacts] = field(default_factory=list)
    removal: LineFacts | None = None
    is_first: bool = False

    @property
    def chained(self) -> list[LineFacts]:
        """The writes that extend the chain."""
        return [line for line in self.writes if line.is_chained]

    @property
    def lines(self) -> list[LineFacts]:
        """The writes, and the removal."""
        return [*self.writes, *([self.removal] if self.removal else [])]

    def told(self) -> dict[int, int]:
        """Return where the lines stand that tell of a write, by its number.

        A write around the project that kept the number of the one before it is not that one.
        """
        own = (line for line in self.writes if line.seq and (line.is_chained or line.previous != line.seq))
        return {line.seq: line.position for line in own}

    def holds(self, chain: bytes) -> bool:
        """Say whether a line of this life tells this chain hash."""
        return any(line.chain == chain for line in self.lines)

    def misplaced(self) -> Iterator[tuple[int, str]]:
        """Yield (write, what it stands before) of the lines of which every delivery stands before their predecessors.

        A retried batch repeats lines.
        """
        place = {line.seq: line for line in self.chained}
        is_plain = len(self.chained) == len(self.writes)  # else numbers may have gone back
        for earlier, later in pairwise(sorted(place)):
            if place[later].position < place[earlier].stands_first and (is_plain or later == earlier + 1):
                yield later, f"that of write {earlier}"
        if self.removal is not None:
            last = max(self.writes, key=lambda line: line.stands_first, default=self.removal)
            if last.stands_first > self.removal.position:
                yield self.removal.seq, f"that of write {last.seq}, though it tells of the row's removal"


def lives_of(genuine: Iterable[LineFacts], row: RowFacts | None) -> tuple[list[Life], Life | None]:
    """Return the lives that the lines and the row tell of, in their order, and the one whose row is there."""
    lives = _told_lives(genuine)
    if row is None:
        return lives, None
    own = next((life for life in reversed(lives) if life.holds(row.chain)), None)
    if own is None:
        if not lives or lives[-1].removal is not None:
            lives.append(Life(is_first=not lives))
        own = lives[-1]
    return lives, own


def overlaps(lives: Sequence[Life]) -> Iterator[LineFacts]:
    """Yield the lines that stand before lines of an earlier life."""
    for earlier, later in pairwise(lives):
        ends = max((line.stands_first for line in earlier.lines), default=-1)
        yield from (line for line in later.lines if line.position < ends)


def _told_lives(genuine: Iterable[LineFacts]) -> list[Life]:
    lines = _once(genuine)
    kinds = [line.is_insert - line.is_removal for line in lines]
    if 1 not in kinds[1:] and -1 not in kinds[:-1]:
        writes = [line for line in lines if not line.is_removal]
        return [Life(writes, lines[-1] if lines[-1].is_removal else None, is_first=True)] if lines else []
    return _placed(lines, _proven(lines))


def _once(genuine: Iterable[LineFacts]) -> list[LineFacts]:
    """Return each line once, where it stands last: a retried stream batch repeats lines."""
    once: dict[tuple[bytes, int, bool], LineFacts] = {}
    for line in genuine:
        key = line.event, line.seq, line.is_removal
        once[key] = replace(line, first_position=once[key].stands_first) if key in once else line
    return sorted(once.values(), key=lambda line: line.position)


def _proven(lines: Sequence[LineFacts]) -> dict[int, Life]:
    """Return the lives that lines belong to, by these' positions, as far as the chain proves it."""
    found = {line.position: Life([line]) for line in lines if line.is_insert}
    ends = [(life, state_of(life.writes[0])) for life in found.values()]
    others = (line for line in lines if not line.is_insert)
    for line in sorted(others, key=lambda line: (line.seq, line.is_removal, line.position)):
        for place, (life, state) in enumerate(ends):
            if life.removal is not None:
                continue
            if line.is_removal and life.holds(line.chain):
                life.removal = line
            elif after := _next_of(life, state, line):
                life.writes.append(line)
                ends[place] = life, after
            else:
                continue
            found[line.position] = life
            break
    return found


def _next_of(life: Life, state: State | None, line: LineFacts) -> State | None:
    """Return the state after a write that goes on from a life's last one, None when it does not."""
    if state is None or line.is_removal or life.writes[-1].seq != line.seq - 1:
        return None
    after = state_after(state, line)
    return after if after is not None and after.is_chained else None


def _placed(lines: Sequence[LineFacts], proven: dict[int, Life]) -> list[Life]:
    """Return all lives; a line that no chain places belongs to the life around it."""
    lives: list[Life] = []
    begun: set[int] = set()
    now: Life | None = None
    for line in lines:
        own = proven.get(line.position)
        if own is None and (now is None or (not line.is_removal and _begins(now, line))):
            own = Life()
        now = own or now or Life()
        if id(now) not in begun:
            begun.add(id(now))
            lives.append(now)
        if line.position in proven:
            continue
        if line.is_removal:
            _ending(lives, line, now).removal = line
        else:
            now.writes.append(line)
    lives[0].is_first = True
    for life in lives:
        life.writes.sort(key=lambda line: line.position)
    return lives


def _ending(lives: Sequence[Life], removal: LineFacts, now: Life) -> Life:
    """Return the life that a removal ended: the one whose last state it tells, though a later one may have begun."""
    is_its = (life for life in reversed(lives) if life.removal is None and life.holds(removal.chain))
    return next(is_its, now)


def _begins(life: Life, line: LineFacts) -> bool:
    """Say whether a write is of a life after this one."""
    if line.is_insert:
        return life.removal is not None or any(other.is_insert for other in life.writes)
    if life.removal is None or line.chain == life.removal.chain:
        return False
    is_cut = not any(other.is_insert for other in life.writes)
    return is_cut or line.seq >= life.removal.seq or line.seq in life.told()
