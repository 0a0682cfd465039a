"""SQS's own redrive (StartMessageMoveTask): fast to start, but it moves everything, unseen, and cannot be resumed."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from webhookctl.errors import UsageError

_POLL_S: Final = 0.5


class MoveStatus(StrEnum):
    """The states of a move task (SQS ListMessageMoveTasks)."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveTask:
    """A move task. `moved` and `to_move` are approximate; `started_ms` is since the epoch.

    `handle` is known only while it runs.
    """

    status: MoveStatus
    started_ms: int
    moved: int
    to_move: int | None
    handle: str | None = None
    failure: str | None = None

    @property
    def is_over(self) -> bool:
        """Nothing moves any more."""
        return self.status not in (MoveStatus.RUNNING, MoveStatus.CANCELLING)


class MoveTasks(Protocol):
    """SQS's own redrive of a dead-letter queue."""

    def latest(self, source_arn: str) -> MoveTask | None:
        """Return the newest move task of the queue; None where there is none, also for want of the feature."""
        ...

    def start(self, source_arn: str, *, target_arn: str, rate_per_s: int | None) -> str:
        """Start a task and return its handle. Raises UsageError where the environment has no move tasks."""
        ...

    def cancel(self, handle: str) -> None:
        """Ask a task to stop. What was moved stays moved."""
        ...


def refuse_while_moving(moves: MoveTasks, source_arn: str) -> None:
    """Raise UsageError while SQS itself moves messages out of the queue: two at once would trip over each other."""
    task = moves.latest(source_arn)
    if task is not None and not task.is_over:
        raise UsageError(
            "a native move task is running on the dead-letter queue",
            hint="wait for it, or cancel it: aws sqs cancel-message-move-task",
        )


def move(
    moves: MoveTasks,
    *,
    source_arn: str,
    target_arn: str,
    rate_per_s: int | None,
    progress: Callable[[MoveTask], None],
    stop: threading.Event,
) -> MoveTask:
    """Run a native redrive to its end and return the task as it ended. A stop cancels it."""
    earlier = moves.latest(source_arn)
    handle = moves.start(source_arn, target_arn=target_arn, rate_per_s=rate_per_s)
    is_cancelled = False
    while True:
        task = moves.latest(source_arn)
        if task is not None and (earlier is None or task.started_ms > earlier.started_ms):
            progress(task)
            if task.is_over:
                return task
        if stop.is_set() and not is_cancelled:
            moves.cancel(handle)
            is_cancelled = True
        threading.Event().wait(_POLL_S) if is_cancelled else stop.wait(_POLL_S)
