"""An export read back: it is judged as the log was when it was taken."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.fakes_audit import KEY, AuditWorld, grown
from webhookctl.core.audit.export import ExportedLog, Format, export
from webhookctl.core.audit.proof import BEGINNING, verify_environment, write_checkpoint
from webhookctl.core.audit.records import AuditFilter, query
from webhookctl.core.audit.verify import AuditReport


def _export(world: AuditWorld, path: Path) -> ExportedLog:
    found = query(world, AuditFilter(), start=BEGINNING)
    path.write_text("".join(f"{line}\n" for line in export(found, form=Format.JSONL)))
    return ExportedLog(path)


def _verify(world: AuditWorld, log: ExportedLog, *, checkpoint: str | None = None) -> AuditReport:
    now = world.at + timedelta(hours=1)
    return verify_environment(world, log, keys=(KEY,), now=lambda: now, checkpoint=checkpoint)


def test_an_export_holds_its_logs_checkpoint(tmp_path: Path) -> None:
    """A line counts by when the log took it, also one that came late, just before or after the checkpoint."""
    world = grown(["evt_1"])
    at = world.at + timedelta(hours=1)
    world.log[-1] = replace(world.log[-1], at=at + timedelta(milliseconds=1))
    head = tmp_path / "head.json"
    write_checkpoint(world, head, environment="test", keys=(KEY,), now=lambda: at + timedelta(minutes=2))
    report = _verify(world, _export(world, tmp_path / "x"), checkpoint=head.read_text())
    assert (report.verdict, report.counts) == ("ok", {})


def test_what_came_after_an_export_is_not_missing_from_it(tmp_path: Path) -> None:
    """New webhooks and new writes of old ones are pending; what the export should hold is still missed."""
    world = grown(["evt_1"])
    waiting = world.receive("evt_2")
    log = _export(world, tmp_path / "x")
    world.at += timedelta(minutes=10)
    world.receive("evt_3")
    world.process(waiting)
    report = _verify(world, log)
    assert (report.counts, report.pending) == ({}, 2)
    lines = (tmp_path / "x").read_text().splitlines(keepends=True)
    (tmp_path / "x").write_text("".join(lines[:1] + lines[2:]))
    assert _verify(world, log).counts == {"missing_line": 1}


def test_an_export_whose_members_were_reordered_still_verifies(tmp_path: Path) -> None:
    """Also one of an older version, which does not tell when the log took a line."""
    world = grown(["evt_1"])
    log = _export(world, tmp_path / "x")
    told = [json.loads(line) for line in (tmp_path / "x").read_text().splitlines()]
    for without in ((), ("loggedAt",)):
        lines = [json.dumps({k: v for k, v in sorted(line.items()) if k not in without}) for line in told]
        (tmp_path / "x").write_text("\n".join(lines))
        assert _verify(world, log).counts == {}


def test_a_line_that_says_itself_when_it_was_logged_stays_an_edited_line(tmp_path: Path) -> None:
    """What the export adds does not make good what somebody added before."""
    world = grown(["evt_1"])
    world.edit_line(1, loggedAt="2026-03-01T12:00:01.000Z")
    assert _verify(world, _export(world, tmp_path / "x")).counts == {"edited_line": 1}
