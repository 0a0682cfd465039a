"""`webhookctl trace`: one webhook's way through all services."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from webhookctl.commands import event_ports
from webhookctl.commands.options import EventType, Limit, Provider, Since, Until, parsed_span
from webhookctl.context import AppContext, Context
from webhookctl.core.trace import traces
from webhookctl.core.trace.find import picture
from webhookctl.core.trace.map import read_map
from webhookctl.core.trace.search import trace_ids_of

app = typer.Typer(help="See one webhook's way through all services.", no_args_is_help=True)

DEFAULT_WINDOW = timedelta(hours=1)


@app.callback()
def root() -> None:
    """See one webhook's way through all services."""


@app.command("list")
def list_(
    ctx: Context,
    errors: Annotated[bool, typer.Option("--errors", help="Only with a fault, an error or a throttle.")] = False,
    slow: Annotated[
        timedelta | None,
        typer.Option("--slow", parser=parsed_span, metavar="TIME", help="Only answers that took as long (500ms)."),
    ] = None,
    provider: Provider = None,
    event_type: EventType = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
) -> None:
    """List traces of the last hour (or --since), newest first; stderr says when there are more than --limit."""
    app = ctx.obj
    wanted = traces.TraceFilter(errors=errors, slow=slow, provider=provider, event_type=event_type)
    end = until or app.now()
    found = traces.list_traces(app.traces, wanted, start=since or end - DEFAULT_WINDOW, end=end, limit=limit + 1)
    _show(app, found[:limit])
    if len(found) > limit:
        event_ports.tell_rest(app, limit, "--limit N")


@app.command()
def show(
    ctx: Context,
    name: Annotated[str, typer.Argument(metavar="ID", help="A trace id, or a webhook id <provider>:<event id>.")],
    logs: Annotated[bool, typer.Option("--logs", help="Put the log lines between the bars.")] = False,
) -> None:
    """Draw one trace, or all of a webhook's: receiver, queue, every attempt, audit."""
    app = ctx.obj
    _show(app, picture(app.traces, app.table, app.trace_lines, name, now=app.now(), with_logs=logs))


@app.command()
def find(
    ctx: Context,
    webhook_id: Annotated[str | None, typer.Option("--webhook-id", "-w", metavar="ID")] = None,
    event_id: Annotated[str | None, typer.Option("--event-id", metavar="ID", help="The provider's own id.")] = None,
    payment_id: Annotated[str | None, typer.Option("--payment-id", metavar="ID")] = None,
) -> None:
    """Print the trace ids of a webhook, an event or a payment."""
    app = ctx.obj
    ids = trace_ids_of(
        app.traces,
        app.table,
        app.payment_index,
        now=app.now(),
        webhook_id=webhook_id,
        event_id=event_id,
        payment_id=payment_id,
    )
    _show(app, ids)


@app.command("map")
def map_(
    ctx: Context,
    svg: Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Draw it into this file, too.")] = None,
    since: Since = None,
    until: Until = None,
) -> None:
    """Show who calls whom, how often, how fast and with how many errors."""
    app = ctx.obj
    end = until or app.now()
    found = read_map(app.traces, start=since or end - DEFAULT_WINDOW, end=end)
    found.write_svg(svg)
    _show(app, found)


def _show(app: AppContext, found: object) -> None:
    event_ports.tell_hidden_traces(app)
    app.show(found)
