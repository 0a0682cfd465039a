"""`webhookctl dlq export`, `import` and `purge`: dead letters in files."""

import shlex
from datetime import UTC
from pathlib import Path
from typing import Annotated, Final

import typer

from webhookctl.commands.dlq_options import DEFAULT_MOST, Most, say_what_looking_changed, takes_filters
from webhookctl.commands.interrupt import stopping
from webhookctl.commands.options import Confirm
from webhookctl.context import AppContext, Context
from webhookctl.core.dlq.filter import DeadLetterFilter
from webhookctl.core.dlq_actions import export_dead_letters, import_dead_letters, purge_dead_letters
from webhookctl.errors import INTERRUPTED_EXIT_CODE, PartialError, UsageError

Payloads = Annotated[
    bool, typer.Option("--payloads", help="With the stored payloads: personal data, keep the file safe.")
]


_NAMED: Final = 5
"""So many refused lines are named; the result has all of them."""


@takes_filters
def export(
    ctx: Context,
    filters: DeadLetterFilter,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file; JSON lines.")],
    payloads: Payloads = False,
    limit: Most = DEFAULT_MOST,
) -> None:
    """Write dead letters, each with its webhook's record, to a file; the queue stays as it is."""
    app = ctx.obj
    report = export_dead_letters(app.redrive_desk, filters, file, has_payloads=payloads, most=limit)
    app.show(report)
    say_what_looking_changed(app.console, report.seen)


def import_(
    ctx: Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What export or purge wrote.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    confirm: Confirm = None,
) -> None:
    """Put the messages of an export back into the dead-letter queue."""
    app = ctx.obj
    app.guard(f"Put the messages of {file} into the dead-letter queue", yes=yes or app.is_disposable, confirm=confirm)
    report = import_dead_letters(app.redrive_desk, file)
    app.show(report)
    if report.torn_line is not None:
        app.console.warn(f"line {report.torn_line} ends in the middle; its message was not purged and is still there")
    if report.failed:
        raise PartialError(
            f"{report.failed:,} messages were refused by the queue: {'; '.join(report.refused[:_NAMED])}",
            hint="import these lines again, from a file of their own",
        )


@takes_filters
def purge(
    ctx: Context,
    filters: DeadLetterFilter,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE", help="Export to this new file first. Default: a new one here."),
    ] = None,
    no_export: Annotated[bool, typer.Option("--no-export", help="Really keep no copy.")] = False,
    payloads: Payloads = False,
    limit: Annotated[
        int, typer.Option("--limit", min=1, metavar="N", help="Delete this many messages at most.")
    ] = DEFAULT_MOST,
    confirm: Confirm = None,
) -> None:
    """Delete dead letters; each is exported before it goes. Asks for the environment's name."""
    app = ctx.obj
    if file is not None and no_export:
        raise UsageError("--file and --no-export contradict each other", hint="leave one of them out")
    if confirm != app.environment:
        app.console.confirm_name("Delete dead letters for good.", app.environment)
    app.guard("Delete dead letters", yes=True, confirm=app.environment)
    default = Path(f"dlq-{app.environment}-{app.now().astimezone(UTC):%Y%m%dT%H%M%SZ}.jsonl")
    target = None if no_export else file or default
    if target is not None:
        app.console.say(f"to undo, also when it is interrupted: {_undo(app, target)}")
    with stopping(app.console, after="the batch in hand") as stop:
        report = purge_dead_letters(app.redrive_desk, filters, target, has_payloads=payloads, most=limit, stop=stop)
    app.show(report)
    if report.is_stopped:
        raise typer.Exit(INTERRUPTED_EXIT_CODE)
    if report.undeleted:
        raise PartialError(f"{report.undeleted:,} messages could not be deleted", hint="webhookctl dlq list")


def _undo(app: AppContext, file: Path) -> str:
    return f"webhookctl dlq import --env {app.environment} {shlex.quote(str(file))}"
