"""`webhookctl dlq`: what is in the dead-letter queue, why, what is at stake, and moving it back safely."""

from typing import Annotated, Final

import typer

from stack import outputs as names
from stack.outputs import log_group_name
from webhookctl.commands.dlq_files import export, import_, purge
from webhookctl.commands.dlq_options import DEFAULT_MOST, Each, Most, takes_filters
from webhookctl.commands.dlq_redrive import redrive
from webhookctl.context import AppContext, Context
from webhookctl.core.audit import AuditFilter, query
from webhookctl.core.dead_letter_view import row, view
from webhookctl.core.dlq_filter import DeadLetterFilter
from webhookctl.core.dlq_groups import DeadLetterSummary
from webhookctl.core.dlq_scan import ScanLimits
from webhookctl.core.dlq_watch import watch as watched
from webhookctl.core.timespan import parse_span

app = typer.Typer(help="Look into the dead-letter queue and move it back safely.", no_args_is_help=True)

LOOK: Final = ScanLimits(visibility_s=30)


@app.command("list")
@takes_filters
def list_(ctx: Context, filters: DeadLetterFilter, each: Each = False, limit: Most = DEFAULT_MOST) -> None:
    """Show what is in the dead-letter queue, grouped by error, provider and type.

    SQS has no look without a receive: every message seen is given back at once, but its receive count rises by one.
    """
    if each:
        ctx.obj.show([row(letter) for letter in ctx.obj.dead_letters.look(filters, limits=LOOK, most=limit)])
        return
    summary = ctx.obj.dead_letters.summary(filters, limits=LOOK, most=limit)
    ctx.obj.show(summary)
    _say_what_looking_changed(ctx.obj, summary)


@app.command()
def show(
    ctx: Context,
    wanted: Annotated[str, typer.Argument(metavar="ID", help="A webhook id, provider event id or message id.")],
    limit: Most = DEFAULT_MOST,
) -> None:
    """Show one dead letter: the message, its webhook, each failed attempt, the audit trail."""
    app = ctx.obj
    found = app.dead_letters.find(wanted, limits=LOOK, most=limit)
    webhook_id = found.message.webhook_id or ""
    since = found.webhook.received_at if found.webhook is not None else found.message.sent_at
    app.show(
        view(
            found,
            log=app.logs.events(
                log_group_name(app.outputs[names.PROCESSOR_NAME]), start=since, pattern=f'"{webhook_id}"'
            ),
            trail=query(app.audit_log, AuditFilter(webhook_id=webhook_id), start=since),
        )
    )


@app.command()
@takes_filters
def watch(
    ctx: Context,
    filters: DeadLetterFilter,
    every: Annotated[str, typer.Option("--every", metavar="TIME", help="Read the queue's depth this often.")] = "2s",
    limit: Most = DEFAULT_MOST,
) -> None:
    """Show the dead-letter queue live, until Ctrl-C.

    Only the depth is read each time; the messages are looked into again when it changes.
    """
    app = ctx.obj
    for summary in watched(
        app.dead_letters, filters, limits=LOOK, most=limit, every_s=parse_span(every).total_seconds()
    ):
        if app.settings.output == "table":
            app.console.say(f"\n{app.now():%H:%M:%S}Z")
        app.show(summary)


app.command()(redrive)
app.command()(export)
app.command("import")(import_)
app.command()(purge)


def _say_what_looking_changed(context: AppContext, summary: DeadLetterSummary) -> None:
    if summary.seen:
        context.console.say(f"{summary.seen:,} messages were received and given back: receive counts rose by one")
