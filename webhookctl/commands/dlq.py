"""`webhookctl dlq`: what is in the dead-letter queue, why, what is at stake, and moving it back safely."""

from datetime import timedelta
from typing import Annotated, Final

import typer

from stack import outputs as names
from stack.outputs import log_group_name
from webhookctl.commands.dlq_files import export, import_, purge
from webhookctl.commands.dlq_options import DEFAULT_MOST, Each, Most, say_what_looking_changed, takes_filters
from webhookctl.commands.dlq_redrive import redrive
from webhookctl.commands.event_ports import tell_hidden_traces
from webhookctl.commands.options import parsed_span
from webhookctl.context import Context
from webhookctl.core.audit.records import AuditFilter, query
from webhookctl.core.dlq.filter import DeadLetterFilter
from webhookctl.core.dlq.scan import ScanLimits
from webhookctl.core.dlq.view import row, view
from webhookctl.core.dlq.watch import watch as watched

app = typer.Typer(help="Look into the dead-letter queue and move it back safely.", no_args_is_help=True)

LOOK: Final = ScanLimits(visibility_s=30)


@app.command("list")
@takes_filters
def list_(ctx: Context, filters: DeadLetterFilter, each: Each = False, limit: Most = DEFAULT_MOST) -> None:
    """Show what is in the dead-letter queue, grouped by error, provider and type.

    SQS has no look without a receive: every message seen is given back at once, but its receive count rises by one.
    """
    app = ctx.obj
    found = app.dead_letters.find_all(filters, limits=LOOK, most=limit)
    if not each:
        app.show(found.summary(app.now()))
        return
    app.show([row(letter) for letter in found.letters])
    say_what_looking_changed(app.console, found.seen)


@app.command()
def show(
    ctx: Context,
    wanted: Annotated[str, typer.Argument(metavar="ID", help="A webhook id, provider event id or message id.")],
    limit: Most = DEFAULT_MOST,
) -> None:
    """Show one dead letter: the message, its webhook, each failed attempt, the audit trail."""
    app = ctx.obj
    found = app.dead_letters.find(wanted, limits=LOOK, most=limit)
    letter = found.letters[0]
    webhook_id, since = letter.message.webhook_id, letter.received_at
    if webhook_id is None:
        app.show(view(letter, log=[], trail=[], traces=[]))
    else:
        trace_id = letter.webhook.trace_id if letter.webhook is not None else None
        group = log_group_name(app.outputs[names.PROCESSOR_NAME])
        app.show(
            view(
                letter,
                log=app.logs.events(group, start=since, pattern=f'"{webhook_id}"'),
                trail=query(app.audit_log, AuditFilter(webhook_id=webhook_id), start=since),
                traces=app.traces.traces([trace_id]) if trace_id else [],
            )
        )
        tell_hidden_traces(app)
    say_what_looking_changed(app.console, found.seen)


@app.command()
@takes_filters
def watch(
    ctx: Context,
    filters: DeadLetterFilter,
    every: Annotated[
        timedelta,
        typer.Option("--every", parser=parsed_span, metavar="TIME", help="Read the queue's depth this often (2s, 1m)."),
    ] = timedelta(seconds=2),
    limit: Most = DEFAULT_MOST,
) -> None:
    """Show the dead-letter queue live, until Ctrl-C.

    Only the depth is read each time; the messages are looked into again when it changes. Piped, it prints the changes.
    """
    app = ctx.obj
    app.watch(
        watched(
            app.dead_letters,
            filters,
            limits=LOOK,
            most=limit,
            every_s=every.total_seconds(),
            changes_only=app.settings.output != "table" or app.console.width is None,
        )
    )


app.command()(redrive)
app.command()(export)
app.command("import")(import_)
app.command()(purge)
