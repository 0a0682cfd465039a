"""`webhookctl dlq redrive`: plan, ask, carry out, report."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from webhookctl.commands.dlq_edit import edited_plan, patched_plan
from webhookctl.commands.dlq_end import Ending
from webhookctl.commands.dlq_native import redrive_natively
from webhookctl.commands.dlq_options import Visibility, takes_filters
from webhookctl.commands.dlq_progress import following
from webhookctl.commands.dlq_refused import given_options, refuse_contradictions
from webhookctl.commands.options import Confirm, DryRun, Timeout, Yes
from webhookctl.context import AppContext, Context
from webhookctl.core.dlq.filter import DeadLetterFilter
from webhookctl.core.redrive.plan import Canary, RedrivePlan, new_redrive_id
from webhookctl.core.redrive.run import resumed_plan, run_redrive
from webhookctl.core.timespan import parse_span
from webhookctl.errors import UsageError, WebhookctlError


@takes_filters
def redrive(
    ctx: Context,
    filters: DeadLetterFilter,
    dry_run: DryRun = False,
    rate: Annotated[str | None, typer.Option("--rate", metavar="N", help="Send at most N messages a second.")] = None,
    most: Annotated[int | None, typer.Option("--max", min=1, metavar="N", help="Send at most N messages.")] = None,
    canary: Annotated[
        int | None,
        typer.Option(
            "--canary", min=1, metavar="N", help="Send N, wait for what becomes of them, go on in growing steps."
        ),
    ] = None,
    stop_if_fail: Annotated[
        int, typer.Option("--stop-if-fail", min=1, metavar="N", help="Stop when N of a canary step fail again.")
    ] = 1,
    wait: Annotated[bool, typer.Option("--wait", help="Follow each redriven webhook to its end.")] = False,
    timeout: Timeout = timedelta(minutes=5),
    edit: Annotated[
        bool, typer.Option("--edit", help="Fix up the payload in $EDITOR first; one message must be meant.")
    ] = False,
    edit_all: Annotated[
        bool,
        typer.Option("--edit-all", help="Like --edit, but change each payload that has the same old values likewise."),
    ] = False,
    patch: Annotated[
        Path | None,
        typer.Option("--patch", metavar="FILE", help="Fix up each payload with this JSON patch (RFC 6902)."),
    ] = None,
    native: Annotated[
        bool, typer.Option("--native", help="Let SQS move everything: no filter, no guard, no resume.")
    ] = False,
    guard: Annotated[
        bool, typer.Option("--guard/--no-guard", help="Leave out what is processed, superseded or in flight.")
    ] = True,
    journal: Annotated[
        Path | None, typer.Option("--journal", metavar="FILE", help="Keep the journal here instead of the usual place.")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Finish the redrive that --journal tells of, as it was planned; --rate, --max, --wait, --timeout and"
            " --deadline may be given anew.",
        ),
    ] = False,
    visibility: Visibility = 60,
    deadline: Annotated[str, typer.Option("--deadline", metavar="TIME", help="Receive for this long at most.")] = "1h",
    yes: Yes = False,
    confirm: Confirm = None,
) -> None:
    """Move dead letters back to the processing queue.

    Killed at any moment, it loses nothing: --journal FILE --resume goes on where it stopped. --query chooses messages
    here, like --where, and does not shape the output; with both, both must hold.
    """
    app, given = ctx.obj, given_options(ctx)
    refuse_contradictions(given)
    plan = RedrivePlan(
        redrive_id=new_redrive_id(),
        environment=app.environment,
        filters=filters if app.settings.query is None else filters.also(app.settings.query),
        is_dry_run=dry_run,
        is_guarded=guard,
        follows_to_the_end=wait,
        rate_per_s=_rate(rate),
        limit=most,
        canary=None if canary is None else Canary(size=canary, stop_if_fail=stop_if_fail),
        visibility_s=visibility,
        run_for_s=parse_span(deadline).total_seconds(),
        wait_for_s=timeout.total_seconds(),
    )
    if native:
        redrive_natively(app, plan, yes=yes, confirm=confirm)
        return
    if resume:
        plan = _resumed(plan, journal, given)
    elif patch is not None:
        plan = patched_plan(plan, patch)
    elif edit or edit_all:
        plan = edited_plan(app, plan, is_for_all=edit_all)
    if not dry_run:
        app.guard(_question(plan), yes=yes or app.is_disposable, confirm=confirm)
    path = journal or app.settings.home / "redrives" / f"{plan.redrive_id}.jsonl"
    _carry_out(app, plan, path, is_resumed=resume)


def _carry_out(app: AppContext, plan: RedrivePlan, path: Path, *, is_resumed: bool) -> None:
    """Redrive, print the report, and turn what went wrong into the exit code and the command that goes on."""
    ending, desk = Ending(app, plan, path), app.redrive_desk
    ending.say_where_the_journal_is()
    label = "would redrive" if plan.is_dry_run else "redriving"
    with following(app, label, total=desk.source.queue.depth().visible) as followed:
        try:
            report = run_redrive(
                plan, desk, journal_path=path, is_resumed=is_resumed, happened=followed.happened, stop=followed.stop
            )
        except UsageError:  # nothing was begun, or going on the same way ends the same way
            raise
        except WebhookctlError as error:
            ending.add_way_on(error, moved=followed.moved)
            raise
    ending.conclude(report)


_GIVEN_ANEW = {
    "rate": "rate_per_s",
    "most": "limit",
    "wait": "follows_to_the_end",
    "timeout": "wait_for_s",
    "deadline": "run_for_s",
}
"""Options that a resume takes, and the part of the plan that each replaces."""


def _resumed(asked: RedrivePlan, journal: Path | None, given: set[str]) -> RedrivePlan:
    """Return the plan of the interrupted redrive. Raises UsageError when it is another environment's."""
    if journal is None:
        raise UsageError("--resume needs --journal FILE", hint="the interrupted redrive printed the file")
    if not asked.filters.is_empty:
        raise UsageError(
            "--resume takes no filters: the journal has those of the interrupted redrive", hint="leave them out"
        )
    plan = resumed_plan(journal)
    if plan.environment != asked.environment:
        raise UsageError(
            f"the journal is of environment {plan.environment!r}, not {asked.environment!r}",
            hint=f"add --env {plan.environment}",
        )
    anew = {part: getattr(asked, part) for option, part in _GIVEN_ANEW.items() if option in given}
    plan = replace(plan, **anew)
    if "timeout" in given and not plan.follows_outcomes:
        raise UsageError("--timeout bounds the wait for outcomes: add --wait")
    return plan


def _rate(text: str | None) -> float | None:
    """Read `50`, `50/s` or `0.5`."""
    if text is None:
        return None
    try:
        rate = float(text.removesuffix("/s"))
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise UsageError(f"--rate {text!r} is not a rate", hint="write it like 50 or 50/s")
    return rate


def _question(plan: RedrivePlan) -> str:
    return f"Move dead letters back to the processing queue ({plan.words()})"
