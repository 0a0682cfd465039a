"""Visit every state that the protocol can reach, and keep of each only what no other state covers already.

A state with more crashes, faults and redrives left can do all that the same state with fewer left can. So once a state
was met with a larger budget, meeting it again with a smaller one adds nothing, and it is not followed: the invariants
look at the state, never at the budget. That and the naming of `canonical` are the reductions; both lose no state.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.model.protocol import Model
from tests.model.state import Budget, State, canonical


@dataclass(frozen=True)
class Verdict:
    """What a check found: how many states and steps, and the shortest way to a broken invariant if there is one."""

    states: int
    steps: int
    broken: str | None = None
    trace: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Way:
    """How a state was first reached."""

    name: str
    before: "_Way | None"

    def names(self) -> tuple[str, ...]:
        """Return the names of all steps, first to last."""
        way: _Way | None = self
        names: list[str] = []
        while way is not None:
            names.append(way.name)
            way = way.before
        return tuple(reversed(names))


class _Visited:
    """The states met so far, each with the largest budgets that it was met with."""

    def __init__(self) -> None:
        self._budgets: dict[tuple[Any, ...], list[Budget]] = {}

    def __len__(self) -> int:
        return len(self._budgets)

    def is_new(self, state: State) -> bool:
        """Note a state; say whether no equal one with a budget as large was met before."""
        known = self._budgets.setdefault(state[:-1], [])
        if any(budget.covers(state.budget) for budget in known):
            return False
        known.append(state.budget)
        return True


@dataclass(slots=True)
class _Search:
    """The states in the order in which they are met: fewest faults first, and of those the nearest."""

    model: Model
    steps: int = 0
    visited: _Visited = field(default_factory=_Visited)
    todo: deque[tuple[State, _Way | None]] = field(default_factory=deque)
    worse: deque[tuple[State, _Way | None]] = field(default_factory=deque)  # one crash, fault or redrive more

    def run(self) -> Iterator[tuple[State, _Way | None, bool]]:
        """Yield every state with the way there, and whether nothing moves by itself in it."""
        first = self.model.start()
        self.visited.is_new(first)
        self.todo.append((first, None))
        while self.todo:
            state, way = self.todo.popleft()
            following = list(self.model.steps(state))
            self.steps += len(following)
            yield state, way, all(after.budget is not state.budget for _, after in following)
            for name, reached in following:
                after = canonical(reached)
                if self.visited.is_new(after):
                    (self.todo if after.budget is state.budget else self.worse).append((after, _Way(name, way)))
            if not self.todo:
                self.todo, self.worse = self.worse, self.todo


def reachable(model: Model) -> Iterator[tuple[State, bool]]:
    """Yield every reachable state, and whether nothing moves by itself in it."""
    return ((state, is_quiet) for state, _, is_quiet in _Search(model).run())


def check(model: Model) -> Verdict:
    """Visit every reachable state until one breaks an invariant."""
    search = _Search(model)
    for state, way, is_quiet in search.run():
        if broken := model.broken(state, is_quiet=is_quiet):
            trace = way.names() if way else ()
            return Verdict(states=len(search.visited), steps=search.steps, broken=broken, trace=trace)
    return Verdict(states=len(search.visited), steps=search.steps)
