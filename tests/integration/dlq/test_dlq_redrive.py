"""A redrive on the local environment: canary, guard, edit, files, audit."""

import json
import secrets
import stat
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lambdas.shared.webhook import Status
from tests.conftest import Cli
from tests.dead_letters import DeadLetters, stripe_event

pytestmark = pytest.mark.integration


def failing(name: str) -> dict[str, Any]:
    """Return an event that fails in processing for ever."""
    return {**stripe_event(name), "webhookctl": {"failTimes": 1000}}


@dataclass(frozen=True)
class Stopped:
    """A canary of two out of eight, which failed again for real: five tries each."""

    dead_letters: DeadLetters
    ids: list[str]
    exit_code: int
    report: dict[str, Any]

    @property
    def touched(self) -> list[str]:
        return [webhook_id for webhook_id in self.ids if self.dead_letters.webhook(webhook_id).attempts > 5]


@pytest.fixture(scope="module")
def stopped(deployed: Cli) -> Stopped:
    dead_letters = DeadLetters(deployed)
    dead_letters.empty()
    ids = []
    for number in range(8):
        trace_id, parent = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}", secrets.token_hex(8)
        ids.append(dead_letters.store_failed("stripe", failing(f"canary{number}"), trace=(trace_id, parent)))
        dead_letters.send(ids[-1:], trace_header=f"Root={trace_id};Parent={parent};Sampled=1")
    code, text = deployed.code(
        "dlq", "redrive", "--canary", "2", "--stop-if-fail", "1", "--timeout", "90s", "-o", "json"
    )
    return Stopped(dead_letters, ids, code, json.loads(text))


def test_canary_that_fails_stops_before_the_rest(stopped: Stopped) -> None:
    """The first step fails again: exit 6, and what was not sent is untouched in the queue."""
    assert stopped.exit_code == 6
    report = stopped.report
    assert (report["stopped_by"], report["redriven"], report["failed_again"]) == ("canary", 2, 2)
    assert stopped.dead_letters.listed() == set(stopped.ids)
    assert len(stopped.touched) == 2


def test_show_tells_the_message_the_webhook_each_try_and_the_trace(stopped: Stopped) -> None:
    """A webhook that failed five times for real shows five tries, its error, its audit records and its spans."""
    shown = stopped.dead_letters.cli.json("dlq", "show", stopped.touched[0])
    assert [attempt["attempt"] for attempt in shown["tries"]] == [1, 2, 3, 4, 5]
    assert all("ProcessingError" in attempt["error"] for attempt in shown["tries"])
    assert shown["status"] == "FAILED"
    assert [change["status"] for change in shown["audit"]] == ["RECEIVED", "FAILED", "FAILED"]
    assert shown["trace"]["trace_id"] == shown["trace_id"]
    assert "payment-processor-local" in {span["name"].partition(" ")[0] for span in shown["trace"]["spans"]}


def test_canary_that_lives_redrives_all(dead_letters: DeadLetters) -> None:
    """Steps of 2, 4, 8: all are processed, exit 0."""
    dead_letters.add_many([stripe_event(f"lives{n}") for n in range(11)])
    report = dead_letters.cli.json("dlq", "redrive", "--canary", "2")
    assert (report["stopped_by"], report["processed"]) == ("empty", 11)
    assert not dead_letters.listed()


def test_guard_deletes_what_is_processed_and_causes_no_second_effect(dead_letters: DeadLetters) -> None:
    """The webhook keeps its state to the last hash; the message is gone."""
    webhook_id = dead_letters.add("stripe", stripe_event("guarded"))
    dead_letters.process_behind_the_back(webhook_id)
    before = dead_letters.webhook(webhook_id)
    assert dead_letters.cli.json("dlq", "list")["processed"] == 1
    report = dead_letters.cli.json("dlq", "redrive")
    assert (report["redriven"], report["already_processed"]) == (0, 1)
    assert dead_letters.webhook(webhook_id) == before
    assert not dead_letters.listed()


def test_the_redriven_attempt_stands_in_the_webhooks_own_trace(dead_letters: DeadLetters) -> None:
    """The new message carries the trace header of the dead letter, or else the trace that the webhook names."""
    for name, header in (("headed", True), ("headless", False)):
        trace_id, parent = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}", secrets.token_hex(8)
        webhook_id = dead_letters.store_failed("stripe", stripe_event(name), trace=(trace_id, parent))
        dead_letters.send([webhook_id], trace_header=f"Root={trace_id};Parent={parent};Sampled=1" if header else None)
        assert dead_letters.cli.json("dlq", "redrive", "--wait")["processed"] == 1
        trace = dead_letters.cli.json("trace", "show", webhook_id)["traces"][0]["trace"]
        assert (trace["trace_id"], trace["outcome"]) == (trace_id, "processed")


def test_without_the_guard_there_is_still_one_effect(dead_letters: DeadLetters) -> None:
    """--no-guard sends it; the processor finds it processed and changes nothing."""
    webhook_id = dead_letters.add("stripe", stripe_event("unguarded"))
    dead_letters.process_behind_the_back(webhook_id)
    before = dead_letters.webhook(webhook_id)
    report = dead_letters.cli.json("dlq", "redrive", "--no-guard", "--wait")
    assert (report["redriven"], report["processed"]) == (1, 1)
    assert dead_letters.webhook(webhook_id) == before


def test_superseded_event_is_skipped_and_said_so(dead_letters: DeadLetters) -> None:
    """A pending payment whose success is processed already stays in the queue."""
    success = dead_letters.store_failed("stripe", {**stripe_event("over"), "id": "evt_over_success"})
    dead_letters.process_behind_the_back(success)
    pending = {**stripe_event("over", kind="processing"), "id": "evt_over_pending"}
    webhook_id = dead_letters.add("stripe", pending)
    code, text = dead_letters.cli.code("dlq", "redrive", "-o", "jsonl")
    assert code == 0
    first = json.loads(text.splitlines()[0])
    assert (first["event"], first["webhook_id"]) == ("superseded", webhook_id)
    assert "later event" in first["reason"]
    assert dead_letters.listed() == {webhook_id}


def test_edit_fixes_the_payload_and_keeps_the_original(dead_letters: DeadLetters, tmp_path: Path) -> None:
    """A patch removes what fails; the webhook is processed; the original and the audit trail tell of it."""
    webhook_id = dead_letters.add("stripe", failing("edited"))
    original = dead_letters.webhook(webhook_id)
    patch = tmp_path / "patch.json"
    patch.write_text('[{"op": "remove", "path": "/webhookctl"}]')
    report = dead_letters.cli.json("dlq", "redrive", "--patch", str(patch), "--wait")
    assert report["processed"] == 1
    after = dead_letters.webhook(webhook_id)
    assert after.status is Status.PROCESSED
    assert b"webhookctl" not in after.body
    assert dead_letters.original_body(webhook_id) == original.body
    audited = dead_letters.cli.json("audit", "query", "--webhook-id", webhook_id)
    assert {"dlq.edit"} <= {record["change"] for record in audited}
    assert dead_letters.cli.code("audit", "verify", "--webhook-id", webhook_id)[0] == 0


def test_edit_goes_to_one_payload_and_to_others_only_with_the_same_old_values(
    dead_letters: DeadLetters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With more than one meant it is refused; --edit-all leaves a payment with another amount as it is."""
    first, other = dead_letters.add_many([stripe_event("cheap", amount=1000), stripe_event("dear", amount=999_900)])
    editor = tmp_path / "editor.py"
    editor.write_text(
        "import json, sys\np = sys.argv[1]\nd = json.load(open(p))\n"
        "d['data']['object']['amount_received'] += 234\njson.dump(d, open(p, 'w'))\n"
    )
    monkeypatch.setenv("VISUAL", f"{sys.executable} {editor}")
    assert dead_letters.cli.code("dlq", "redrive", "--edit")[0] == 2
    assert dead_letters.cli.json("dlq", "redrive", "--edit", "--id", "evt_cheap", "--wait")["processed"] == 1
    assert _amount(dead_letters, first) == 1234
    third = dead_letters.add("stripe", stripe_event("third", amount=1000))
    code, text = dead_letters.cli.code("dlq", "redrive", "--edit-all", "-o", "json")
    report = json.loads(text)
    assert (code, report["redriven"], report["edit_failed"]) == (6, 1, 1)
    assert sorted([_amount(dead_letters, other), _amount(dead_letters, third)]) in ([1000, 1_000_134], [1234, 999_900])


def _amount(dead_letters: DeadLetters, webhook_id: str) -> int:
    return int(json.loads(dead_letters.webhook(webhook_id).body)["data"]["object"]["amount_received"])


def test_edit_that_does_not_fit_changes_nothing(dead_letters: DeadLetters, tmp_path: Path) -> None:
    """A path that is not there: exit 6, the webhook as before, the message still there."""
    webhook_id = dead_letters.add("stripe", failing("unfit"))
    before = dead_letters.webhook(webhook_id)
    patch = tmp_path / "patch.json"
    patch.write_text('[{"op": "replace", "path": "/no/such", "value": 1}]')
    code, text = dead_letters.cli.code("dlq", "redrive", "--patch", str(patch), "-o", "json")
    assert code == 6
    assert json.loads(text)["edit_failed"] == 1
    assert dead_letters.webhook(webhook_id) == before
    assert dead_letters.listed() == {webhook_id}


def test_export_purge_import_round_trip(dead_letters: DeadLetters, tmp_path: Path) -> None:
    """What purge took out comes back by import, and is processed like any other dead letter."""
    ids = set(dead_letters.add_many([stripe_event(f"trip{n}") for n in range(13)]))
    exported, purged = tmp_path / "exported.jsonl", tmp_path / "purged.jsonl"
    assert dead_letters.cli.json("dlq", "export", str(exported))["exported"] == 13
    report = dead_letters.cli.json("dlq", "purge", "--confirm", "local", "--file", str(purged))
    assert (report["purged"], report["undeleted"]) == (13, 0)
    assert not dead_letters.listed()
    for file in (exported, purged):
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        assert {line["webhook"]["webhook_id"] for line in lines} == ids
        assert not any("body" in line["webhook"] for line in lines)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert dead_letters.cli.json("dlq", "import", str(purged))["imported"] == 13
    assert dead_letters.listed() == ids
    assert dead_letters.cli.json("dlq", "redrive", "--wait")["processed"] == 13


def test_purge_needs_the_environments_name(dead_letters: DeadLetters) -> None:
    """Without the name nothing is deleted, also with nobody to ask."""
    webhook_id = dead_letters.add("stripe", stripe_event("kept"))
    assert dead_letters.cli.code("dlq", "purge", "--no-export")[0] == 3
    assert dead_letters.listed() == {webhook_id}


def test_native_redrive_says_clearly_where_it_is_missing(dead_letters: DeadLetters) -> None:
    """The local engine has no move tasks: exit 2, and nothing moves."""
    webhook_id = dead_letters.add("stripe", stripe_event("native"))
    assert dead_letters.cli.code("dlq", "redrive", "--native")[0] == 2
    assert dead_letters.listed() == {webhook_id}


def test_operator_actions_are_audited(dead_letters: DeadLetters) -> None:
    """Who, what, with which filter, counts and outcome: before and after."""
    dead_letters.add("stripe", stripe_event("audited"))
    report = dead_letters.cli.json("dlq", "redrive", "--provider", "stripe")
    lines = [line for line in _operator_lines(dead_letters) if line.get("actionId") == report["redrive_id"]]
    assert [line["outcome"] for line in lines] == ["started", "done"]
    assert lines[1]["filter"] == {"provider": "stripe"}
    assert lines[1]["counts"]["redriven"] == 1
    assert lines[1]["actor"].startswith("operator:")
    assert lines[1]["previousLine"] == lines[0]["lineId"]
    verified = json.loads(dead_letters.cli.code("audit", "verify", "-o", "json")[1])
    assert verified["operator_lines"] >= 2
    assert "operators" not in {finding["webhook_id"] for finding in verified["findings"]}
    listed = dead_letters.cli.json("audit", "query", "--actor", "operator", "--since", "10m")
    assert "dlq.redrive" in {record["change"] for record in listed}


def _operator_lines(dead_letters: DeadLetters) -> list[dict[str, Any]]:
    return [event.fields() for event in dead_letters.audit_lines() if event.fields().get("type") == "operator"]
