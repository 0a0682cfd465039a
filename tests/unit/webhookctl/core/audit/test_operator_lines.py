"""Recording operators' actions: in order, each once, also from several threads, or not at all."""

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.fakes_operator import FakeAuditLogger
from webhookctl.core.audit.operator_lines import Operator, OperatorAction, OperatorAudit, UnrecordedError, _Entry

ALICE = Operator(principal="arn:aws:sts::1:assumed-role/Admin/alice", user="alice")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def action(outcome: str = "started", *, webhook: int = 0, **details: Any) -> OperatorAction:
    """Return an action."""
    return OperatorAction(
        action="dlq.edit",
        action_id="rd-1",
        operator=ALICE,
        at=NOW,
        outcome=outcome,
        webhook_id=f"stripe:evt_{webhook}",
        details=details,
    )


def test_long_texts_and_lists_are_cut_to_what_the_audit_logger_takes() -> None:
    """A filter by a thousand ids, an endless error: the action is recorded all the same."""
    logger = FakeAuditLogger()
    ids = [f"evt_{n}" for n in range(1000)]
    OperatorAudit(logger=logger).record(action(error="x" * 9000, filter={"ids": ids}))
    (line,) = logger.lines
    assert line["filter"]["ids"] == [*ids[:50], "and 950 more"]
    assert len(line["error"]) == 500


@dataclass
class SlowLogger(FakeAuditLogger):
    """An audit logger whose first call lasts until `go`."""

    go: threading.Event = field(default_factory=threading.Event)
    calls: list[int] = field(default_factory=list)

    def record(self, actions: Sequence[Mapping[str, Any]], *, previous: str | None) -> list[str]:
        self.calls.append(len(actions))
        assert self.go.wait(10)
        return FakeAuditLogger.record(self, actions, previous=previous)


def test_what_threads_record_at_once_goes_in_few_calls() -> None:
    """While one call is under way the others gather; all lines name each other in order."""
    logger = SlowLogger()
    audit = OperatorAudit(logger=logger)
    with ThreadPoolExecutor(20) as pool:
        done = [pool.submit(audit.record, action(webhook=n)) for n in range(20)]
        while len(audit._waiting) + sum(logger.calls) < 20:
            time.sleep(0.001)
        logger.go.set()
    assert all(future.exception() is None for future in done)
    assert sum(logger.calls) == 20
    assert len(logger.calls) == 2
    assert len({line["webhookId"] for line in logger.lines}) == 20
    assert [line.get("previousLine") for line in logger.lines] == [
        None,
        *(line["lineId"] for line in logger.lines[:-1]),
    ]


def test_a_failure_is_told_to_everyone_who_waited_and_does_not_stay() -> None:
    """Nobody goes on with what is not on record; the next try is a new one."""
    logger = FakeAuditLogger(is_down=True)
    audit = OperatorAudit(logger=logger)
    with pytest.raises(UnrecordedError):
        audit.record(action())
    logger.is_down = False
    audit.record(action("done"))
    assert [line["outcome"] for line in logger.lines] == ["done"]


def test_after_an_interrupted_call_nobody_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while the answer is awaited: no thread that waited for the same call takes its action for recorded."""
    logger = FakeAuditLogger()
    audit = OperatorAudit(logger=logger)
    waiting = _Entry(action())
    audit._waiting.append(waiting)

    def interrupted(*_: object, **__: object) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(logger, "record", interrupted)
    with pytest.raises(KeyboardInterrupt):
        audit.record(action())
    assert isinstance(waiting.error, UnrecordedError)
