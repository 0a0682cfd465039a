"""`webhookctl secrets`: the providers' signing keys. Values come from stdin or a file and are never printed."""

import getpass
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from webhookctl.commands.options import Confirm, Since, Yes, served_provider
from webhookctl.context import AppContext, Context
from webhookctl.core.operator_file import read_text
from webhookctl.errors import UsageError

app = typer.Typer(help="The providers' signing keys: list, set, rotate, retire.", no_args_is_help=True)

Provider = Annotated[str, typer.Argument(metavar="PROVIDER", parser=served_provider, help="stripe, paypal or square.")]
From = Annotated[
    Path | None,
    typer.Option("--from", metavar="FILE", help="Read the key from this file; - is stdin. Default: ask, or stdin."),
]


@app.command("list")
def list_(ctx: Context, since: Since = None) -> None:
    """List the keys, and how many webhooks each verified in the last day (or --since)."""
    app = ctx.obj
    app.show(app.secret_desk.list_keys(since=since or app.now() - timedelta(days=1)))


@app.command("set")
def set_(
    ctx: Context,
    provider: Provider,
    source: From = None,
    replace: Annotated[bool, typer.Option("--replace", help="Drop the keys there are, at once.")] = False,
    notification_url: Annotated[
        str | None,
        typer.Option(
            "--notification-url", metavar="URL", help="Square: the URL it signs, exactly; auto is the stack's own."
        ),
    ] = None,
    trust_pem: Annotated[
        Path | None, typer.Option("--trust-pem", metavar="FILE", help="PayPal: trust this CA certificate too.")
    ] = None,
    yes: Yes = False,
    confirm: Confirm = None,
) -> None:
    """Set a provider's first key, Square's URL, or one more certificate for PayPal."""
    app = ctx.obj
    _only_where_it_belongs(provider, {"--notification-url": notification_url, "--trust-pem": trust_pem})
    app.guard(f"Change the secret of {provider}", yes=yes or app.is_disposable, confirm=confirm)
    if notification_url is not None:
        app.show(app.secret_desk.set_members(provider, _url_members(app, provider, notification_url)))
    elif trust_pem is not None:
        pems = [*app.secret_desk.trusted(provider), _pem(trust_pem)]
        app.show(app.secret_desk.set_members(provider, {"trustPems": pems}))
    else:
        app.show(app.secret_desk.set_key(provider, _value(app, source, provider), replaces=replace))


@app.command()
def rotate(
    ctx: Context,
    provider: Provider,
    source: From = None,
    generate: Annotated[
        bool, typer.Option("--generate", help="Make a key up (for environments without a real provider).")
    ] = False,
    yes: Yes = False,
    confirm: Confirm = None,
) -> None:
    """Add a new key; the old ones go on verifying until they are retired."""
    app = ctx.obj
    if generate and not app.stack_settings.allow_test_ca:
        raise UsageError(
            "in production the provider makes the key", hint=f"webhookctl secrets rotate {provider} --from -"
        )
    app.guard(f"Add a key of {provider}", yes=yes or app.is_disposable, confirm=confirm)
    app.show(app.secret_desk.rotate(provider, None if generate else _value(app, source, provider)))


@app.command()
def retire(
    ctx: Context,
    provider: Provider,
    key_id: Annotated[str | None, typer.Argument(metavar="KEY_ID", help="Which key. Default: the oldest.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Even if the new key has not verified anything.")] = False,
    yes: Yes = False,
    confirm: Confirm = None,
) -> None:
    """Take an old key away, once the new one verifies real webhooks."""
    app = ctx.obj
    app.guard(f"Retire a key of {provider}", yes=yes or app.is_disposable, confirm=confirm)
    app.show(app.secret_desk.retire(provider, key_id, is_forced=force))


_BELONGS_TO: Final = {"--notification-url": "square", "--trust-pem": "paypal"}


def _only_where_it_belongs(provider: str, given: Mapping[str, object]) -> None:
    for option, value in given.items():
        owner = _BELONGS_TO[option]
        if value is not None and provider != owner:
            raise UsageError(f"{option} belongs to {owner}, not to {provider}", hint=f"webhookctl secrets set {owner}")


def _value(app: AppContext, source: Path | None, provider: str) -> str:
    if source is not None and str(source) != "-":
        text = read_text(source, hint="--from - reads the key from stdin")
    elif source is None and app.console.can_ask:
        text = getpass.getpass(f"New key of {provider} (not shown): ")
    else:
        text = sys.stdin.read()
    if not text.strip():
        raise UsageError("no key was given", hint="pipe it in, or name a file that holds it with --from FILE")
    return text.strip()


def _pem(path: Path) -> str:
    text = read_text(path)
    if "-----BEGIN CERTIFICATE-----" not in text or "PRIVATE KEY" in text:
        raise UsageError(
            f"{path} is not a certificate in PEM form", hint="it begins with -----BEGIN CERTIFICATE-----, without a key"
        )
    return text


def _url_members(app: AppContext, provider: str, url: str) -> dict[str, str | None]:
    if url == "auto":
        return {"notificationUrl": app.outputs.webhook_url(provider), "notificationUrlSetBy": None}
    if not url.startswith("https://") and not app.is_disposable:
        raise UsageError(f"{url!r} is not an https URL", hint="give the URL that Square shows, or auto")
    return {"notificationUrl": url, "notificationUrlSetBy": "operator"}
