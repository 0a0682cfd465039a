"""`webhookctl payments`: what a payment's events come to."""

import sys
from datetime import timedelta
from typing import Annotated

import typer

from webhookctl.commands import event_ports
from webhookctl.commands.options import Limit, PaymentId, Provider, Since, Until
from webhookctl.context import Context
from webhookctl.core.audit import records
from webhookctl.core.events import payments

app = typer.Typer(help="Show what a payment's events come to.", no_args_is_help=True)

DEFAULT_WINDOW = timedelta(days=1)


StatusOption = Annotated[
    payments.PaymentStatus | None,
    typer.Option(
        "--status",
        "-s",
        case_sensitive=False,
        metavar="STATUS",
        help=f"Only those whose events come to it: {', '.join(payments.PaymentStatus)}.",
    ),
]


@app.command()
def show(
    ctx: Context,
    payment_id: PaymentId,
) -> None:
    """Show a payment's state, refunds and disputes, and the events that they follow from."""
    ctx.obj.show(payments.show_payment(ctx.obj.payment_index, payment_id))


@app.command("list")
def list_(
    ctx: Context,
    provider: Provider = None,
    status: StatusOption = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
) -> None:
    """List the payments that events of the last day (or --since) touched, newest first.

    Each of them costs a query of the payment index, also where --limit leaves it out.
    """
    app = ctx.obj
    wanted = records.AuditFilter(provider=provider, status="PROCESSED")
    changes = records.query(app.audit_log, wanted, start=since or app.now() - DEFAULT_WINDOW, end=until)
    keep = payments.PaymentFilter(provider=provider, status=status)
    found = payments.list_payments(app.payment_index, changes, keep=keep, limit=sys.maxsize)
    app.show(found[:limit])
    if len(found) > limit:
        event_ports.tell_rest(app, limit, f"--limit {len(found)}")
