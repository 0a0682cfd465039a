"""What `send` does with its options: list, print, send, follow. Each is a few lines over core."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from stack.outputs import PROVIDERS
from webhookctl.commands.interrupt import stopping
from webhookctl.commands.send_input import AppStack, asked_of, destination, drafts_of, money_of
from webhookctl.commands.send_modes import Mode, mode_of
from webhookctl.commands.send_options import SendOptions
from webhookctl.context import AppContext
from webhookctl.core.samples.ids import IdSource
from webhookctl.core.scenario import check as scenario_check
from webhookctl.core.scenario import drafts as scenario
from webhookctl.core.send import chaos
from webhookctl.core.send import report as send_report
from webhookctl.core.send import run as core
from webhookctl.core.send import wait as send_wait
from webhookctl.core.send.chaos_cases import Bench
from webhookctl.core.send.dispatch import Delivery, Pace, Sender
from webhookctl.core.send.http import HttpTransport
from webhookctl.core.send.print import Form, as_text
from webhookctl.core.send.report import SendReport
from webhookctl.core.send.request import Draft, Target, sign
from webhookctl.core.send.targets import find_targets
from webhookctl.errors import UsageError

SLOW_BODY_S = 2.0
"""How long the slow sender takes over its body."""

Action = Callable[[AppContext, str | None, str | None, SendOptions], None]


def choose(options: SendOptions) -> Action:
    """Return what to do."""
    mode = mode_of(options)
    others: Mapping[Mode, Action] = {
        Mode.LIST: list_catalogue, Mode.CHAOS: run_chaos, Mode.SCENARIO: play_scenario,
    }  # fmt: skip
    return others.get(mode, print_requests if options.print else send_webhooks)


def list_catalogue(app: AppContext, provider: str | None, event_type: str | None, options: SendOptions) -> None:
    """Print the event types that can be sent."""
    del event_type, options
    app.show(core.catalogue(provider, now=app.now()))


def print_requests(app: AppContext, provider: str | None, event_type: str | None, options: SendOptions) -> None:
    """Print signed requests as curl commands, headers or bodies."""
    providers, drafts = drafts_of(app, provider, event_type, options)
    targets = find_targets(providers, destination(options), stack=AppStack(app))
    for draft in drafts:
        outgoing = sign(draft, targets[draft.provider], at=app.now(), tamper=options.tamper)
        app.console.write_bytes(as_text(outgoing, options.print or Form.CURL))


def send_webhooks(app: AppContext, provider: str | None, event_type: str | None, options: SendOptions) -> None:
    """Send, print the report, follow where asked, and let the exit code say how it went."""
    providers, drafts = drafts_of(app, provider, event_type, options)
    send_drafts(app, providers, drafts, options)


def send_drafts(app: AppContext, providers: Iterable[str], drafts: Iterator[Draft], options: SendOptions) -> None:
    """Send drafts of the given providers, and show and judge what came of it."""
    targets = ready(app, providers, options)
    found, is_stopped = deliver(app, targets, drafts, options)
    timelines = None
    try:
        timelines = follow(app, found.deliveries, options) if options.wait and not is_stopped else None
    finally:  # what was sent is told, whatever ends the waiting
        app.show(core.outcome(found, timelines, is_brief=app.is_on_screen))
    if is_stopped:
        raise KeyboardInterrupt
    send_report.check(found, expected=options.expect)
    send_wait.check(timelines or (), may_fail=options.fail_times is not None)


def ready(app: AppContext, providers: Iterable[str], options: SendOptions) -> dict[str, Target]:
    """Return the targets, once all that is needed after sending is there too: nothing leaves before that."""
    if options.fail_times and options.url is None and not app.stack_settings.allow_failure_injection:
        raise UsageError(
            f"--fail-times has no effect in {app.environment!r}: it does not let a webhook fail on purpose",
            hint="leave --fail-times out, or choose another --env",
        )
    targets = find_targets(providers, destination(options), stack=AppStack(app))
    if options.wait:
        _ = app.table  # raises here what would come up after sending
    return targets


def deliver(
    app: AppContext, targets: Mapping[str, Target], drafts: Iterator[Draft], options: SendOptions
) -> tuple[SendReport, bool]:
    """Send the drafts, with progress on stderr; return what came of them, and whether Ctrl-C ended it early."""
    pace = Pace(rate=options.rate, concurrency=options.concurrency)
    with app.console.progress("sending") as shown, stopping(app.console, after="the requests on their way") as stop:
        sender = Sender(
            targets=targets,
            transport=HttpTransport(connections=options.concurrency, source_address=options.source_address),
            tamper=options.tamper,
            retry_factor=options.retry,
            now=app.now,
            sleep=stop.wait,
            stop=stop,
        )
        found = core.send(drafts, sender, pace=pace, on_done=lambda delivery: shown.update(f"{delivery.number}"))
        return found, stop.is_set()


def follow(app: AppContext, deliveries: Iterable[Delivery], options: SendOptions) -> list[send_wait.Timeline]:
    """Wait for the accepted webhooks, with progress on stderr."""
    with app.console.progress("processing") as shown:
        return send_wait.follow(
            list(deliveries),
            app.table,
            timeout_s=options.timeout.total_seconds(),
            on_change=lambda done, every: shown.update(f"{done} of {every}"),
        )


def play_scenario(app: AppContext, provider: str | None, event_type: str | None, options: SendOptions) -> None:
    """Send a scenario's events; with --wait, end by comparing each payment's final state, once all were accepted."""
    del event_type
    ids = IdSource(options.seed)
    found = scenario.load(options.scenario or "", folders=[app.settings.home / "scenarios"])
    providers = [provider] if provider else list(found.scripts)
    money = money_of(options)
    asked = asked_of(options)
    runs = list(scenario.play(found, providers, count=options.count, money=money, asked=asked, ids=ids, now=app.now))
    drafts = scenario.drafts_of(runs, duplicates=options.duplicate, shuffle=options.shuffle, ids=ids)
    targets = ready(app, providers, options)
    sent, is_stopped = deliver(app, targets, drafts, options)
    if is_stopped or not options.wait or sent.accepted < sent.sent:
        app.show(core.outcome(sent, None, is_brief=app.is_on_screen))
        if is_stopped:
            raise KeyboardInterrupt
        send_report.check(sent, expected=options.expect)
        return
    timelines = follow(app, sent.deliveries, options)
    lines = scenario_check.judge(runs, app.table)
    app.show(lines)
    send_report.check(sent, expected=options.expect)
    send_wait.check(timelines, may_fail=False)
    scenario_check.check(lines)


def run_chaos(app: AppContext, provider: str | None, event_type: str | None, options: SendOptions) -> None:
    """Send one of each bad thing; exit 7 unless every outcome is as expected."""
    del event_type
    targets = find_targets(PROVIDERS, destination(options), stack=AppStack(app))
    ids = IdSource(options.seed)
    benches = [
        Bench(
            provider=name,
            targets=targets,
            transport=HttpTransport(source_address=options.source_address),
            slow=HttpTransport(source_address=options.source_address, body_delay_s=SLOW_BODY_S),
            ids=ids,
            now=app.now,
        )
        for name in ([provider] if provider else PROVIDERS)
    ]
    table = app.table if options.url is None else None
    with app.console.progress("chaos") as shown:
        lines = chaos.run(benches, table, timeout_s=options.timeout.total_seconds(), on_case=shown.update)
    app.show(lines)
    chaos.check(lines)
