"""`webhookctl dlq redrive --native`: SQS moves everything itself."""

import typer

from webhookctl.commands.dlq_progress import following
from webhookctl.context import AppContext
from webhookctl.core.redrive.native import MoveStatus, MoveTask
from webhookctl.core.redrive.plan import RedrivePlan
from webhookctl.core.redrive.run import run_natively
from webhookctl.errors import INTERRUPTED_EXIT_CODE, UsageError, WebhookctlError


def redrive_natively(context: AppContext, plan: RedrivePlan, *, yes: bool, confirm: str | None) -> None:
    """Ask, start a move task and show it to its end. Ctrl-C cancels it; what was moved stays moved.

    Raises UsageError when the plan chooses messages: SQS cannot.
    """
    if not plan.filters.is_empty:
        raise UsageError("SQS's own redrive moves everything: it knows no filters", hint="leave out --native")
    context.guard(
        "Move EVERY dead letter back to the processing queue", yes=yes or context.is_disposable, confirm=confirm
    )
    desk = context.redrive_desk
    with following(context, "SQS moves", total=desk.source.queue.depth().visible) as followed:

        def progress(task: MoveTask) -> None:
            followed.progress.update(f"{task.moved:,} of about {task.to_move or followed.total:,}")

        task = run_natively(plan, desk, progress=progress, stop=followed.stop)
    context.show(task)
    if task.status is MoveStatus.CANCELLED:
        raise typer.Exit(INTERRUPTED_EXIT_CODE)
    if task.status is MoveStatus.FAILED:
        raise WebhookctlError(f"the move task failed: {task.failure}", hint="webhookctl dlq redrive, without --native")
