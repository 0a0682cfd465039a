"""The state of each webhook along its audit lines: a line tells what changed, the lines before it the rest."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lambdas.shared.audit_record import canonical, chain_hash, chained_state
from lambdas.shared.audit_wire import changed_members, is_whole
from webhookctl.core.audit.spilling import Spilling, storable

IN_MEMORY: Final = 4_000
"""States held in memory; beyond that they live in a temporary file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A webhook's chained members after a write, that write's chain hash, and the one before."""

    members: Mapping[str, Any]
    prev: str
    chain: str

    def after(self, changes: Mapping[str, Any], *, chain: str) -> "State":
        """Return the state after changes (None: no longer set). A line that comes again changes nothing."""
        if chain == self.chain:
            return self
        members = {name: value for name, value in {**self.members, **changes}.items() if value is not None}
        return State(members=members, prev=self.chain, chain=chain)

    @property
    def is_chained(self) -> bool:
        """Whether the chain hash is that of the members after the hash before; of what can't be hashed it is not."""
        try:
            return chain_hash(self.prev, self.members) == self.chain
        except (TypeError, ValueError, RecursionError):
            return False


def changes_of(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of the state a line (in its long form) changed, or tells whole; None for what it took away."""
    if is_whole(line):
        return chained_state(line)
    told = line.get("previous")
    previous = told if isinstance(told, Mapping) else {}
    return {name: line.get(name) for name in changed_members(line) if name in line or name in previous}


def first_state(line: Mapping[str, Any]) -> State | None:
    """Return the state that a line tells as a whole; None when something in it was masked, or is no JSON of ours."""
    if "isMasked" in line:
        return None
    state = State(members=chained_state(line), prev=str(line.get("prevHash", "")), chain=str(line.get("chainHash", "")))
    try:
        canonical(state.members)
    except (TypeError, ValueError, RecursionError):
        return None
    return state


class States(Spilling):
    """Completes lines from those before them, in flat memory."""

    def __init__(self, *, in_memory: int = IN_MEMORY) -> None:
        super().__init__()
        self._bound = in_memory
        self._held: dict[str, State | None] = {}

    def complete(self, line: Mapping[str, Any]) -> dict[str, Any]:
        """Return a write's line with the whole state; as it is when the lines before it were not read.

        Nothing is added that the line's own chain hash does not prove: so nothing to a removal, whose actor is not
        that of the state removed.
        """
        webhook_id = storable(line.get("webhookId", ""))
        if is_whole(line):
            self._keep(webhook_id, first_state(line))
            return dict(line)
        before = self._get(webhook_id) if line.get("change") != "REMOVE" else None
        state = before and before.after(changes_of(line), chain=str(line.get("chainHash", "")))
        if state is None or not state.is_chained:
            return dict(line)
        self._keep(webhook_id, state)
        return {**state.members, **line, "prevHash": state.prev}

    def _get(self, webhook_id: str) -> State | None:
        if webhook_id in self._held or self._file is None:
            return self._held.get(webhook_id)
        found = self._file.execute("SELECT state FROM states WHERE webhook = ?", (webhook_id,)).fetchone()
        if found is None:
            return None
        members, prev, chain = json.loads(found[0])
        return State(members=members, prev=prev, chain=chain)

    def _keep(self, webhook_id: str, state: State | None) -> None:
        self._held[webhook_id] = state
        if len(self._held) >= self._bound:
            self._spill()

    def _spill(self) -> None:
        file = self._opened("states (webhook TEXT PRIMARY KEY, state BLOB)")
        file.execute("BEGIN")
        gone = [(webhook_id,) for webhook_id, state in self._held.items() if state is None]
        kept = ((w, canonical([s.members, s.prev, s.chain])) for w, s in sorted(self._held.items()) if s is not None)
        file.executemany("DELETE FROM states WHERE webhook = ?", gone)
        file.executemany("INSERT OR REPLACE INTO states VALUES (?, ?)", kept)
        file.execute("COMMIT")
        self._held.clear()
