"""`dlq purge`, `export` and `import`: nothing is deleted without a copy and an audit record."""

import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.shop import Shop
from tests.fakes_dlq import NOW
from webhookctl.core.dlq.dead_letter import BatchOutcome, QueueMessage
from webhookctl.core.dlq.scan import ScanLimits
from webhookctl.errors import WebhookctlError


def test_purge_and_import_leave_their_audit_records(shop: Shop, tmp_path: Path) -> None:
    """Begin and end of each action, with its counts; what was purged comes back."""
    assert shop.run("export", "copy.jsonl").exit_code == 0
    assert shop.run("purge", "--file", "gone.jsonl", "--confirm", "dev").exit_code == 0
    assert not shop.queue.messages
    assert shop.run("import", "gone.jsonl", "--yes").exit_code == 0
    assert len(shop.queue.sent) == len((tmp_path / "gone.jsonl").read_text().splitlines()) == 4
    assert shop.audited() == [
        "dlq.export started",
        "dlq.export done",
        "dlq.purge started",
        "dlq.purge done",
        "dlq.import started",
        "dlq.import done",
    ]
    assert shop.audit.lines[0]["at"].startswith(NOW.isoformat()[:10])


def test_interrupted_purge_says_how_far_it_came(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the first batch: it is finished, told, in the file and in the audit log; nothing else is deleted."""
    delete = shop.queue.delete

    def interrupted(messages: Sequence[QueueMessage]) -> BatchOutcome:
        os.kill(os.getpid(), signal.SIGINT)
        return delete(messages)

    monkeypatch.setattr(shop.queue, "delete", interrupted)
    monkeypatch.setattr("webhookctl.core.dlq_actions._LIMITS", ScanLimits(visibility_s=60, portion=2))
    ran = shop.run("purge", "--file", "gone.jsonl", "--confirm", "dev", "-o", "json")
    assert ran.exit_code == 130
    assert "webhookctl dlq import --env dev gone.jsonl" in ran.err
    assert (json.loads(ran.out)["purged"], len(shop.queue.messages)) == (2, 2)
    assert len((tmp_path / "gone.jsonl").read_text().splitlines()) == 2
    assert shop.audited() == ["dlq.purge started", "dlq.purge interrupted"]
    assert len(shop.queue.visible) == 2


def test_failed_purge_has_its_last_audit_line(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ends it."""

    def gone(_messages: object) -> BatchOutcome:
        raise WebhookctlError("the queue is gone")

    monkeypatch.setattr(shop.queue, "delete", gone)
    assert shop.run("purge", "--file", "gone.jsonl", "--confirm", "dev").exit_code == 1
    assert shop.audited() == ["dlq.purge started", "dlq.purge failed"]
