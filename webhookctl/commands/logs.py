"""`webhookctl logs`: what the deployed functions write."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, ClassVar

import typer

from stack import outputs as names
from webhookctl.commands.options import Follow, Since, Until
from webhookctl.context import AppContext, Context
from webhookctl.core import logs

app = typer.Typer(help="Read what the deployed functions write.", no_args_is_help=True)


class Source(StrEnum):
    """Whose lines to read."""

    RECEIVER = "receiver"
    PROCESSOR = "processor"
    AUDIT = "audit"
    ACCESS = "access"


_OUTPUTS = {
    Source.RECEIVER: names.RECEIVER_NAME,
    Source.PROCESSOR: names.PROCESSOR_NAME,
    Source.AUDIT: names.AUDIT_NAME,
}


@dataclass(frozen=True, slots=True)
class Line:
    """One printed line."""

    TABLE: ClassVar = ("at", "source", "message")
    at: datetime
    source: str
    message: str


@app.callback()
def root() -> None:
    """Read what the deployed functions write."""


@app.command()
def tail(
    ctx: Context,
    sources: Annotated[list[Source] | None, typer.Argument(help="Whose lines. Default: the three functions'.")] = None,
    grep: Annotated[str | None, typer.Option("--grep", "-g", metavar="TEXT", help="Only lines with this text.")] = None,
    since: Since = None,
    until: Until = None,
    follow: Follow = False,
) -> None:
    """Print log lines of the last 10 minutes (or --since), oldest first; -f goes on."""
    app = ctx.obj
    groups = {_group(app, s): s.value for s in sources or (Source.RECEIVER, Source.PROCESSOR, Source.AUDIT)}
    start = since or app.now() - timedelta(minutes=10)
    if follow:
        found: Iterator[logs.LogEvent] = logs.follow(app.logs, list(groups), start=start, now=app.now)
    else:
        found = iter(logs.read(app.logs, list(groups), start=start, end=until))
    app.show(Line(e.at, groups[e.group], e.message) for e in found if grep is None or grep in e.message)


def _group(app: AppContext, source: Source) -> str:
    if source is Source.ACCESS:
        return app.outputs[names.ACCESS_LOG_GROUP]
    return f"/aws/lambda/{app.outputs[_OUTPUTS[source]]}"
