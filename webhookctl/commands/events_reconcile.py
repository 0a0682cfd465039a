"""`webhookctl events reconcile`: nothing stored stays behind, and nothing that the provider sent is missing."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from webhookctl.commands import event_ports
from webhookctl.commands.options import Confirm, DryRun, Since, Yes, parsed_span
from webhookctl.context import AppContext, Context
from webhookctl.core.events.search import find_events, find_open
from webhookctl.core.events.stored import EventFilter
from webhookctl.core.operator_file import read_text
from webhookctl.core.reconcile import provider_events
from webhookctl.core.reconcile.provider_api import ProviderApi
from webhookctl.core.reconcile.stuck import find_stuck, requeue
from webhookctl.errors import UsageError

OLDER_THAN = timedelta(minutes=5)
PROVIDER_WINDOW = timedelta(days=1)
CLOCK_SLACK = timedelta(minutes=10)


def reconcile(
    ctx: Context,
    provider: Annotated[
        str | None, typer.Argument(metavar="[PROVIDER]", help="Compare with this provider's own list of events.")
    ] = None,
    older_than: Annotated[
        timedelta, typer.Option("--older-than", parser=parsed_span, metavar="TIME", help="Stuck for so long.")
    ] = OLDER_THAN,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="PATH", help="The provider's list, saved; else its API is asked.")
    ] = None,
    api: Annotated[str | None, typer.Option("--api", metavar="URL", help="Ask here instead of the provider.")] = None,
    since: Since = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    confirm: Confirm = None,
) -> None:
    """Queue again what is stored but neither processed nor a dead letter; or compare with a provider's list.

    Without PROVIDER reads the whole table, or with --since what the audit log knows. With PROVIDER the key for its API
    (Stripe: a key that may read events; PayPal, Square: an access token) is read from stdin. Exit 7: events missing.
    """
    if provider is None:
        _requeue(ctx.obj, older_than=older_than, since=since, dry_run=dry_run, yes=yes, confirm=confirm)
    elif provider in provider_events.LISTINGS:
        _compare(ctx.obj, provider, file=file, api=api, since=since)
    else:
        raise UsageError(f"no provider is called {provider!r}", hint=", ".join(provider_events.LISTINGS))


def _requeue(
    app: AppContext, *, older_than: timedelta, since: Since, dry_run: bool, yes: bool, confirm: str | None
) -> None:
    event_ports.tell_cost(app, EventFilter(since=since))
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


def _compare(app: AppContext, provider: str, *, file: Path | None, api: str | None, since: Since) -> None:
    start = since or app.now() - PROVIDER_WINDOW
    listed = _source(provider, file=file, api=api).events(since=start)
    stored = find_events(event_ports.event_sources(app), EventFilter(provider=provider, since=start - CLOCK_SLACK))
    comparison = provider_events.compare(provider, listed, stored, since=start)
    app.show(comparison)
    comparison.require_complete()


def _source(provider: str, *, file: Path | None, api: str | None) -> provider_events.EventSource:
    if file is not None:
        return provider_events.ListedFile(provider, read_text(file))
    key = sys.stdin.readline().strip()
    if not key:
        raise UsageError("the provider's key is read from stdin", hint="... < key.txt, or --file with a saved list")
    return ProviderApi(provider=provider, key=key, host=api)
