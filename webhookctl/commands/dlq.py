"""`webhookctl dlq`: what is in the dead-letter queue, why, what is at stake, and moving it back safely."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from webhookctl.commands.dlq_options import DEFAULT_MOST, Each, Most, Visibility, takes_filters
from webhookctl.commands.dlq_progress import following
from webhookctl.commands.options import Confirm, DryRun, Timeout, Yes
from webhookctl.context import AppContext, Context
from webhookctl.core.dead_letter_view import row
from webhookctl.core.dlq_filter import DeadLetterFilter
from webhookctl.core.dlq_scan import ScanLimits
from webhookctl.core.redrive_plan import Canary, RedrivePlan, new_redrive_id
from webhookctl.core.redrive_report import RedriveReport, StoppedBy
from webhookctl.core.redrive_run import resumed_plan, run_redrive
from webhookctl.core.timespan import parse_span
from webhookctl.errors import INTERRUPTED_EXIT_CODE, PartialError, UsageError, WaitTimeoutError
from webhookctl.render import render

app = typer.Typer(help="Look into the dead-letter queue and move it back safely.", no_args_is_help=True)

_LOOK_VISIBILITY_S: Final = 30


@app.command("list")
@takes_filters
def list_(ctx: Context, filters: DeadLetterFilter, each: Each = False, limit: Most = DEFAULT_MOST) -> None:
    """Show what is in the dead-letter queue, grouped by error, provider and type.

    SQS has no look without a receive: every message seen is given back at once, but its receive count rises by one.
    """
    limits = ScanLimits(visibility_s=_LOOK_VISIBILITY_S)
    dead_letters = ctx.obj.dead_letters
    if each:
        ctx.obj.show([row(letter) for letter in dead_letters.look(filters, limits=limits, most=limit)])
        return
    summary = dead_letters.summary(filters, limits=limits, most=limit)
    ctx.obj.show(summary)
    if summary.seen:
        ctx.obj.console.say(f"{summary.seen:,} messages were received and given back: receive counts rose by one")


@app.command()
def show(
    ctx: Context,
    wanted: Annotated[str, typer.Argument(metavar="ID", help="A webhook id, provider event id or message id.")],
    limit: Most = DEFAULT_MOST,
) -> None:
    """Show one dead letter: the message, its webhook and what failed."""
    found = ctx.obj.dead_letters.find(wanted, limits=ScanLimits(visibility_s=_LOOK_VISIBILITY_S), most=limit)
    ctx.obj.show(row(found))


@app.command()
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
    guard: Annotated[
        bool, typer.Option("--guard/--no-guard", help="Leave out what is processed, superseded or in flight.")
    ] = True,
    journal: Annotated[
        Path | None, typer.Option("--journal", metavar="FILE", help="Keep the journal here instead of the usual place.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Finish the redrive that --journal tells of.")] = False,
    visibility: Visibility = 60,
    deadline: Annotated[str, typer.Option("--deadline", metavar="TIME", help="Receive for this long at most.")] = "1h",
    yes: Yes = False,
    confirm: Confirm = None,
) -> None:
    """Move dead letters back to the processing queue.

    Killed at any moment, it loses nothing: --journal FILE --resume goes on where it stopped.
    """
    if resume:
        plan, path = _resumed(journal, filters)
    else:
        plan = RedrivePlan(
            redrive_id=new_redrive_id(),
            environment=ctx.obj.environment,
            filters=_with_query(filters, ctx.obj.settings.query),
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
        path = journal or ctx.obj.settings.home / "redrives" / f"{plan.redrive_id}.jsonl"
    if not dry_run:
        ctx.obj.guard(_question(plan), yes=yes or ctx.obj.is_disposable, confirm=confirm)
    _conclude(ctx.obj, _carried_out(ctx.obj, plan, path, is_resumed=resume), path)


def _carried_out(context: AppContext, plan: RedrivePlan, path: Path, *, is_resumed: bool) -> RedriveReport:
    desk = context.redrive_desk
    label = "would redrive" if plan.is_dry_run else "redriving"
    with following(context, label, total=desk.source.queue.depth().visible) as followed:
        return run_redrive(
            plan, desk, journal_path=path, is_resumed=is_resumed, happened=followed.happened, stop=followed.stop
        )


def _conclude(context: AppContext, report: RedriveReport, path: Path) -> None:
    """Print the report and turn what went wrong into the exit code."""
    render(report, context.console, output=context.settings.output)
    again = f"webhookctl dlq redrive --env {context.environment} --journal {path} --resume"
    if report.stopped_by is StoppedBy.INTERRUPT:
        context.console.say(f"interrupted; go on with: {again}")
        raise typer.Exit(INTERRUPTED_EXIT_CODE)
    if report.is_partial:
        raise PartialError(_what_failed(report), hint="webhookctl dlq list")
    if report.is_timed_out:
        raise WaitTimeoutError(_what_is_open(report), hint=again)


def _what_failed(report: RedriveReport) -> str:
    stopped = "the canary stopped the redrive: " if report.stopped_by is StoppedBy.CANARY else ""
    counts = {
        "failed again": report.failed_again,
        "could not be sent": report.send_failed,
        "sent but not deleted": report.undeleted,
    }
    return stopped + ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)


def _what_is_open(report: RedriveReport) -> str:
    if report.waiting:
        return f"{report.waiting:,} redriven webhooks have not come to an end in time"
    return "the deadline came before the end of the queue"


def _resumed(journal: Path | None, filters: DeadLetterFilter) -> tuple[RedrivePlan, Path]:
    if journal is None:
        raise UsageError("--resume needs --journal FILE", hint="the interrupted redrive printed the file")
    if not filters.is_empty:
        raise UsageError("--resume takes no filters: the journal has those of the interrupted redrive")
    return resumed_plan(journal), journal


def _with_query(filters: DeadLetterFilter, query: str | None) -> DeadLetterFilter:
    """Let --query choose messages here: a redrive's result has nothing to select from."""
    return replace(filters, query=query) if query is not None else filters


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
    described = plan.filters.describe()
    which = ", ".join(f"{name} {value}" for name, value in described.items()) if described else "all"
    return f"Move dead letters back to the processing queue ({which})"
