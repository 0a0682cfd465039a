"""`audit verify` names each attack on table or log by its kind, webhook and write, and nothing else."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lambdas.shared.audit_record import AuditKey
from lambdas.shared.audit_wire import seal_write
from tests.fakes_audit import KEY, START, AuditWorld, grown
from webhookctl.core.audit.export import ExportedLog, Format, export
from webhookctl.core.audit.proof import BEGINNING, verify_environment
from webhookctl.core.audit.records import AuditFilter, query
from webhookctl.errors import CheckFailedError, NotFoundError

VICTIM = "stripe:evt_2"


def test_a_webhook_that_nobody_knows_is_not_called_ok() -> None:
    """Neither row nor line: there is nothing to vouch for."""
    with pytest.raises(NotFoundError, match="stripe:evt_9"):
        grown().verify(webhook_id="stripe:evt_9")


def test_an_untouched_log_has_no_finding() -> None:
    """Three webhooks, nine lines, a clean verdict."""
    report = grown().verify()
    assert report.findings == []
    assert (report.verdict, report.webhooks, report.lines, report.rows) == ("ok", 3, 9, 3)
    report.require_clean()


@pytest.mark.slow
def test_ten_thousand_untouched_webhooks_have_no_finding() -> None:
    """The clean run of the requirement."""
    world = AuditWorld()
    for number in range(10_000):
        world.process(world.receive(f"evt_{number}"))
    report = world.verify()
    assert report.counts == {}
    assert (report.webhooks, report.lines, report.rows) == (10_000, 20_000, 10_000)


@pytest.mark.parametrize("place", [3, 4, 5])
def test_a_missing_line_is_named(place: int) -> None:
    """First, middle or last: the chain, or the row, tells that it was there."""
    world = grown()
    del world.log[place]
    assert world.findings() == [("missing_line", VICTIM, place - 2)]


def test_all_lines_of_a_webhook_missing_are_named_from_its_row() -> None:
    """The row alone tells of its writes."""
    world = grown()
    del world.log[3:6]
    assert world.findings() == [("missing_line", VICTIM, seq) for seq in (1, 2, 3)]


def test_a_forged_line_for_a_write_that_never_was_is_named() -> None:
    """Without the key nobody can seal; another key is no key."""
    world = grown()
    line = {**world.log[5].fields(), "seq": 4, "status": "FAILED", "streamEventId": "forged"}
    world.say(seal_write(line, AuditKey(id=KEY.id, value=b"guessed")))
    assert world.findings() == [("forged_line", VICTIM, 4)]


def test_a_forged_line_beside_a_genuine_one_is_named() -> None:
    """A second story for a recorded write is a forgery; the genuine line still stands."""
    world = grown()
    world.say({**world.log[4].fields(), "status": "PROCESSED"}, place=5)
    assert world.findings() == [("forged_line", VICTIM, 2)]


def test_a_forged_line_of_a_webhook_that_never_was_is_named() -> None:
    """No row, no genuine line."""
    world = grown()
    world.say({**world.log[3].fields(), "webhookId": "stripe:evt_9"})
    assert world.findings() == [("forged_line", "stripe:evt_9", 1)]


def test_a_reordered_line_is_named() -> None:
    """Each line's seal holds, but the story is told in another order."""
    world = grown()
    world.log[4], world.log[5] = world.log[5], world.log[4]
    assert world.findings() == [("reordered_line", VICTIM, 3)]


@pytest.mark.parametrize(
    "fields", [{"amountMinor": 1}, {"status": "RECEIVED"}, {"seq": 2}, {"chainHash": "0" * 64}, {"body": b"\x00{}"}]
)
def test_a_row_changed_without_a_record_is_named(fields: dict[str, Any]) -> None:
    """A change that the stream never saw."""
    world = grown()
    world.edit_row(VICTIM, **fields)
    assert [finding[:2] for finding in world.findings()] == [("row_changed_without_record", VICTIM)]


def test_a_row_changed_around_the_project_is_named_by_its_own_line() -> None:
    """The stream saw it: the line is genuine and tells that the write did not extend the chain."""
    world = grown()
    world.edit_row(VICTIM, recorded=True, amountMinor=1)
    assert ("row_changed_without_record", VICTIM, 3) in world.findings()
    assert {kind for kind, _, _ in world.findings()} == {"row_changed_without_record"}


@pytest.mark.parametrize("changes", [{"event_type": "x"}, {"api_version": "x"}, {"trace_id": None}])
def test_a_row_changed_behind_the_stream_is_named_by_the_next_genuine_write(changes: dict[str, Any]) -> None:
    """The next line tells only what it changed itself: its chain hash does not fit the state that was recorded."""
    world = AuditWorld()
    webhook = world.fail(world.receive("evt_2"))
    tampered = replace(webhook, **changes)
    world.put(VICTIM, tampered.to_item(), recorded=False)
    world.process(tampered)
    assert world.findings() == [("row_changed_without_record", VICTIM, 3)]


def test_a_row_put_back_to_an_earlier_state_is_named() -> None:
    """An old, once genuine state is still not the recorded one."""
    world = AuditWorld()
    webhook = world.receive("evt_2")
    world.process(webhook)
    world.put(VICTIM, webhook.to_item(), recorded=False)
    assert world.findings() == [("row_changed_without_record", VICTIM, 1)]


@pytest.mark.parametrize("recorded", [True, False])
def test_a_deleted_row_is_named(recorded: bool) -> None:  # noqa: FBT001 - a parameter of pytest
    """Whether the stream saw it or not."""
    world = grown()
    world.put(VICTIM, None, recorded=recorded)
    assert world.findings() == [("row_deleted", VICTIM, 3)]


def test_lines_delivered_again_are_no_finding() -> None:
    """A retried batch repeats its lines, and may begin behind the one that failed."""
    world = grown()
    retried = world.log[3:6]
    world.log = [*world.log[:3], retried[1], retried[2], *retried, *world.log[6:]]
    assert world.findings() == []


def test_a_change_whose_line_can_still_come_is_pending() -> None:
    """Within two minutes the stream may be on its way; afterwards it is missing."""
    world = grown()
    del world.log[8]
    assert world.verify(later=timedelta(seconds=30)).pending == 1
    assert world.findings(later=timedelta(seconds=30)) == []
    assert world.findings() == [("missing_line", "stripe:evt_3", 3)]


def test_a_line_newer_than_the_rows_is_no_finding() -> None:
    """Rows are read before lines, so the log may be ahead."""
    world = grown()
    before = {key: item for key, item in world.items.items() if key != "stripe:evt_3"}
    read_at = START + timedelta(seconds=5)
    world.items = before
    report = verify_environment(world, world, keys=(KEY,), now=lambda: read_at)
    assert report.findings == []


def test_since_judges_the_window_alone() -> None:
    """Lines before the window are not missing."""
    world = grown()
    assert world.findings(since=START + timedelta(seconds=5)) == []
    del world.log[7]
    assert world.findings(since=START + timedelta(seconds=5)) == [("missing_line", "stripe:evt_3", 2)]


@pytest.mark.parametrize("fields", [{"status": "x"}, {"seq": 9}, {"webhookId": "stripe:other"}, {"type": "x"}])
def test_in_a_window_nothing_is_expected_of_before_it(fields: dict[str, Any]) -> None:
    """Where a webhook's only line in the window is edited, missing or beside a forged one, that alone is told."""
    world = grown()
    since = world.log[-1].at
    world.say({**world.log[8].written(), **fields}, place=8)
    assert [kind for kind, _, _ in world.findings(since=since)] == ["forged_line"]
    del world.log[9]
    assert world.findings(since=since) == [("edited_line", "stripe:evt_3", 3)]
    del world.log[8]
    assert world.findings(since=since) == [("missing_line", "stripe:evt_3", 3)]


def test_one_webhook_can_be_judged_alone() -> None:
    """Others' trouble is theirs."""
    world = grown()
    world.edit_line(0, status="FAILED")
    assert world.findings(webhook_id=VICTIM) == []
    assert world.findings(webhook_id="stripe:evt_1") == [("edited_line", "stripe:evt_1", 1)]


def test_several_attacks_at_once_are_all_named() -> None:
    """Findings don't hide each other."""
    world = grown()
    world.edit_line(1, status="PROCESSED")
    del world.log[4]
    world.put("stripe:evt_3", None, recorded=False)
    assert set(world.findings()) == {
        ("edited_line", "stripe:evt_1", 2),
        ("missing_line", VICTIM, 2),
        ("row_deleted", "stripe:evt_3", 3),
    }
    with pytest.raises(CheckFailedError, match="1 edited_line"):
        world.verify().require_clean()


def test_an_export_verifies_like_the_log_itself(tmp_path: Path) -> None:
    """An auditor with the export and the key needs nothing else of ours."""
    world = grown()
    world.edit_line(4, status="PROCESSED")
    file = tmp_path / "audit.jsonl"
    file.write_text("".join(event.message + "\n" for event in world.log))
    report = verify_environment(world, ExportedLog(file), keys=(KEY,), now=lambda: world.at + timedelta(hours=1))
    assert [(f.finding.value, f.seq) for f in report.findings] == [("edited_line", 2)]


def test_an_export_tells_every_line_whole_and_no_member_of_it_can_be_changed(tmp_path: Path) -> None:
    """Also what a line took from the lines before it: the seal does not cover that, the chain hash does."""
    world = grown()
    lines = [json.loads(line) for line in export(query(world, AuditFilter(), start=BEGINNING), form=Format.JSONL)]
    assert all({"receivedAt", "bodySha256", "prevHash"} <= line.keys() for line in lines)
    file = tmp_path / "audit.jsonl"

    def findings(place: int, **changes: object) -> list[tuple[str, int | None]]:
        edited = {name: value for name, value in (lines[place] | changes).items() if value is not None}
        file.write_text("".join(json.dumps(line) + "\n" for line in (*lines[:place], edited, *lines[place + 1 :])))
        report = verify_environment(world, ExportedLog(file), keys=(KEY,), now=lambda: world.at + timedelta(hours=1))
        return [(f.finding.value, f.seq) for f in report.findings]

    assert findings(0) == []
    for place, name in [(each, name) for each in (3, 5) for name in lines[each].keys() - {"loggedAt"}]:
        for value in ("x", None):  # None takes it away
            assert findings(place, **{name: value}) == [("edited_line", place - 2)], (name, value)
    assert findings(5, v=True) == [("edited_line", 3)]


def test_export_writes_sealed_lines_and_safe_cells() -> None:
    """JSON lines are verifiable; a cell never begins like a formula."""
    world = grown(["evt_1"])
    world.edit_line(0, note="=HYPERLINK(0)")
    found = query(world, AuditFilter(), start=BEGINNING)
    assert [json.loads(line)["seq"] for line in export(found, form=Format.JSONL)] == [1, 2, 3]
    header, first, *_ = export(query(world, AuditFilter(), start=BEGINNING), form=Format.CSV)
    assert header.startswith("type,changedAt")
    assert "'=HYPERLINK(0)" in first
