"""The filters that every `dlq` command takes."""

import inspect
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Annotated, Any, Final

import typer

from webhookctl.commands.options import Provider, Since, Until
from webhookctl.console import Console
from webhookctl.core.dlq.filter import DeadLetterFilter, parse_min_amount
from webhookctl.errors import UsageError

Visibility = Annotated[
    int,
    typer.Option(
        "--visibility",
        min=1,
        max=43200,
        metavar="SECONDS",
        help="How long received messages stay hidden if this command dies.",
    ),
]
Each = Annotated[bool, typer.Option("--each", help="List each dead letter instead of groups.")]
Most = Annotated[int, typer.Option("--limit", min=1, metavar="N", help="Look at this many messages at most.")]


def _declared(
    provider: Provider = None,
    event_type: Annotated[
        str | None, typer.Option("--type", "-t", metavar="TYPE", help="Only this event type; * is a wildcard.")
    ] = None,
    error: Annotated[
        str | None,
        typer.Option("--error", metavar="TEXT", help="Only this fingerprint, or errors that contain this text."),
    ] = None,
    since: Since = None,
    until: Until = None,
    payment: Annotated[str | None, typer.Option("--payment", metavar="ID", help="Only this payment's.")] = None,
    min_amount: Annotated[
        str | None, typer.Option("--min-amount", metavar="AMOUNT", help="Only from this amount up: 100, 99.50, 100EUR.")
    ] = None,
    ids: Annotated[
        list[str] | None,
        typer.Option("--id", metavar="ID", help="Only this webhook, event or message id; may be repeated."),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option("--where", metavar="JMESPATH", help="Only where this holds of {message, webhook, payload}."),
    ] = None,
) -> None:
    """Declare the options, in the order of the help."""


FILTERS: Final = frozenset(inspect.signature(_declared).parameters)
"""The names of the filters' parameters."""


def takes_filters(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the filter options; it gets them as one `filters` argument."""
    own = inspect.signature(command, eval_str=True).parameters
    declared = inspect.signature(_declared, eval_str=True).parameters
    kept = [parameter for name, parameter in own.items() if name != "filters"]

    @wraps(command)
    def wrapper(*args: Any, **values: Any) -> None:  # noqa: ANN401 - Typer passes each option by name
        given = {name: values.pop(name) for name in declared}
        command(*args, filters=_filter(**given), **values)

    keyword_only = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*declared.values(), *kept[1:])]
    signature = inspect.Signature([kept[0], *keyword_only])
    wrapper.__signature__ = signature  # type: ignore[attr-defined]
    wrapper.__annotations__ = {name: parameter.annotation for name, parameter in signature.parameters.items()}
    return wrapper


def _filter(
    *,
    provider: str | None,
    event_type: str | None,
    error: str | None,
    since: datetime | None,
    until: datetime | None,
    payment: str | None,
    min_amount: str | None,
    ids: list[str] | None,
    where: str | None,
) -> DeadLetterFilter:
    texts = {"--type": event_type, "--error": error, "--payment": payment, "--min-amount": min_amount, "--where": where}
    for option, text in [*texts.items(), *(("--id", wanted) for wanted in ids or [])]:
        if text is not None and not text.strip():
            raise UsageError(f"{option} is empty", hint="is a variable of the shell unset? Without it, all are meant")
    amount, currency = parse_min_amount(min_amount) if min_amount is not None else (None, None)
    return DeadLetterFilter(
        provider=provider,
        event_type=event_type,
        error=error,
        since=since,
        until=until,
        payment_id=payment,
        min_amount=amount,
        min_amount_currency=currency,
        ids=tuple(ids or ()),
        query=where,
    )


DEFAULT_MOST: Final = 10_000


def say_what_looking_changed(console: Console, seen: int) -> None:
    """Tell what SQS counts, since it has no look without a receive."""
    if seen:
        console.say(f"{seen:,} received and given back: their receive counts rose by one")
