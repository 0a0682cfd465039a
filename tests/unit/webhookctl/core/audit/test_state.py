"""Lines completed from those before them: exactly, in flat memory, or not at all."""

from dataclasses import replace
from typing import Any

import pytest

from tests.fakes_audit import AuditWorld, grown
from webhookctl.core.audit.state import States


def completed(world: AuditWorld, **options: Any) -> list[dict[str, Any]]:
    """Return the lines of a world, completed."""
    with States(**options) as states:
        return [states.complete(event.fields()) for event in world.log]


def interleaved() -> AuditWorld:
    """Return a world of many webhooks whose lines alternate."""
    world = AuditWorld()
    failed = [world.fail(world.receive(f"evt_{number}")) for number in range(20)]
    for webhook in failed:
        world.process(webhook)
    return world


def test_what_spilled_to_disk_completes_like_what_is_held() -> None:
    """However few states are held in memory."""
    world = interleaved()
    whole = completed(world)
    assert all("receivedAt" in line for line in whole)
    assert completed(world, in_memory=3) == completed(world, in_memory=1) == whole


def test_a_line_whose_predecessor_is_missing_stays_as_it_is() -> None:
    """So do those after it: nothing is told that is not proven."""
    world = grown(["evt_1"])
    del world.log[1]
    first, last = completed(world)
    assert "receivedAt" in first
    assert last == world.log[1].fields()


def test_a_line_that_comes_again_is_completed_again() -> None:
    """A retried batch repeats lines."""
    world = grown(["evt_1"])
    world.log += world.log[1:]
    lines = completed(world)
    assert lines[2] == lines[4]


def test_a_line_that_does_not_fit_ends_nothing() -> None:
    """An edited line is not believed; the genuine one behind it still completes."""
    world = grown(["evt_1"])
    world.log.insert(1, world.log[1])
    world.edit_line(1, chainHash="0" * 64)
    lines = completed(world)
    assert "receivedAt" not in lines[1]
    assert "receivedAt" in lines[2]
    assert "receivedAt" in lines[3]


def test_a_masked_state_completes_nothing() -> None:
    """What was masked is not what the chain hash covers, held or spilled."""
    world = grown(["evt_1", "evt_2"])
    world.edit_line(3, isMasked=True)
    for in_memory in (100, 1):
        assert "receivedAt" not in completed(world, in_memory=in_memory)[4]


@pytest.mark.parametrize("number", ["1e400", "-1e400"])
def test_a_state_that_no_canonical_form_has_is_none(number: str) -> None:
    """A line can hold a number beyond any; what follows it is told as far as it tells by itself, also when spilled."""
    world = grown(["evt_1", "evt_2"])
    world.edit_line(3, note=0)
    world.log[3] = replace(world.log[3], message=world.log[3].message.replace('"note": 0', f'"note": {number}'))
    for in_memory in (100, 1):
        assert "receivedAt" not in completed(world, in_memory=in_memory)[4]
