"""Operators' lines: each attack is named, and a checkpoint vouches for what stood there at its moment."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lambdas.shared.audit_record import AuditKey, seal
from tests.fakes_audit import KEY, AuditWorld, grown
from tests.fakes_operator import FakeAuditLogger
from webhookctl.core.audit.operator_lines import Operator, OperatorAction, OperatorAudit
from webhookctl.core.audit.proof import BEGINNING, write_checkpoint
from webhookctl.core.audit.records import AuditFilter, query

ALICE = Operator(principal="arn:aws:iam::1:user/alice", user="alice")
MALLORY = AuditKey(id=KEY.id, value=b"guessed")
FIRST = 9
"""The place of the first operator's line, behind three webhooks' lines."""


def _act(world: AuditWorld, *outcomes: str, action_id: str = "op-1") -> None:
    """Let an operator do something in one run: a line for each outcome."""
    logger = FakeAuditLogger()
    audit = OperatorAudit(logger=logger)
    for outcome in outcomes:
        audit.record(
            OperatorAction(action="dlq.purge", action_id=action_id, operator=ALICE, at=world.at, outcome=outcome)
        )
    for line in logger.lines:
        world.say(line)


def _told() -> AuditWorld:
    world = grown()
    _act(world, "started", "edited", "done")
    _act(world, "started", action_id="op-2")
    return world


def test_sealed_lines_are_counted_and_no_finding() -> None:
    """One that was sealed twice, or that the reader gets twice, counts once, and is answered once."""
    world = _told()
    _act(world, "started", action_id="op-2")
    world.log.append(world.log[FIRST])
    assert world.log[-2].message == world.log[-3].message
    report = world.verify()
    assert (report.findings, report.operator_lines) == ([], 4)
    found = query(world, AuditFilter(actor="operator"), start=BEGINNING)
    assert [record.status for record in found] == ["started", "edited", "done", "started"]


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize(
    "fields", [{"outcome": "failed"}, {"actor": "operator:bob"}, {"previousLine": "x"}, {"hmac": "0" * 64}]
)
def test_an_edited_operators_line_is_named(place: int, fields: dict[str, Any]) -> None:
    """First, middle, last or only one of a run: its id is the audit logger's, its seal no longer holds."""
    world = _told()
    world.edit_line(FIRST + place, **fields)
    assert world.findings() == [("edited_line", "operators", None)]


def test_a_line_that_no_audit_logger_sealed_is_a_forgery() -> None:
    """Without a seal, with another key's, as a second story beside a genuine line, or with an id made up."""
    world = _told()
    genuine = world.log[FIRST].fields()
    unsealed = {name: value for name, value in genuine.items() if name not in ("hmac", "hmacKeyId", "lineId")}
    for forged in (unsealed, seal({**unsealed, "lineId": "A" * 32}, MALLORY), {**genuine, "outcome": "failed"}):
        world.say(forged)
    assert world.findings() == [("forged_line", "operators", None)] * 3


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("fields", [{"lineId": "A" * 32}, {"lineId": None}, {"type": "audit"}, {"type": "x"}])
def test_an_operators_line_whose_id_or_type_was_edited_is_named(place: int, fields: dict[str, Any]) -> None:
    """Its seal holds with the id that follows from what it tells; what it is it tells by its members."""
    world = _told()
    world.edit_line(FIRST + place, **fields)
    assert world.findings() == [("edited_line", "operators", None)]


def test_a_line_with_another_id_and_outcome_in_a_genuine_ones_place_is_missing_and_forged() -> None:
    """The next line of the run names the one that was there."""
    world = _told()
    world.edit_line(FIRST + 1, lineId="A" * 32, outcome="failed")
    assert set(world.findings()) == {("forged_line", "operators", None), ("missing_line", "operators", None)}


@pytest.mark.parametrize("place", [0, 1])
def test_a_removed_line_that_another_of_its_run_names_is_missing(place: int) -> None:
    """All but the last one of a run; the verdict says which stands alone now."""
    world = _told()
    del world.log[FIRST + place]
    (finding,) = world.verify().findings
    assert (finding.finding.value, finding.webhook_id) == ("missing_line", "operators")
    assert finding.detail.endswith("dlq.purge op-1 edited" if place == 0 else "dlq.purge op-1 done")


def test_what_lies_before_a_window_is_not_missing() -> None:
    """A part of the log is judged by its seals."""
    world = _told()
    world.log = world.log[FIRST + 1 :]
    assert world.findings(since=world.log[0].at) == []
    world.edit_line(0, outcome="failed")
    assert world.findings(since=world.log[0].at) == [("edited_line", "operators", None)]


def test_one_webhook_is_not_judged_by_what_operators_did_elsewhere() -> None:
    """Only lines that name it count."""
    world = _told()
    world.edit_line(FIRST, outcome="failed")
    assert world.findings(webhook_id="stripe:evt_2") == []


# Checkpoints


def _head(world: AuditWorld, folder: Path) -> str:
    file = folder / "head.json"
    write_checkpoint(world, file, environment="test", keys=(KEY,), now=lambda: world.at + timedelta(hours=1))
    return file.read_text()


def _edit(world: AuditWorld) -> None:
    world.edit_line(FIRST, outcome="failed")


def _remove(world: AuditWorld) -> None:
    del world.log[FIRST + 3]


def _add(world: AuditWorld) -> None:
    _act(world, "started", action_id="op-3")


@pytest.mark.parametrize("attack", [_edit, _remove, _add])
def test_a_changed_past_of_operators_lines_is_noticed_by_a_checkpoint(
    tmp_path: Path, attack: Callable[[AuditWorld], None]
) -> None:
    """Edited, a run removed whole, added with an old time by who has the key: the checkpoint no longer fits."""
    world = _told()
    head = _head(world, tmp_path)
    attack(world)
    found = world.verify(checkpoint=head).findings
    assert (found[-1].finding.value, found[-1].webhook_id) == ("checkpoint_mismatch", "operators")
    assert found[-1].detail.startswith("4 operators' lines then, ")


def test_operators_lines_after_a_checkpoint_do_not_change_its_past(tmp_path: Path) -> None:
    """Nor does a line that a reader of the log gets twice."""
    world = _told()
    head = _head(world, tmp_path)
    world.log.append(world.log[FIRST])
    world.at += timedelta(hours=2)
    _act(world, "started", action_id="op-3")
    assert world.verify(checkpoint=head).verdict == "ok"


def test_a_fixed_up_webhook_whose_line_may_still_come_is_pending_while_operators_act() -> None:
    """The row does not say when it was fixed up; the lines of the run that does it do."""
    world = AuditWorld()
    webhook = world.fail(world.receive("evt_1"))
    world.at += timedelta(hours=1)
    _act(world, "started")
    world.write(webhook.edited(b"{}", operator="alice", note="typo"))
    del world.log[-1]
    assert world.verify(later=timedelta(seconds=30)).pending == 1
    assert world.findings(later=timedelta(seconds=30)) == []
    assert world.findings() == [("missing_line", "stripe:evt_1", 3)]


def test_an_operators_line_that_the_log_group_no_longer_keeps_is_not_missing() -> None:
    """A day after it begins, no run can have begun before it."""
    world = _told()
    del world.log[FIRST]
    assert world.findings(log_begins=world.at) == []
    assert world.findings(log_begins=world.at - timedelta(days=2)) == [("missing_line", "operators", None)]
