"""`webhookctl incident`: material for a post-mortem."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from webhookctl.commands.options import Since, Until
from webhookctl.context import Context
from webhookctl.core.incident.export import export_incident

app = typer.Typer(help="Gather what a post-mortem needs.", no_args_is_help=True)

DEFAULT_WINDOW = timedelta(hours=1)


@app.callback()
def root() -> None:
    """Gather what a post-mortem needs."""


@app.command()
def export(
    ctx: Context,
    path: Annotated[
        Path | None, typer.Argument(metavar="PATH", help="A new folder, or a new .tar.gz. Default: incident-<time>.")
    ] = None,
    since: Since = None,
    until: Until = None,
) -> None:
    """Write audit, logs, traces, metrics, alarms and a timeline of the last hour (or --since), redacted."""
    app = ctx.obj
    end = until or app.now()
    target = path or Path(f"incident-{end:%Y%m%dT%H%M%SZ}")
    written = export_incident(app.incident_sources, target, start=since or end - DEFAULT_WINDOW, end=end)
    if written.traces_hidden is not None:
        app.console.warn(written.traces_hidden)
    app.show(written)
