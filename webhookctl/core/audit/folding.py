"""A webhook's state along the facts of its lines: each chain hash must be that of the state before with the changes."""

import json
from collections.abc import Sequence

from webhookctl.core.audit.findings import LineFacts
from webhookctl.core.audit.state import State


def state_of(line: LineFacts) -> State | None:
    """Return the state that a whole line tells; None when something in it was masked."""
    if not line.changes:
        return None
    return State(members=json.loads(line.changes), prev=line.prev.hex(), chain=line.chain.hex())


def state_after(state: State, line: LineFacts) -> State | None:
    """Return the state after a line that is not whole; None when what it changed is not known."""
    return state.after(json.loads(line.changes), chain=line.chain.hex()) if line.changes else None


def unfitting(writes: Sequence[LineFacts]) -> list[int]:
    """Return the writes whose chain hash is not that of the state before them with their changes.

    What comes after a missing line can't be recomputed: there the seal alone vouches for what the audit logger saw.
    """
    found: dict[int, None] = {}
    state: State | None = None
    last = 0
    for line in sorted(writes, key=lambda line: (line.seq, line.position)):
        if line.is_whole:
            state = state_of(line)
        elif state is not None:
            state = state_after(state, line) if line.seq <= last + 1 else None
        if state is not None and line.is_chained and not state.is_chained:
            found[line.seq] = None
        last = line.seq
    return list(found)
