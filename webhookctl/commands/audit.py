"""`webhookctl audit`: who changed what, when, and whether the log can be believed."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from lambdas.shared.webhook import Status
from webhookctl.commands.options import EventType, Follow, Provider, Since, Until
from webhookctl.context import AppContext, Context
from webhookctl.core.audit import records
from webhookctl.core.audit.export import ExportedLog, Format
from webhookctl.core.audit.export import export as export_lines
from webhookctl.core.audit.proof import BEGINNING, verify_environment, write_checkpoint
from webhookctl.core.audit.show import timeline
from webhookctl.core.operator_file import read_text

app = typer.Typer(help="Query and verify the audit log.", no_args_is_help=True)

DEFAULT_WINDOW = timedelta(days=1)
SHOW_WINDOW = timedelta(days=30)

WebhookId = Annotated[str | None, typer.Option("--webhook-id", "-w", metavar="ID", help="Only this webhook's.")]
StatusOption = Annotated[
    Status | None, typer.Option("--status", "-s", case_sensitive=False, help="Only changes to it.")
]
Actor = Annotated[
    str | None, typer.Option("--actor", metavar="NAME", help="receiver, processor, operator or operator:<name>, ttl.")
]
Insights = Annotated[bool, typer.Option("--insights", help="Use Logs Insights (billed by bytes; for wide ranges).")]


@app.callback()
def root() -> None:
    """Query and verify the audit log."""


@app.command()
def query(
    ctx: Context,
    webhook_id: WebhookId = None,
    provider: Provider = None,
    event_type: EventType = None,
    status: StatusOption = None,
    actor: Actor = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="Only the newest N.")] = None,
    follow: Follow = False,
    insights: Insights = False,
) -> None:
    """Print audit records of the last day (or --since), oldest first."""
    app = ctx.obj
    wanted = records.AuditFilter(
        webhook_id=webhook_id,
        provider=provider,
        event_type=event_type,
        status=status.value if status else None,
        actor=actor,
    )
    start = since or app.now() - DEFAULT_WINDOW
    if follow:
        app.show(records.follow(app.audit_log, wanted, start=start, now=app.now))
    else:
        app.show(records.query(_log(app, insights=insights), wanted, start=start, end=until, limit=limit))


@app.command()
def show(
    ctx: Context,
    webhook_id: Annotated[str, typer.Argument(metavar="ID", help="<provider>:<event id>.")],
    since: Since = None,
) -> None:
    """Show one webhook's timeline with what each write changed."""
    app = ctx.obj
    wanted = records.AuditFilter(webhook_id=webhook_id)
    app.show(timeline(webhook_id, records.query(app.audit_log, wanted, start=since or app.now() - SHOW_WINDOW)))


@app.command()
def export(
    ctx: Context,
    form: Annotated[Format, typer.Option("--format", help="JSON lines with their seal, or CSV.")] = Format.JSONL,
    file: Annotated[Path | None, typer.Option("--file", metavar="PATH", help="Write here instead of stdout.")] = None,
    webhook_id: WebhookId = None,
    since: Since = None,
    until: Until = None,
) -> None:
    """Write the audit records out, streaming: all of them, or from --since."""
    app = ctx.obj
    wanted = records.AuditFilter(webhook_id=webhook_id)
    found = records.query(app.audit_log, wanted, start=since or BEGINNING, end=until)
    written = app.console.write_lines(export_lines(found, form=form), file)
    app.console.say(f"{written:,} lines")


@app.command()
def verify(
    ctx: Context,
    since: Since = None,
    webhook_id: WebhookId = None,
    checkpoint: Annotated[
        Path | None, typer.Option("--checkpoint", metavar="FILE", help="An earlier checkpoint that must still hold.")
    ] = None,
    log_file: Annotated[
        Path | None, typer.Option("--log-file", metavar="FILE", help="Verify this JSONL export, not the live log.")
    ] = None,
) -> None:
    """Recompute seals and chains, compare them with the table; exit 7 when anything does not fit."""
    app = ctx.obj
    report = verify_environment(
        app.audit_table,
        ExportedLog(log_file) if log_file else app.audit_log,
        keys=app.audit_keys,
        now=app.now,
        since=since,
        webhook_id=webhook_id,
        checkpoint=read_text(checkpoint) if checkpoint else None,
        log_begins=None if log_file else app.audit_log.begins(app.now()),
    )
    app.show(report)
    report.require_clean()


@app.command()
def checkpoint(
    ctx: Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it; then keep it elsewhere.")],
    states: Annotated[
        bool, typer.Option("--states", help="With every webhook's state, so that verify can name what is missing.")
    ] = False,
) -> None:
    """Write a signed head of the audit log, for a place that this account can't reach."""
    app = ctx.obj
    app.show(
        write_checkpoint(
            app.audit_log,
            file,
            environment=app.environment,
            keys=app.audit_keys,
            now=app.now,
            with_states=states,
        )
    )


def _log(app: AppContext, *, insights: bool) -> records.AuditLog:
    if not insights:
        return app.audit_log
    estimate = app.insights_log.estimate()
    app.console.say(f"Logs Insights scans up to {estimate.scanned_bytes:,} bytes: at most ${estimate.usd:.6f}")
    return app.insights_log
