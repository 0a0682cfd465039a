"""`webhookctl local`: the AWS environment on this machine."""

import shlex
from typing import Annotated

import typer

from webhookctl.context import Context
from webhookctl.local import environment, process_logs
from webhookctl.local.state import UNSET_VARIABLES
from webhookctl.local.waf import profile as waf_profile

app = typer.Typer(no_args_is_help=True, help="The AWS environment on this machine: start, stop, look inside.")


@app.command()
def up(
    ctx: Context,
    waf_lag: Annotated[
        float | None,
        typer.Option("--waf-lag", min=0, max=120, metavar="SECONDS", help="How late the WAF acts; AWS: about 30."),
    ] = None,
) -> None:
    """Start it in the background, unless it runs."""
    if waf_lag is not None:
        waf_profile.write_lag(waf_profile.profile_of(ctx.obj.settings.home), waf_lag)
    environment.up()
    ctx.obj.show(environment.status())


@app.command()
def down(ctx: Context) -> None:
    """Stop it. What was deployed and stored stays."""
    ctx.obj.console.say("stopped" if environment.down() else "the local environment was not running")


@app.command()
def status(ctx: Context) -> None:
    """Tell whether it runs, and where."""
    ctx.obj.show(environment.status())


@app.command()
def reset(
    ctx: Context,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Stop it and delete all it holds: stacks, webhooks, logs."""
    if not yes:
        ctx.obj.console.confirm("Delete everything in the local environment?")
    environment.reset()
    ctx.obj.console.say("the local environment is empty")


@app.command()
def logs(
    ctx: Context,
    process: Annotated[str, typer.Argument(help="engine or front-door.")] = "engine",
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come.")] = False,
) -> None:
    """Print the log of one of its own processes. For the Lambdas: webhookctl logs tail."""
    ctx.obj.show(process_logs.read(process, lines=lines, follow=follow))


@app.command()
def env(ctx: Context) -> None:
    """Print what points any AWS client at it: eval "$(webhookctl local env)"."""
    variables = environment.env()
    if ctx.obj.settings.output != "table":
        ctx.obj.show(variables)
        return
    ctx.obj.show(f"unset {' '.join(UNSET_VARIABLES)}")
    for name, value in variables.items():
        ctx.obj.show(f"export {name}={shlex.quote(value)}")
