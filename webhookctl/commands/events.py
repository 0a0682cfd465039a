"""`webhookctl events`: the stored webhooks."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar

import typer

from lambdas.shared.webhook import Status, StoredWebhook
from webhookctl.commands.events_resend import resend
from webhookctl.commands.options import Limit, Since, Until
from webhookctl.context import Context
from webhookctl.core import events

app = typer.Typer(help="Look at the stored webhooks.", no_args_is_help=True)

Provider = Annotated[str | None, typer.Option("--provider", "-p", metavar="NAME", help="Only this provider's.")]
EventType = Annotated[str | None, typer.Option("--type", "-t", metavar="TYPE", help="Only this event type.")]
StatusOption = Annotated[
    Status | None, typer.Option("--status", "-s", case_sensitive=False, help="Only those that stand here.")
]


@dataclass(frozen=True, slots=True)
class EventRow:
    """One line of `events list`."""

    TABLE: ClassVar = ("webhook_id", "event_type", "status", "received_at", "attempts")
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
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
) -> None:
    """List stored webhooks, newest first."""
    keep = events.EventFilter(provider=provider, event_type=event_type, status=status, since=since, until=until)
    ctx.obj.show([_row(webhook) for webhook in events.list_events(ctx.obj.table, keep, limit=limit)])


@app.command()
def show(
    ctx: Context,
    webhook_id: Annotated[str, typer.Argument(metavar="ID", help="<provider>:<event id>.")],
    body: Annotated[bool, typer.Option("--body", help="Print the stored body instead, byte for byte.")] = False,
) -> None:
    """Show one stored webhook."""
    found = events.show_event(ctx.obj.table, webhook_id)
    if body:
        ctx.obj.console.write_bytes(found.body)
    else:
        ctx.obj.show(_members(found))


app.command()(resend)


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


def _members(webhook: StoredWebhook) -> dict[str, Any]:
    return dict(_flat(webhook))


def _flat(webhook: StoredWebhook) -> Iterator[tuple[str, Any]]:
    from dataclasses import fields

    for field in fields(webhook):
        value = getattr(webhook, field.name)
        if field.name == "body":
            yield "body_bytes", len(value)
        elif field.name == "event" and value is not None:
            yield from ((f.name, getattr(value, f.name)) for f in fields(value))
        elif field.name != "event":
            yield field.name, value
