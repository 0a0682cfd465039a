"""`webhookctl demo`: the whole trip on one screen."""

import time

from stack import outputs as names
from webhookctl.commands.bring_up import bring_up
from webhookctl.commands.options import Confirm, Yes
from webhookctl.context import AppContext, Context
from webhookctl.core.demo import EVENTS, Demo, DemoStage
from webhookctl.errors import UsageError


def demo(ctx: Context, yes: Yes = False, confirm: Confirm = None) -> None:
    """Show the whole trip: deploy, send, refuse forgeries, break one, redrive, audit.

    With -o json prints one object, counted from the table, the queue and the logs.
    """
    app = ctx.obj
    started = time.monotonic()
    if not app.stack_settings.allow_failure_injection:
        raise UsageError(
            f"{app.environment!r} does not let a webhook fail on purpose", hint="webhookctl demo --env local"
        )
    deployed = bring_up(app, yes=yes, confirm=confirm, smoke=False)
    story = _Story(app)
    story.tell(
        "Deploy the stack", f"{deployed.stack} {deployed.result} in {deployed.seconds} s: {deployed.api_endpoint}"
    )
    play = Demo(stage=_stage(app))
    for step in play.steps():
        story.tell(step.title, step.result, is_shown=step.is_shown)
    _show_trace(app, story, play.broken)
    report = play.report(seconds=time.monotonic() - started)
    app.console.say("")
    app.show(report)
    app.console.say(f"\nIt goes on running. Look around: webhookctl status --env {app.environment}")


def _show_trace(app: AppContext, story: "_Story", webhook_id: str) -> None:
    """Draw the broken webhook's trace: every attempt, the wait in the DLQ and the redrive in one picture."""
    from webhookctl.core.trace.find import picture

    story.tell("Draw its trace", f"webhookctl trace show {webhook_id}")
    if app.settings.output == "table":
        app.show(picture(app.traces, app.table, app.trace_lines, webhook_id, now=app.now(), with_logs=False))


class _Story:
    """Prints the steps: on stdout for a person, on stderr where stdout carries JSON."""

    def __init__(self, app: AppContext) -> None:
        self._console = app.console
        self._write = app.console.write if app.settings.output == "table" else app.console.say
        self._number = 0

    def tell(self, title: str, result: str, *, is_shown: bool = True) -> None:
        """Print one step, and whether it could be seen to happen."""
        mark = self._console.style("ok", "green") if is_shown else self._console.style("not shown:", "yellow")
        self._number += 1
        self._write(f"{self._console.style(f'{self._number}. {title}', 'bold')}")
        self._write(f"   {mark} {result}")


def _stage(app: AppContext) -> DemoStage:
    from webhookctl.core.audit import records
    from webhookctl.core.audit.show import Timeline, timeline

    def life_of(webhook_id: str) -> Timeline:
        found = records.query(app.audit_log, records.AuditFilter(webhook_id=webhook_id), start=started_at, end=None)
        return timeline(webhook_id, found)

    started_at = app.now()
    sender = app.sender(*EVENTS)
    return DemoStage(
        environment=app.environment,
        targets=sender.targets,
        transport=sender.transport,
        table=app.table,
        logs=app.logs,
        receiver_log=names.log_group_name(app.outputs[names.RECEIVER_NAME]),
        audit_log=app.outputs[names.AUDIT_LOG_GROUP],
        alarms=app.alarms,
        dlq_alarm=app.outputs[names.DLQ_ALARM_NAME],
        desk=app.redrive_desk,
        journals=app.settings.home / "redrives",
        timeline=life_of,
        now=app.now,
    )
