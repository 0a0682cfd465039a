"""The protocol keeps its promises in every reachable state, and every guard is needed."""

import pytest

from tests.model.__main__ import main, without
from tests.model.protocol import GUARDS, Model
from tests.model.search import check, reachable
from tests.model.state import PROCESSED, State, canonical

TINY = Model(deliveries=2, processors=2, receiver_crashes=1, processor_crashes=1, call_faults=0, work_faults=1)


def test_make_model_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    """The whole bound holds, every guard is caught, and the table says both within 80 columns."""
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"guards taken out: {len(GUARDS)}, caught: {len(GUARDS)}" in lines
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("guard", GUARDS)
def test_every_guard_is_needed(guard: str) -> None:
    """With the guard taken out, the check finds a state that breaks an invariant."""
    verdict = check(without(guard))
    assert verdict.broken is not None


def test_the_reductions_lose_no_state() -> None:
    """Without them, a plain search through every budget meets the same states and not one more."""
    reduced = {state[:-1] for state, _ in reachable(TINY)}
    plain = {state[:-1] for state in _every_state(TINY)}
    assert reduced == plain
    assert len(plain) > 1_000


def test_the_good_end_is_reachable() -> None:
    """The model is not safe by doing nothing: an acknowledged webhook is processed, also after a redrive."""
    model = Model(deliveries=1, receiver_crashes=0, processor_crashes=0, call_faults=0, work_faults=2)
    ends = {
        (state.acknowledged, state.status, state.effects, state.budget.redrives)
        for state in _every_state(model)
        if not list(model.steps(state))
    }
    assert (True, PROCESSED, 1, 0) in ends


def _every_state(model: Model) -> set[State]:
    first = model.start()
    seen, todo = {first}, [first]
    while todo:
        following = {canonical(after) for _, after in model.steps(todo.pop())}
        todo.extend(following - seen)
        seen |= following
    return seen
