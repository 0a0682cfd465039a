"""The protocol keeps its promises in every reachable state, and every guard is needed."""

from dataclasses import replace

import pytest

from tests.model.protocol import GUARDS, PROCESSED, Model, check

SMALL = Model(deliveries=2, receiver_crashes=1, processor_crashes=1, work_faults=1, send_faults=1)


def test_no_interleaving_breaks_an_invariant() -> None:
    """Two deliveries and a forgery, two processors, crashes, lost replies, redelivery, DLQ and redrive: every state."""
    verdict = check(replace(SMALL, processor_crashes=0))
    assert verdict.broken is None, verdict.trace
    assert verdict.states > 10_000


@pytest.mark.parametrize("guard", GUARDS)
def test_every_guard_is_needed(guard: str) -> None:
    """With the guard taken out, the check finds a state that breaks an invariant."""
    verdict = check(replace(SMALL, removed=frozenset({guard})))
    assert verdict.broken is not None


def test_the_good_end_is_reachable() -> None:
    """The model is not safe by doing nothing: an acknowledged webhook is processed, also after a redrive."""
    model = Model(deliveries=1, receiver_crashes=0, processor_crashes=0, send_faults=0, work_faults=2)
    seen, todo, ends = {model.start()}, [model.start()], set()
    while todo:
        state = todo.pop()
        following = {after for _, after in model.steps(state)}
        if not following:
            ends.add((state.acknowledged, state.status, state.effects, state.redrives))
        todo.extend(following - seen)
        seen |= following
    assert (True, PROCESSED, 1, 0) in ends
