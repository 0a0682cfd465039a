"""The options of `webhookctl send`, as one value, and the decorator that turns its fields into options."""

import inspect
import ipaddress
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from functools import wraps
from typing import Annotated, Any, get_type_hints

import typer

from webhookctl.commands.options import PATIENCE, Timeout
from webhookctl.core.samples import catalogue
from webhookctl.core.samples.render import DEFAULT_AMOUNT, DEFAULT_CURRENCY
from webhookctl.core.send.print import Form
from webhookctl.core.send.request import Tamper
from webhookctl.core.timespan import parse_moment, parse_span
from webhookctl.errors import UsageError


def signing_time(text: str) -> datetime:
    """Read `+10m` (ahead), `-10m` (ago), Unix seconds, or ISO 8601."""
    try:
        if text.isascii() and text.isdecimal():
            return parse_moment(datetime.fromtimestamp(int(text)).astimezone().isoformat())
        if text[:1] in "+-":
            offset = parse_span(text[1:])
            return datetime.now().astimezone() + (offset if text[0] == "+" else -offset)
        return parse_moment(text)
    except (UsageError, ValueError, OverflowError) as error:
        raise typer.BadParameter("use -10m, +1h, Unix seconds or ISO 8601") from error


def whole_number(text: str) -> int:
    """Read an integer; 42.00 is none, for it may be meant as an amount in whole units."""
    if not re.fullmatch(r"-?\d{1,40}", text, re.ASCII):
        raise typer.BadParameter(f"{text!r} is not a whole number of minor units (4200 for 42.00)")
    return int(text)


def above_zero(text: str) -> float:
    """Read a finite number above zero."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise typer.BadParameter(f"{text!r} is not a number above 0")
    return number


def ip_address(text: str) -> str:
    """Read an IPv4 or IPv6 address."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not an IP address") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class SendOptions:
    """Everything that `send` can be told besides the provider and the event type."""

    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Change a field, e.g. data.object.amount=4200."),
    ] = None
    adds: Annotated[list[str] | None, typer.Option("--add", metavar="PATH=VALUE", help="Add a field.")] = None
    removes: Annotated[list[str] | None, typer.Option("--remove", metavar="PATH", help="Take a field out.")] = None
    amount: Annotated[
        int | None,
        typer.Option(
            "--amount",
            parser=whole_number,
            metavar="N",
            help=f"Amount in minor units; parts add up to it. Default: {DEFAULT_AMOUNT}.",
        ),
    ] = None
    currency: Annotated[
        str | None,
        typer.Option("--currency", metavar="CODE", help=f"ISO 4217 currency. Default: {DEFAULT_CURRENCY}."),
    ] = None
    api_version: Annotated[
        str | None,
        typer.Option("--api-version", metavar="DATE", help="Shape of an older API, e.g. 2024-06-20."),
    ] = None
    file: Annotated[
        str | None,
        typer.Option("--file", "-f", metavar="FILE", help="Send these bytes as they are; - is stdin."),
    ] = None
    fail_times: Annotated[
        int | None,
        typer.Option("--fail-times", metavar="N", min=0, help="Make processing fail N times (not in production)."),
    ] = None
    scenario: Annotated[
        str | None,
        typer.Option("--scenario", metavar="NAME|FILE", help="Send a sequence of events that belong together."),
    ] = None
    seed: Annotated[int | None, typer.Option("--seed", help="Make the same ids and order again.")] = None
    url: Annotated[str | None, typer.Option("--url", help="Send here instead of to the stack.")] = None
    secret_from: Annotated[
        str | None,
        typer.Option(
            "--secret-from",
            metavar="SOURCE",
            help="Key from a file, - (stdin) or a Secrets Manager name.",
        ),
    ] = None
    timestamp: Annotated[
        datetime | None,
        typer.Option(
            "--timestamp",
            parser=signing_time,
            metavar="TIME",
            help="Sign with this time: -10m, +1h, ISO 8601.",
        ),
    ] = None
    tamper: Annotated[Tamper | None, typer.Option("--tamper", help="Break the request after signing it.")] = None
    count: Annotated[int, typer.Option("--count", "-c", min=1, help="So many events, each with fresh ids.")] = 1
    duplicate: Annotated[int, typer.Option("--duplicate", metavar="N", min=0, help="Deliver each N more times.")] = 0
    shuffle: Annotated[bool, typer.Option("--shuffle", help="Send in random order.")] = False
    rate: Annotated[
        float | None, typer.Option("--rate", parser=above_zero, metavar="N", help="At most so many a second.")
    ] = None
    concurrency: Annotated[
        int, typer.Option("--concurrency", metavar="N", min=1, max=256, help="So many at a time.")
    ] = 1
    retry: Annotated[
        float | None,
        typer.Option(
            "--retry", parser=above_zero, metavar="FACTOR", help="Retry as the provider does, so many times faster."
        ),
    ] = None
    source_address: Annotated[
        str | None,
        typer.Option(
            "--source-address", parser=ip_address, metavar="IP", help="Send from this address, e.g. 127.0.0.7."
        ),
    ] = None
    expect: Annotated[
        int | None,
        typer.Option("--expect", metavar="STATUS", min=100, max=599, help="Exit 7 unless every answer has it."),
    ] = None
    wait: Annotated[
        bool, typer.Option("--wait", "-w", help="Follow to PROCESSED or the DLQ, with the time of each hop.")
    ] = False
    timeout: Timeout = PATIENCE
    list: Annotated[bool, typer.Option("--list", "-l", help="List the event types.")] = False
    chaos: Annotated[bool, typer.Option("--chaos", help="Send one of each bad thing and check the answers.")] = False
    print: Annotated[Form | None, typer.Option("--print", help="Print the signed request; send nothing.")] = None


def given(ctx: typer.Context) -> list[str]:
    """Return the names of the parameters that stand on the command line, defaults left out."""
    sources = ((param.name or "", ctx.get_parameter_source(param.name or "")) for param in ctx.command.params)
    return [name for name, source in sources if source is not None and source.name == "COMMANDLINE"]


def flag_of(name: str) -> str:
    """Return how a parameter of `send` is written: `--set` for `sets`; an argument's own name."""
    hint = get_type_hints(SendOptions, include_extras=True).get(name)
    if hint is None:
        return f"the {name.replace('_', ' ')}"
    (option,) = hint.__metadata__
    written = (option.default, *option.param_decls)  # Typer keeps the first of them in `default`
    return next(str(word) for word in written if str(word).startswith("--"))


def complete_event_type(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer the event types of the provider that stands on the line."""
    provider = ctx.params.get("provider")
    known = catalogue.event_types(provider) if provider in catalogue.providers() else ()
    return [name for name in known if name.startswith(incomplete)]


def with_options(options: type[SendOptions]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command whose last parameter is `options` an option for each field of that dataclass."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [p for name, p in inspect.signature(command).parameters.items() if name != "options"]
        hints = get_type_hints(options, include_extras=True)
        added = [
            inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
            )
            for field in fields(options)
        ]

        @wraps(command)
        def accept(*args: Any, **given: Any) -> None:  # noqa: ANN401 - what Typer parsed
            values = {field.name: given.pop(field.name) for field in fields(options)}
            command(*args, **given, options=options(**values))

        accept.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]
        accept.__annotations__ = {p.name: p.annotation for p in [*own, *added]} | {"return": None}
        del accept.__wrapped__
        return accept

    return decorate
