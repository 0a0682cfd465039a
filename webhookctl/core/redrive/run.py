"""A redrive from the first audit line to the last: refuse, journal, move, account for it."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from lambdas.shared.webhook import StoredWebhook
from webhookctl.core.audit.operator_lines import Operator, OperatorAction, OperatorAudit
from webhookctl.core.dlq.dead_letter import Queue
from webhookctl.core.dlq.fix_up import BodyStore, FixUp
from webhookctl.core.dlq.json_patch import changes
from webhookctl.core.dlq.look import DeadLetterQueue
from webhookctl.core.redrive.collaborators import Collaborators
from webhookctl.core.redrive.journal import Journal, read
from webhookctl.core.redrive.mover import redrive
from webhookctl.core.redrive.native import MoveTask, MoveTasks, move, refuse_while_moving
from webhookctl.core.redrive.plan import RedrivePlan
from webhookctl.core.redrive.report import Happening, RedriveReport
from webhookctl.errors import WebhookctlError

ACTION: Final = "dlq.redrive"
NATIVE_ACTION: Final = "dlq.redrive-native"
EDIT_ACTION: Final = "dlq.edit"
_LONGEST_NOTE: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class RedriveDesk:
    """What an environment has for redriving, and who does it."""

    source: DeadLetterQueue
    target: Queue
    moves: MoveTasks
    bodies: BodyStore
    audit: OperatorAudit
    operator: Operator

    def account(
        self,
        action: str,
        action_id: str,
        outcome: str,
        *,
        details: Mapping[str, object],
        webhook_id: str | None = None,
    ) -> None:
        """Write an operator's audit line. Raises WebhookctlError."""
        self.audit.record(
            OperatorAction(
                action=action,
                action_id=action_id,
                operator=self.operator,
                at=self.source.now(),
                outcome=outcome,
                webhook_id=webhook_id,
                details=details,
            )
        )


def resumed_plan(journal: Path) -> RedrivePlan:
    """Return what is left of the plan that an interrupted redrive's journal holds. Raises UsageError."""
    past = read(journal)
    plan = past.plan
    return plan if plan.limit is None else replace(plan, limit=max(0, plan.limit - len(past.sent)))


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
    refuse_while_moving(desk.moves, desk.source.queue.depth().arn)
    if plan.is_dry_run:
        return redrive(plan, _tools(plan, desk, None, happened, stop))
    opened = Journal.resume(journal_path) if is_resumed else Journal.create(journal_path, plan.describe())
    with opened as journal:
        _account(plan, desk, "resumed" if is_resumed else "started")
        counts: Counter[str] = Counter()

        def counted(happening: Happening) -> None:
            counts[happening.event] += 1
            happened(happening)

        try:
            report = redrive(plan, _tools(plan, desk, journal, counted, stop))
        except WebhookctlError as error:
            _account(plan, desk, "failed", error=error.message, counts=dict(counts))
            raise
        journal.end(report.stopped_by.value)
        _account(plan, desk, report.outcome, stoppedBy=report.stopped_by.value, counts=report.counts())
    return report


def _tools(
    plan: RedrivePlan,
    desk: RedriveDesk,
    journal: Journal | None,
    happened: Callable[[Happening], None],
    stop: threading.Event,
) -> Collaborators:
    fix_up = _fix_up(plan, desk)
    mend = None if fix_up is None else fix_up.check if plan.is_dry_run else fix_up.apply
    return Collaborators(
        dlq=desk.source.queue,
        target=desk.target,
        webhooks=desk.source.webhooks,
        normalise=desk.source.normalise,
        journal=journal,
        happened=happened,
        fix_up=mend,
        now=desk.source.now,
        stop=stop,
    )


def _account(plan: RedrivePlan, desk: RedriveDesk, outcome: str, **details: object) -> None:
    desk.account(ACTION, plan.redrive_id, outcome, details={"filter": plan.filters.describe(), **details})


def _fix_up(plan: RedrivePlan, desk: RedriveDesk) -> FixUp | None:
    if plan.patch is None:
        return None
    paths = changes(plan.patch)

    def record(before: StoredWebhook, after: StoredWebhook) -> None:
        desk.account(
            EDIT_ACTION,
            plan.redrive_id,
            "edited",
            webhook_id=after.webhook_id,
            details={"paths": paths, "bodySha256": {"from": before.body_sha256, "to": after.body_sha256}},
        )

    return FixUp(
        patch=plan.patch,
        bodies=desk.bodies,
        normalise=desk.source.normalise,
        operator=desk.operator.name,
        note=f"{plan.redrive_id}: {paths}"[:_LONGEST_NOTE],
        record=record,
    )


def run_natively(
    plan: RedrivePlan, desk: RedriveDesk, *, progress: Callable[[MoveTask], None], stop: threading.Event
) -> MoveTask:
    """Let SQS move everything; on record before and after. Raises UsageError where the environment cannot."""
    refuse_while_moving(desk.moves, desk.source.queue.depth().arn)
    desk.account(NATIVE_ACTION, plan.redrive_id, "started", details={})
    try:
        task = move(
            desk.moves,
            source_arn=desk.source.queue.depth().arn,
            target_arn=desk.target.depth().arn,
            rate_per_s=None if plan.rate_per_s is None else max(1, int(plan.rate_per_s)),
            progress=progress,
            stop=stop,
        )
    except WebhookctlError as error:
        desk.account(NATIVE_ACTION, plan.redrive_id, "failed", details={"error": error.message})
        raise
    desk.account(NATIVE_ACTION, plan.redrive_id, task.status.value.lower(), details={"counts": {"moved": task.moved}})
    return task
