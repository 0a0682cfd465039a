"""`webhookctl cost`: what an environment costs, and why."""

from datetime import timedelta
from typing import Annotated

import typer

from stack.settings_rules import PRODUCTION
from webhookctl.commands.options import Since
from webhookctl.context import Context
from webhookctl.core.cost import bill

app = typer.Typer(help="What the environment costs, per service, with the levers.", no_args_is_help=True)

_UNITS = {"K": 1_000, "M": 1_000_000, "B": 1_000_000_000}


def _count(text: str | int) -> int:
    number, factor = (text, 1) if isinstance(text, int) else (text.rstrip("kKmMbB"), _UNITS.get(text[-1:].upper(), 1))
    try:
        count = int(float(number) * factor)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(f"{text!r} is not a number (like 250000, 500K, 1M)") from error
    if count < 1:
        raise typer.BadParameter("at least 1")
    return count


@app.command()
def estimate(
    ctx: Context,
    per_month: Annotated[
        int, typer.Option("--per-month", parser=_count, metavar="N", help="Webhooks a month: 250000, 500K, 1M.")
    ] = 1_000_000,
) -> None:
    """Price a month at the environment's settings; needs no account."""
    ctx.obj.show(bill.estimate(per_month, ctx.obj.stack_settings))


@app.command()
def actual(
    ctx: Context,
    since: Since = None,
    settings_of: Annotated[
        str | None,
        typer.Option(
            "--settings-of",
            metavar="ENV",
            help="Compare with this environment's settings. Default: its own; prod off AWS.",
        ),
    ] = None,
) -> None:
    """Price what CloudWatch counted in the last day (or --since).

    Two prices: as it is, and as the same webhooks cost on AWS at the settings of another environment. What of the
    second was not counted here is named beside it: an endpoint that is not AWS has its own speed, at least.
    """
    app = ctx.obj
    start = since or app.now() - timedelta(days=1)
    own = app.stack_settings
    is_aws = not app.is_disposable
    other = settings_of or (app.environment if is_aws else PRODUCTION)
    settings = own if other == app.environment else app.stack_settings_of(other)
    app.show(
        bill.actual(
            app.outputs, app.metrics, deployed=own, settings=settings, is_aws=is_aws, since=start, now=app.now()
        )
    )
