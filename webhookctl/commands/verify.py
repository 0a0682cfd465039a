"""`webhookctl verify`: why a captured request does or does not verify."""

from datetime import datetime
from typing import Annotated

import typer

from webhookctl.commands.send_input import AppStack
from webhookctl.commands.send_options import signing_time
from webhookctl.commands.verify_input import (
    Evidence,
    captured,
    check_aids,
    check_stdin,
    options_with,
    secret_of,
    suspicion_of,
)
from webhookctl.context import Context
from webhookctl.core.explain import verdict as core
from webhookctl.core.samples import catalogue

app = typer.Typer(help="Explain why a request does or does not verify.", no_args_is_help=True)

_Source = typer.Option("--secret-from", metavar="SOURCE", help="Key from a file, - (stdin) or a Secrets Manager name.")


@app.callback()
def verify() -> None:
    """Explain why a request does or does not verify."""


@app.command()
def explain(
    ctx: Context,
    provider: Annotated[
        str | None,
        typer.Argument(
            help="Default: whose signature header is there.", autocompletion=catalogue.providers, show_default=False
        ),
    ] = None,
    request: Annotated[
        str | None, typer.Option("--request", metavar="FILE", help="A whole HTTP message: line, headers, body.")
    ] = None,
    har: Annotated[str | None, typer.Option("--har", metavar="FILE", help="A HAR file.")] = None,
    entry: Annotated[int | None, typer.Option("--entry", min=1, metavar="N", help="The HAR file's entry.")] = None,
    headers: Annotated[str | None, typer.Option("--headers", metavar="FILE", help="The headers alone.")] = None,
    body: Annotated[str | None, typer.Option("--body", metavar="FILE", help="The body alone, byte for byte.")] = None,
    webhook: Annotated[
        str | None, typer.Option("--webhook", metavar="ID", help="Take the body from this stored webhook.")
    ] = None,
    secret_from: Annotated[str | None, _Source] = None,
    also_try: Annotated[
        list[str] | None, typer.Option("--also-try", metavar="SOURCE", help="Another key that may have signed it.")
    ] = None,
    url: Annotated[
        list[str] | None, typer.Option("--url", metavar="URL", help="A URL that the sender may have signed (Square).")
    ] = None,
    cert: Annotated[str | None, typer.Option("--cert", metavar="FILE", help="PayPal's certificate, as PEM.")] = None,
    at: Annotated[
        datetime | None,
        typer.Option("--at", parser=signing_time, metavar="TIME", help="When it arrived. Default: now."),
    ] = None,
) -> None:
    """Say whether a captured request verifies, and name the mistake if not.

    Without --secret-from the environment's secret is used. Exits 7 when the request does not verify.
    """
    check_stdin(request, har, headers, body, secret_from, cert, *(also_try or ()))
    found = captured(
        ctx.obj, Evidence(request=request, har=har, entry=entry, headers=headers, body=body, webhook=webhook)
    )
    name = provider or found.provider()
    check_aids(name, urls=url or (), cert=cert)
    stack = AppStack(ctx.obj)
    verdict = core.explain(
        found,
        secret_of(stack, name, secret_from, urls=[*(url or ()), *([found.url] if found.url else [])]),
        at=at or ctx.obj.now(),
        provider=name,
        suspicion=suspicion_of(stack, also_try or (), url or ()),
        options=options_with(cert),
    )
    ctx.obj.show(verdict)
    core.check(verdict)
