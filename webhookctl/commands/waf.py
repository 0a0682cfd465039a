"""`webhookctl waf`: the deployed rate limit, as it is configured and as it is measured."""

from datetime import timedelta
from typing import Annotated

import typer

from webhookctl.commands import load_ports
from webhookctl.commands.options import Confirm, Timeout, Yes
from webhookctl.context import Context
from webhookctl.core import waf, waf_probe
from webhookctl.core.waf_prober import LOCAL_SOURCE, Prober, check_source
from webhookctl.errors import CheckFailedError

app = typer.Typer(help="Show and measure the web ACL's limit.", no_args_is_help=True)


@app.command()
def status(
    ctx: Context,
    rules: Annotated[bool, typer.Option("--rules", help="Only the rules, one line each.")] = False,
) -> None:
    """Show the rules, their counts, who is blocked, and who came near the limit in the last hour.

    Exit 7 when no rule limits an address.
    """
    now = ctx.obj.now()
    access_log = load_ports.access_log(ctx.obj, now - timedelta(hours=1))
    found = waf.waf_status(load_ports.web_acl(ctx.obj), access_log, now=now)
    ctx.obj.show(list(found.rules) if rules else found)
    if not found.limits_addresses:
        raise CheckFailedError(waf.NO_LIMIT, hint="webhookctl diff")


@app.command()
def probe(
    ctx: Context,
    waf_lag: load_ports.Lag = None,
    timeout: Timeout = timedelta(minutes=5),
    source: Annotated[
        str | None,
        typer.Option("--source", metavar="ADDRESS", help=f"Loopback address to send from (local: {LOCAL_SOURCE})."),
    ] = None,
    yes: Yes = False,
    confirm: Confirm = None,
) -> None:
    """Measure the limit: send from one address at a growing rate until it is blocked.

    The requests carry no valid signature, so nothing is stored. It takes about two minutes, and the address stays
    blocked for a minute or two after. Exit 7 when the limit measured is not the deployed one.
    """
    is_local = ctx.obj.settings.is_embedded
    address = check_source(source, is_local=is_local)
    if not is_local:
        ctx.obj.guard("Probing costs a few cents and blocks your own address for minutes", yes=yes, confirm=confirm)
    acl = load_ports.web_acl(ctx.obj)
    lately = load_ports.access_log(ctx.obj, ctx.obj.now() - timedelta(hours=1))
    for busy in waf.busy_addresses(lately, acl.rules()):
        ctx.obj.console.warn(f"{busy.address} made {busy.requests} of {busy.limit} requests in one window lately")
    sender = Prober(ctx.obj.outputs.api_endpoint, source=address)
    with ctx.obj.console.progress("Probing") as progress, sender as prober:
        found = waf_probe.probe(
            acl,
            prober.offer,
            address=address,
            lag_s=load_ports.choose_waf_lag(ctx.obj, waf_lag),
            timeout_s=timeout.total_seconds(),
            now=ctx.obj.now,
            on_progress=progress.update,
        )
    ctx.obj.show(found)
    if not found.agrees:
        raise CheckFailedError(
            f"the limit measured ({found.limit_at_least} to {found.limit_at_most}) is not the deployed one "
            f"({found.deployed_limit} in {found.window_s} s)",
            hint="raise --waf-lag if AWS acted late, or compare: webhookctl diff",
        )
