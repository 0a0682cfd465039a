"""Operators' lines have no seal: a checkpoint vouches for what they said at its moment."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.fakes_audit import KEY, AuditWorld, grown
from webhookctl.core.audit_proof import write_checkpoint

LINE = {"type": "operator", "actor": "operator:alice", "action": "dlq.purge", "outcome": "done", "details": {"n": 3}}


def _told() -> AuditWorld:
    world = grown()
    world.say(LINE)
    world.say({**LINE, "action": "dlq.redrive"})
    return world


def _head(world: AuditWorld, folder: Path) -> str:
    file = folder / "head.json"
    write_checkpoint(world, file, environment="test", keys=(KEY,), now=lambda: world.at + timedelta(hours=1))
    return file.read_text()


def _edit(world: AuditWorld) -> None:
    world.edit_line(9, outcome="failed")


def _remove(world: AuditWorld) -> None:
    del world.log[9]


def _add(world: AuditWorld) -> None:
    world.say({**LINE, "actor": "operator:bob"})


@pytest.mark.parametrize("attack", [_edit, _remove, _add])
def test_a_changed_past_of_operators_lines_is_noticed_by_a_checkpoint(
    tmp_path: Path, attack: Callable[[AuditWorld], None]
) -> None:
    """Edited, removed, added with an old time: alone the lines prove nothing, against the checkpoint they must fit."""
    world = _told()
    head = _head(world, tmp_path)
    attack(world)
    assert world.findings() == []
    (finding,) = world.verify(checkpoint=head).findings
    assert (finding.finding.value, finding.webhook_id) == ("checkpoint_mismatch", "operators")
    assert finding.detail.startswith("2 operators' lines then, ")


def test_operators_lines_after_a_checkpoint_do_not_change_its_past(tmp_path: Path) -> None:
    """Nor does a line that a reader of the log gets twice."""
    world = _told()
    head = _head(world, tmp_path)
    world.log.append(world.log[9])
    world.at += timedelta(hours=2)
    world.say({**LINE, "action": "dlq.edit"})
    assert world.verify(checkpoint=head).verdict == "ok"
