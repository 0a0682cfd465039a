"""A redrive from the first audit line to the last: refuse, journal, move, account for it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from webhookctl.core.dead_letter import Queue
from webhookctl.core.dlq import DeadLetterQueue
from webhookctl.core.journal import Journal, read
from webhookctl.core.operator_audit import Operator, OperatorAction, OperatorAudit
from webhookctl.core.redrive import Collaborators, redrive
from webhookctl.core.redrive_plan import RedrivePlan
from webhookctl.core.redrive_report import Happening, RedriveReport
from webhookctl.errors import UsageError, WebhookctlError

ACTION = "dlq.redrive"


class MoveTasks(Protocol):
    """SQS's own redrive of a dead-letter queue."""

    def running(self, source_arn: str) -> str | None:
        """Return the handle of the move task that runs on the queue; None also where the service has none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RedriveDesk:
    """What an environment has for redriving, and who does it."""

    source: DeadLetterQueue
    target: Queue
    moves: MoveTasks
    audit: OperatorAudit
    operator: Operator


def resumed_plan(journal: Path) -> RedrivePlan:
    """Return the plan that an interrupted redrive's journal holds. Raises UsageError."""
    return RedrivePlan.from_description(read(journal).plan)


def run_redrive(
    plan: RedrivePlan,
    desk: RedriveDesk,
    *,
    journal_path: Path,
    is_resumed: bool,
    happened: Callable[[Happening], None],
    stop: threading.Event,
) -> RedriveReport:
    """Carry out a redrive and leave its traces in the journal and the audit log; a dry run leaves none.

    Raises UsageError while a native move task runs, and WebhookctlError when the redrive cannot go on; the journal
    then says how far it came.
    """
    refuse_while_native(desk)
    if plan.is_dry_run:
        return redrive(plan, _tools(desk, None, happened, stop))
    opened = Journal.resume(journal_path) if is_resumed else Journal.create(journal_path, plan.describe())
    with opened as journal:
        _account(plan, desk, "resumed" if is_resumed else "started")
        try:
            report = redrive(plan, _tools(desk, journal, happened, stop))
        except WebhookctlError as error:
            _account(plan, desk, "failed", error=error.message)
            raise
        journal.end(report.stopped_by.value)
        _account(plan, desk, report.stopped_by.value, counts=report.counts())
    return report


def refuse_while_native(desk: RedriveDesk) -> None:
    """Raise UsageError while SQS itself moves messages out of the queue: the two would trip over each other."""
    handle = desk.moves.running(desk.source.queue.depth().arn)
    if handle is not None:
        raise UsageError("a native move task is running on the dead-letter queue", hint="wait for it, or cancel it")


def _tools(
    desk: RedriveDesk, journal: Journal | None, happened: Callable[[Happening], None], stop: threading.Event
) -> Collaborators:
    return Collaborators(
        dlq=desk.source.queue,
        target=desk.target,
        webhooks=desk.source.webhooks,
        normalise=desk.source.normalise,
        journal=journal,
        happened=happened,
        now=desk.source.now,
        stop=stop,
    )


def _account(plan: RedrivePlan, desk: RedriveDesk, outcome: str, **details: object) -> None:
    desk.audit.record(
        OperatorAction(
            action=ACTION,
            action_id=plan.redrive_id,
            environment=plan.environment,
            operator=desk.operator,
            at=desk.source.now(),
            outcome=outcome,
            details={"filter": plan.filters.describe(), **details},
        )
    )
