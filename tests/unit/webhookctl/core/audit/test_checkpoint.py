"""What only a checkpoint kept elsewhere can tell."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.fakes_audit import KEY, START, AuditWorld, grown
from webhookctl.core.audit.proof import write_checkpoint
from webhookctl.errors import CheckFailedError, UsageError

VICTIM = "stripe:evt_2"


def _checkpoint(world: AuditWorld, path: Path, *, with_states: bool = False) -> str:
    now = world.at + timedelta(hours=1)
    write_checkpoint(world, path, environment="test", keys=(KEY,), now=lambda: now, with_states=with_states)
    return path.read_text()


def test_a_checkpoint_holds_while_the_log_only_grows(tmp_path: Path) -> None:
    """What comes later does not change the past."""
    world = grown()
    head = _checkpoint(world, tmp_path / "head.json")
    world.at += timedelta(hours=2)
    world.process(world.receive("evt_4"))
    report = world.verify(checkpoint=head)
    assert report.verdict == "ok"
    assert report.checkpoint is not None
    assert report.checkpoint.startswith("holds (3 webhooks")


@pytest.mark.parametrize("with_states", [True, False])
def test_a_webhook_that_vanished_whole_is_noticed_by_a_checkpoint_alone(tmp_path: Path, with_states: bool) -> None:  # noqa: FBT001
    """Row and all lines gone: chains can't tell, the checkpoint does, and names it when it holds the states."""
    world = grown()
    head = _checkpoint(world, tmp_path / "head.json", with_states=with_states)
    del world.log[3:6]
    world.put(VICTIM, None, recorded=False)
    assert world.findings() == []
    found = world.verify(checkpoint=head).findings
    assert [f.finding.value for f in found] == ["checkpoint_mismatch"]
    assert found[0].webhook_id == (VICTIM if with_states else "?")


def test_a_webhook_set_back_on_both_sides_is_noticed_by_a_checkpoint(tmp_path: Path) -> None:
    """The last write undone in table and log."""
    world = AuditWorld()
    webhook = world.receive("evt_2")
    world.process(webhook)
    head = _checkpoint(world, tmp_path / "head.json", with_states=True)
    del world.log[1]
    world.put(VICTIM, webhook.to_item(), recorded=False)
    assert world.findings() == []
    assert world.findings(checkpoint=head) == [("checkpoint_mismatch", VICTIM, 2)]


def test_a_changed_checkpoint_is_refused(tmp_path: Path) -> None:
    """Its seal covers everything in it."""
    world = grown()
    head = json.loads(_checkpoint(world, tmp_path / "head.json"))
    head["items"] += 1
    with pytest.raises(CheckFailedError, match="seal"):
        world.verify(checkpoint=json.dumps(head))
    with pytest.raises(UsageError, match="not an audit checkpoint"):
        world.verify(checkpoint="{}")
    with pytest.raises(UsageError, match="whole log"):
        world.verify(checkpoint=json.dumps(head), since=START)
