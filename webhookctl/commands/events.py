"""`webhookctl events`: the stored webhooks."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, ClassVar

import typer

from lambdas.shared.webhook import Status, StoredWebhook
from webhookctl.commands import event_ports
from webhookctl.commands.events_reconcile import reconcile
from webhookctl.commands.events_resend import resend
from webhookctl.commands.options import AfterId, EventType, Follow, Limit, OfPayment, Provider, Since, Until, WebhookId
from webhookctl.context import Context
from webhookctl.core.audit import records
from webhookctl.core.event_story import may_be_dead, tell, traces_of, unheard
from webhookctl.core.events import search as event_search
from webhookctl.core.events import stored as events
from webhookctl.errors import UsageError

app = typer.Typer(help="Look at the stored webhooks.", no_args_is_help=True)

TAIL_WINDOW = timedelta(minutes=15)

StatusOption = Annotated[
    Status | None, typer.Option("--status", "-s", case_sensitive=False, help="Only those that stand here.")
]


@dataclass(frozen=True, slots=True)
class EventRow:
    """One line of `events list`."""

    TABLE: ClassVar = ("webhook_id", "event_type", "status", "received_at", "attempts")
    SPARE: ClassVar = ("attempts", "received_at")
    WHOLE: ClassVar = ("status",)
    webhook_id: str
    provider: str
    event_type: str
    status: Status
    received_at: datetime
    attempts: int
    kind: str | None
    payment_id: str | None
    amount_minor: int | None
    currency: str | None


@app.command("list")
def list_(
    ctx: Context,
    provider: Provider = None,
    event_type: EventType = None,
    status: StatusOption = None,
    payment_id: OfPayment = None,
    since: Since = None,
    until: Until = None,
    after: AfterId = None,
    limit: Limit = 50,
) -> None:
    """List stored webhooks, newest first; stderr says when there are more than --limit, and how to go on.

    With --payment the payment index answers, with --since the audit log says which webhooks to read. Anything else
    reads, and pays for, the whole table; stderr says so.
    """
    app = ctx.obj
    keep = events.EventFilter(
        provider=provider,
        event_type=event_type,
        status=status,
        since=since,
        until=until,
        after=events.show_event(app.table, after) if after else None,
    )
    sources = event_ports.listed_sources(app)
    event_ports.tell_cost(app, keep, payment_id=payment_id)
    found = event_search.find_events(sources, keep, payment_id=payment_id, limit=limit + 1)
    app.show([_row(webhook) for webhook in found[:limit]])
    if len(found) > limit:
        event_ports.tell_rest(app, limit, f"--limit N, or --after {found[limit - 1].webhook_id}")


@app.command()
def show(
    ctx: Context,
    webhook_id: WebhookId,
    payload: Annotated[
        bool, typer.Option("--payload", help="Show the payload's texts instead of hiding them.")
    ] = False,
    body: Annotated[bool, typer.Option("--body", help="Print the stored body instead, byte for byte.")] = False,
) -> None:
    """Show one webhook's story: deliveries, tries, writes, traces, dead letter or not; its payload, masked."""
    app = ctx.obj
    if body and payload:
        raise UsageError("--payload shows the body in the story, --body shows it alone", hint="choose one")
    found = events.show_event(app.table, webhook_id)
    if body:
        app.console.write_bytes(found.body)
        return
    since = found.received_at - timedelta(minutes=1)
    trail = records.query(app.audit_log, records.AuditFilter(webhook_id=webhook_id), start=since)
    in_dlq = bool(event_ports.dead_letter_ids(app, webhook_id)) if may_be_dead(found) else None
    lines = list(event_ports.function_lines(app, since, pattern=event_ports.pattern_of(webhook_id)))
    traces = traces_of(found, app.traces, now=app.now())
    event_ports.tell_hidden_traces(app)
    lines += [line for tree in unheard(traces, lines) for line in app.trace_lines.told(tree)]
    story = tell(found, log=lines, trail=trail, in_dlq=in_dlq, traces=traces, with_payload=payload)
    app.show(story.members())


@app.command()
def tail(
    ctx: Context,
    provider: Provider = None,
    event_type: EventType = None,
    status: StatusOption = None,
    since: Since = None,
    follow: Follow = False,
) -> None:
    """Print what happened to webhooks in the last 15 minutes (or --since), and with -f what happens next."""
    app = ctx.obj
    wanted = records.AuditFilter(provider=provider, event_type=event_type, status=status.value if status else None)
    start = since or app.now() - TAIL_WINDOW
    found = (
        records.follow(app.audit_log, wanted, start=start, now=app.now)
        if follow
        else records.query(app.audit_log, wanted, start=start)
    )
    app.show(events.happenings(found))


app.command()(resend)
app.command()(reconcile)


def _row(webhook: StoredWebhook) -> EventRow:
    event = webhook.event
    return EventRow(
        webhook_id=webhook.webhook_id,
        provider=webhook.provider,
        event_type=webhook.event_type,
        status=webhook.status,
        received_at=webhook.received_at,
        attempts=webhook.attempts,
        kind=event.kind if event else None,
        payment_id=event.payment_id if event else None,
        amount_minor=event.amount_minor if event else None,
        currency=event.currency if event else None,
    )
