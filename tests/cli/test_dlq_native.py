"""`dlq redrive --native` against an SQS that speaks the real wire protocol."""

import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.cli.conftest import Ran
from tests.fakes_dlq import FakeWebhooks
from tests.fakes_operator import FakeAuditLogger
from tests.sqs_wire import ARN, MoveServer, serving
from webhookctl.aws.queues import SqsMoveTasks, SqsQueue
from webhookctl.aws.session import AwsSession
from webhookctl.config import Settings
from webhookctl.context import AppContext
from webhookctl.core.audit.operator_lines import Operator, OperatorAudit
from webhookctl.core.dlq.look import DeadLetterQueue
from webhookctl.core.redrive.run import RedriveDesk

Run = Callable[..., tuple[Ran, list[str]]]


@pytest.fixture
def native(cli: Callable[..., Ran]) -> Run:
    """Run `dlq redrive --native` with a server; return what was printed and the audited outcomes."""

    def invoke(moves: MoveServer, *words: str) -> tuple[Ran, list[str]]:
        logger = FakeAuditLogger()

        def context(settings: Settings) -> AppContext:
            app = AppContext(settings)
            session = AwsSession(region="us-east-1", endpoints={"": moves.url}, credentials=("test", "test"))
            source = DeadLetterQueue(
                environment="dev",
                queue=SqsQueue(session, f"{moves.url}/dlq"),
                webhooks=FakeWebhooks(),
                normalise=lambda webhook: webhook.event,
                now=lambda: datetime.now(UTC),
            )
            app.redrive_desk = RedriveDesk(
                source=source,
                target=SqsQueue(session, f"{moves.url}/queue"),
                moves=SqsMoveTasks(session),
                bodies=FakeWebhooks(),
                audit=OperatorAudit(logger=logger),
                operator=Operator(principal="arn:aws:sts::0:assumed-role/Admin/alice", user="alice"),
            )
            return app

        with serving(moves):
            ran = cli("dlq", "redrive", "--native", "--env", "dev", "--yes", *words, make_context=context)
        return ran, [f"{line['action']} {line['outcome']}" for line in logger.lines]

    return invoke


def test_native_redrive_starts_one_task_and_shows_it_to_its_end(native: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the dead-letter queue to the processing queue at the rate; yesterday's task is not taken for this one."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    moves = MoveServer(states=[("RUNNING", 40), ("COMPLETED", 100)])
    ran, audited = native(moves, "--rate", "50", "-o", "table")
    assert ran.exit_code == 0
    (start,) = moves.requests("StartMessageMoveTask")
    assert start == {"SourceArn": ARN + "dlq", "DestinationArn": ARN + "queue", "MaxNumberOfMessagesPerSecond": 50}
    assert "SQS moves 40 of about 100" in ran.err
    assert "COMPLETED" in ran.out
    assert audited == ["dlq.redrive-native started", "dlq.redrive-native completed"]


def test_interrupt_cancels_the_native_redrive(native: Run) -> None:
    """The first Ctrl-C asks SQS to stop, and waits until it has: exit 130; what was moved is told."""
    sent: list[int] = []

    def interrupt_once() -> None:
        if not sent:
            sent.append(1)
            os.kill(os.getpid(), signal.SIGINT)

    moves = MoveServer(states=[("RUNNING", 40)], on_list=interrupt_once)
    ran, audited = native(moves, "-o", "json")
    assert ran.exit_code == 130
    assert moves.requests("CancelMessageMoveTask") == [{"TaskHandle": "handle-1"}]
    assert (json.loads(ran.out)["status"], json.loads(ran.out)["moved"]) == ("CANCELLED", 40)
    assert audited[-1] == "dlq.redrive-native cancelled"


def test_native_redrive_that_fails_says_why(native: Run) -> None:
    """Exit 1 with SQS's reason, and the way that works everywhere."""
    ran, audited = native(MoveServer(states=[("FAILED", 3)]))
    assert ran.exit_code == 1
    assert "AccessDenied" in ran.err
    assert "without --native" in ran.err
    assert audited[-1] == "dlq.redrive-native failed"


def test_running_native_task_refuses_every_other_redrive(native: Run) -> None:
    """Two at once would trip over each other: exit 2, and nothing is started."""
    moves = MoveServer(states=[("RUNNING", 1)])
    moves.calls.append(("StartMessageMoveTask", {}))
    ran, audited = native(moves)
    assert ran.exit_code == 2
    assert "a native move task is running" in ran.err
    assert len(moves.requests("StartMessageMoveTask")) == 1
    assert not audited


def test_environment_without_move_tasks_says_so(native: Run) -> None:
    """An emulated SQS may lack them: exit 2 and what to do instead."""
    ran, _ = native(MoveServer(states=[], has_move_tasks=False))
    assert ran.exit_code == 2
    assert "has no move tasks" in ran.err
    assert "leave out --native" in ran.err


@pytest.mark.parametrize(
    "words",
    [
        ["--provider", "stripe"],
        ["--max", "3"],
        ["--canary", "1"],
        ["--dry-run"],
        ["--wait"],
        ["--resume", "--journal", "j"],
        ["--edit"],
        ["--edit-all"],
        ["--stop-if-fail", "2"],
        ["--no-guard"],
        ["--visibility", "5"],
        ["--deadline", "5m"],
        ["--timeout", "5m"],
        ["--query", "webhook"],
    ],
    ids=lambda words: words[0],
)
def test_what_sqs_cannot_do_is_refused_by_name(native: Run, words: list[str]) -> None:
    """Nothing that the operator asked for is silently left out."""
    moves = MoveServer(states=[])
    ran, _ = native(moves, *words)
    assert ran.exit_code == 2
    assert "SQS's own redrive moves everything" in ran.err
    assert not moves.calls
