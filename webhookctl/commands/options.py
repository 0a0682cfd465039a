"""Options that several commands share, as Typer types."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from stack.outputs import PROVIDERS
from webhookctl.core.events.stored import checked_key
from webhookctl.core.timespan import parse_moment, parse_span
from webhookctl.errors import UsageError


def _moment(text: str) -> datetime:
    try:
        return parse_moment(text)
    except UsageError as error:
        raise typer.BadParameter(error.message) from error


def parsed_span(text: str | timedelta) -> timedelta:
    """Return a duration, or raise the usage error that Typer prints."""
    if isinstance(text, timedelta):  # a default, which Typer parses too
        return text
    try:
        return parse_span(text)
    except UsageError as error:
        raise typer.BadParameter(error.message) from error


def served_provider(name: str) -> str:
    """Return the name of a provider that the stack has a path for, or raise the usage error that Typer prints."""
    if name not in PROVIDERS:
        raise typer.BadParameter(f"unknown provider {name!r} (one of {', '.join(PROVIDERS)})")
    return name


def _key(text: str) -> str:
    try:
        return checked_key(text)
    except UsageError as error:
        raise typer.BadParameter(error.message) from error


def typed(text: str) -> str:
    """Return an event type, or raise the usage error that Typer prints."""
    if not text.strip():
        raise typer.BadParameter("the type is empty: nothing can match")
    return text


def _window(ctx: typer.Context, param: typer.CallbackParam, value: datetime | None) -> datetime | None:
    """Refuse a window in which nothing can lie; the option that is parsed last sees the other."""
    edges = {"since": ctx.params.get("since"), "until": ctx.params.get("until"), param.name: value}
    since, until = edges["since"], edges["until"]
    if since is not None and until is not None and since >= until:
        raise typer.BadParameter("--since is not before --until: nothing can match")
    if since is not None and since > datetime.now(UTC):
        raise typer.BadParameter("--since is in the future: nothing can match")
    return value


Since = Annotated[
    datetime | None,
    typer.Option(
        "--since",
        parser=_moment,
        callback=_window,
        metavar="TIME",
        help="From this time: 15m, 1h, 2d ago, or ISO 8601.",
    ),
]
Until = Annotated[
    datetime | None,
    typer.Option(
        "--until",
        parser=_moment,
        callback=_window,
        metavar="TIME",
        help="Up to this time: 15m, 1h, 2d ago, or ISO 8601.",
    ),
]
Provider = Annotated[
    str | None,
    typer.Option("--provider", "-p", parser=served_provider, metavar="NAME", help="Only this provider's."),
]
EventType = Annotated[
    str | None, typer.Option("--type", "-t", parser=typed, metavar="TYPE", help="Only this event type.")
]
Timeout = Annotated[
    timedelta,
    typer.Option("--timeout", parser=parsed_span, metavar="TIME", help="Give up waiting after this long (30s, 5m)."),
]
PATIENCE = timedelta(minutes=2)
"""How long a sender waits: in production a quiet queue keeps a webhook for a minute (`queue_window_s`)."""
Interval = Annotated[
    timedelta, typer.Option("--interval", parser=parsed_span, metavar="TIME", help="How often with --watch (2s, 1m).")
]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Go on showing it, until Ctrl-C.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on printing what arrives, until Ctrl-C.")]
DryRun = Annotated[bool, typer.Option("--dry-run", "-n", help="Print what would be done, and do nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
Confirm = Annotated[
    str | None,
    typer.Option("--confirm", metavar="NAME", help="The environment's name: confirms a write to a protected one."),
]
WebhookId = Annotated[str, typer.Argument(metavar="ID", parser=_key, help="<provider>:<event id>.")]
WebhookIds = Annotated[list[str], typer.Argument(metavar="ID...", parser=_key, help="<provider>:<event id>.")]
PaymentId = Annotated[str, typer.Argument(metavar="PAYMENT", parser=_key, help="The provider's id of the payment.")]
OfPayment = Annotated[str | None, typer.Option("--payment", metavar="ID", parser=_key, help="Only this payment's.")]
AfterId = Annotated[
    str | None, typer.Option("--after", metavar="ID", parser=_key, help="Go on after this one, the last of a page.")
]
Limit = Annotated[int, typer.Option("--limit", min=1, metavar="N", help="At most this many.")]
