"""A row expires, is removed, and can come again: its lines are judged life by life."""

from datetime import timedelta
from pathlib import Path

import pytest

from lambdas.shared.webhook import PaymentEvent
from tests.fakes_audit import KEY, AuditWorld, grown
from webhookctl.core.audit.export import ExportedLog, Format, export
from webhookctl.core.audit.proof import BEGINNING, verify_environment
from webhookctl.core.audit.records import AuditFilter, query

VICTIM = "stripe:evt_2"


@pytest.mark.parametrize("place", [3, 4, 5])
def test_a_missing_line_of_a_row_that_has_expired_is_named(place: int) -> None:
    """The removal tells which write was the last."""
    world = grown()
    world.put(VICTIM, None, by_ttl=True)
    del world.log[place]
    assert world.findings() == [("missing_line", VICTIM, place - 2)]


def test_a_row_that_was_changed_behind_the_stream_is_named_by_its_removal() -> None:
    """The removal's line tells what was there last."""
    world = grown()
    world.edit_row(VICTIM, amountMinor=1)
    world.put(VICTIM, None, by_ttl=True)
    assert world.findings() == [("row_changed_without_record", VICTIM, 3)]


def test_a_row_that_comes_again_after_it_expired_is_no_finding() -> None:
    """A new life with numbers from 1 on; each of the two is judged by itself."""
    world = grown()
    world.put(VICTIM, None, by_ttl=True)
    world.process(world.receive("evt_2"))
    assert world.findings() == []
    del world.log[11]
    assert world.findings() == [("missing_line", VICTIM, 2)]
    del world.log[9]
    assert ("missing_line", VICTIM, 3) in world.findings()


def test_a_row_that_is_back_after_its_recorded_removal_is_named() -> None:
    """Its old, once genuine state is not the recorded one."""
    world = grown()
    item = world.items[VICTIM]
    world.put(VICTIM, None, by_ttl=True)
    world.put(VICTIM, item, recorded=False)
    assert world.findings() == [("row_changed_without_record", VICTIM, 3)]


def test_a_row_that_expired_is_no_finding() -> None:
    """TTL's deletion is recorded as such."""
    world = grown()
    world.put(VICTIM, None, by_ttl=True)
    assert world.findings() == []


def expiring() -> AuditWorld:
    """Return a world of one webhook that expires in a second."""
    world = AuditWorld()
    world.process(world.receive("evt_2"), expires_at=int(world.at.timestamp()) + 2)
    world.at += timedelta(seconds=5)
    return world


def test_a_removal_whose_line_may_still_come_is_pending_for_the_days_in_which_rows_expire() -> None:
    """Then it is missing; the row of one that had not expired was deleted."""
    world = expiring()
    world.put(VICTIM, None, recorded=False)
    for later, pending, found in (
        (timedelta(seconds=30), 1, []),
        (timedelta(days=3), 1, []),
        (timedelta(days=5), 0, [("missing_line", VICTIM, 2)]),
    ):
        report = world.verify(later=later)
        assert (report.pending, [(f.finding.value, f.webhook_id, f.seq) for f in report.findings]) == (pending, found)


def test_a_row_that_expired_after_an_export_is_pending_in_it(tmp_path: Path) -> None:
    """However much later the export is verified."""
    world = expiring()
    lines = export(query(world, AuditFilter(), start=BEGINNING), form=Format.JSONL)
    (tmp_path / "x").write_text("".join(f"{line}\n" for line in lines))
    world.put(VICTIM, None, by_ttl=True)
    now = world.at + timedelta(days=300)
    report = verify_environment(world, ExportedLog(tmp_path / "x"), keys=(KEY,), now=lambda: now)
    assert (report.pending, report.counts) == (1, {})


def test_lines_that_the_log_group_no_longer_keeps_are_not_missing() -> None:
    """Nothing is expected from before it begins: not of rows that are gone, nor of those received before then."""
    world = grown(["evt_0", "evt_1", "evt_2"])
    world.put("stripe:evt_0", None, by_ttl=True)
    begins = world.log[5].at
    world.log = world.log[5:]
    assert world.findings(log_begins=begins) == []
    assert {kind for kind, _, _ in world.findings()} == {"missing_line"}
    del world.log[1]
    assert world.findings(log_begins=begins) == [("missing_line", "stripe:evt_2", 1)]


@pytest.mark.parametrize("is_failed", [True, False])
def test_a_row_older_than_all_that_the_log_keeps_lacks_no_line(*, is_failed: bool) -> None:
    """A webhook that was never processed does not expire, and outlasts its lines; what came later is judged."""
    world = AuditWorld()
    old = world.receive("evt_old")
    if is_failed:
        world.fail(old)
    world.log.clear()
    world.at += timedelta(days=600)
    world.process(world.receive("evt_new"))
    begins = world.at - timedelta(days=545)
    assert world.findings(log_begins=begins) == []
    del world.log[1]
    assert world.findings(log_begins=begins) == [("missing_line", "stripe:evt_new", 2)]


def test_a_masked_line_still_tells_until_when_its_row_was_to_stay() -> None:
    """An expiry whose line is on its way is pending, also of a webhook in whose line a card number was masked."""
    world = AuditWorld()
    event = PaymentEvent(kind="payment.succeeded", payment_id="4242424242424242")
    expires_at = int((world.at + timedelta(days=1)).timestamp())
    webhook = world.receive("evt_1")
    world.write(webhook.processed(event, at=world.at, attempts=1, expires_at=expires_at))
    assert "isMasked" in world.log[-1].message
    world.at += timedelta(days=2)
    world.put("stripe:evt_1", None, recorded=False)
    report = world.verify()
    assert (report.counts, report.pending) == ({}, 1)
