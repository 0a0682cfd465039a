"""`webhookctl logs`: what the deployed functions write."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

import typer

from stack import outputs as names
from webhookctl.commands.options import Follow, Since, Until
from webhookctl.context import AppContext, Context
from webhookctl.core import logs
from webhookctl.core.log_lines import lines
from webhookctl.errors import UsageError

app = typer.Typer(help="Read what the deployed functions write.", no_args_is_help=True)


class Source(StrEnum):
    """Whose lines to read."""

    RECEIVER = "receiver"
    PROCESSOR = "processor"
    AUDIT = "audit"
    API = "api"
    WAF = "waf"


_FUNCTIONS = {
    Source.RECEIVER: names.RECEIVER_NAME,
    Source.PROCESSOR: names.PROCESSOR_NAME,
    Source.AUDIT: names.AUDIT_NAME,
}
_GROUPS = {Source.API: names.ACCESS_LOG_GROUP, Source.WAF: names.WAF_LOG_GROUP}


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
    platform: Annotated[
        bool, typer.Option("--platform", help="With Lambda's own START, END and REPORT, and metrics.")
    ] = False,
) -> None:
    """Print log lines of the last 10 minutes (or --since), merged by time, oldest first; -f goes on."""
    if follow and until:
        raise UsageError("--follow goes on until Ctrl-C, --until ends before", hint="choose one")
    app = ctx.obj
    groups = {_group(app, s): s.value for s in sources or (Source.RECEIVER, Source.PROCESSOR, Source.AUDIT)}
    start = since or app.now() - timedelta(minutes=10)
    if follow:
        found = logs.follow(app.logs, list(groups), start=start, now=app.now)
    else:
        found = logs.read(app.logs, list(groups), start=start, end=until)
    app.show(lines(found, groups, grep=grep, platform=platform))


def _group(app: AppContext, source: Source) -> str:
    if source in _GROUPS:
        return app.outputs[_GROUPS[source]]
    return f"/aws/lambda/{app.outputs[_FUNCTIONS[source]]}"
