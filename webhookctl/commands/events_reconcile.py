"""`webhookctl events reconcile`: nothing stored stays behind, and nothing that the provider sent is missing."""

import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from getpass import getpass
from pathlib import Path
from typing import Annotated

import typer

from webhookctl.commands import event_ports
from webhookctl.commands.options import Confirm, DryRun, Since, Yes, parsed_span, typed
from webhookctl.context import AppContext, Context
from webhookctl.core.events.search import find_events, find_open
from webhookctl.core.events.stored import EventFilter
from webhookctl.core.operator_file import read_text
from webhookctl.core.reconcile.compare import compare
from webhookctl.core.reconcile.provider_api import ProviderApi, checked_host, checked_key
from webhookctl.core.reconcile.provider_events import LISTINGS, EventSource, ListedFile
from webhookctl.core.reconcile.stuck import find_stuck, requeue
from webhookctl.errors import UsageError

OLDER_THAN = timedelta(minutes=5)
PROVIDER_WINDOW = timedelta(days=1)
CLOCK_SLACK = timedelta(minutes=10)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def reconcile(
    ctx: Context,
    provider: Annotated[
        str | None, typer.Argument(metavar="[PROVIDER]", help="Compare with this provider's own list of events.")
    ] = None,
    older_than: Annotated[
        timedelta | None,
        typer.Option("--older-than", parser=parsed_span, metavar="TIME", help="Stuck for so long. Default: 5m."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="PATH", help="The provider's list, saved; else its API is asked.")
    ] = None,
    api: Annotated[str | None, typer.Option("--api", metavar="URL", help="Ask here instead of the provider.")] = None,
    types: Annotated[
        list[str] | None,
        typer.Option(
            "--type", "-t", parser=typed, metavar="TYPE", help="Compare only these; payment_intent.* for all of a kind."
        ),
    ] = None,
    since: Since = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    confirm: Confirm = None,
) -> None:
    """Queue again what is stored but neither processed nor a dead letter; or compare with a provider's list.

    Without PROVIDER reads the whole table, or with --since what the audit log knows. With PROVIDER the key for its API
    (Stripe: a key that may read events; PayPal, Square: an access token) is read from stdin, and nothing is changed.
    Exit 7: events are missing; 6: none is, but the saved list is only a part of the provider's.
    """
    if provider is None:
        _refuse("need PROVIDER to compare with", **{"--file": file, "--api": api, "--type": types})
        span = OLDER_THAN if older_than is None else older_than
        _requeue(ctx.obj, older_than=span, since=since, dry_run=dry_run, yes=yes, confirm=confirm)
    elif provider in LISTINGS:
        queueing = {"--older-than": older_than, "--dry-run": dry_run, "--yes": yes, "--confirm": confirm}
        _refuse("are for queueing again, without PROVIDER; a comparison changes nothing", **queueing)
        _compare(ctx.obj, provider, file=file, api=api, types=types or [], since=since)
    else:
        raise UsageError(f"no provider is called {provider!r}", hint=", ".join(LISTINGS))


def _requeue(
    app: AppContext, *, older_than: timedelta, since: Since, dry_run: bool, yes: bool, confirm: str | None
) -> None:
    event_ports.tell_cost(app, EventFilter(since=since), hint=event_ports.OPEN_SINCE)
    stuck = find_stuck(
        find_open(event_ports.event_sources(app), EventFilter(since=since)),
        dead=event_ports.dead_letter_ids(app),
        now=app.now(),
        older_than=older_than,
    )
    if dry_run or not stuck:
        app.show(stuck)
        return
    app.talk(stuck)
    app.guard(f"Queue {len(stuck)} webhooks again", yes=yes, confirm=confirm)
    event_ports.account(app, "events.reconcile", "began", webhooks=len(stuck))
    done = requeue(stuck, app.redrive_desk.target)
    event_ports.account(app, "events.reconcile", "done", webhooks=done.requeued)
    app.show(done)
    done.require_complete()


def _compare(
    app: AppContext, provider: str, *, file: Path | None, api: str | None, types: list[str], since: Since
) -> None:
    start = since or app.now() - PROVIDER_WINDOW
    oldest = app.now() - LISTINGS[provider].kept
    if file is None and start < oldest:
        app.console.say(f"{provider} lists events for {LISTINGS[provider].kept.days} days: compared from there on")
        start = oldest
    source = _source(app, provider, file=file, api=api)
    keep = EventFilter(provider=provider, since=max(start - CLOCK_SLACK, _EPOCH))
    stored = find_events(event_ports.event_sources(app), keep)
    look = partial(event_ports.webhook_rows(app).rows, is_consistent=True)
    comparison = compare(provider, source, stored, look=look, since=start, types=types)
    app.show(comparison)
    if types and not comparison.listed:
        app.console.warn(f"{provider}'s list holds nothing of {', '.join(types)}")
    comparison.require_complete()


def _source(app: AppContext, provider: str, *, file: Path | None, api: str | None) -> EventSource:
    if file is not None:
        _refuse("asks the provider, --file does not: choose one", **{"--api": api})
        return ListedFile.parsed(provider, read_text(file))
    host = checked_host(api) if api is not None else None
    key = checked_key(getpass(f"{provider}'s key: ") if app.console.can_ask else sys.stdin.readline())
    return ProviderApi(provider=provider, key=key, host=host)


def _refuse(why: str, **options: object) -> None:
    """Raise UsageError that names the options which are given, and which the chosen form does not have."""
    given = [name for name, value in options.items() if value not in (None, False)]
    if given:
        raise UsageError(f"{', '.join(given)} {why}", hint="webhookctl events reconcile --help")
