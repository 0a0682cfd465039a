"""`webhookctl audit`: who changed what, when, and whether the log can be believed."""

from datetime import timedelta
from typing import Annotated

import typer

from lambdas.shared.webhook import Status
from webhookctl.commands.options import Follow, Since, Until
from webhookctl.context import AppContext, Context
from webhookctl.core import audit
from webhookctl.core.audit_show import timeline

app = typer.Typer(help="Query and verify the audit log.", no_args_is_help=True)

DEFAULT_WINDOW = timedelta(days=1)
SHOW_WINDOW = timedelta(days=30)

WebhookId = Annotated[str | None, typer.Option("--webhook-id", "-w", metavar="ID", help="Only this webhook's.")]
Provider = Annotated[str | None, typer.Option("--provider", "-p", metavar="NAME", help="Only this provider's.")]
EventType = Annotated[str | None, typer.Option("--type", "-t", metavar="TYPE", help="Only this event type.")]
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
    wanted = audit.AuditFilter(
        webhook_id=webhook_id,
        provider=provider,
        event_type=event_type,
        status=status.value if status else None,
        actor=actor,
    )
    start = since or app.now() - DEFAULT_WINDOW
    if follow:
        app.show(audit.follow(app.audit_log, wanted, start=start, now=app.now))
    else:
        app.show(audit.query(_log(app, insights=insights), wanted, start=start, end=until, limit=limit))


@app.command()
def show(
    ctx: Context,
    webhook_id: Annotated[str, typer.Argument(metavar="ID", help="<provider>:<event id>.")],
    since: Since = None,
) -> None:
    """Show one webhook's timeline with what each write changed."""
    app = ctx.obj
    wanted = audit.AuditFilter(webhook_id=webhook_id)
    app.show(timeline(webhook_id, audit.query(app.audit_log, wanted, start=since or app.now() - SHOW_WINDOW)))


def _log(app: AppContext, *, insights: bool) -> audit.AuditLog:
    if not insights:
        return app.audit_log
    estimate = app.insights_log.estimate()
    app.console.say(f"Logs Insights scans up to {estimate.scanned_bytes:,} bytes: at most ${estimate.usd:.6f}")
    return app.insights_log
