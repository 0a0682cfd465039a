"""`webhookctl status`: one screen about the environment."""

from datetime import timedelta

from webhookctl.commands.options import Interval, Watch
from webhookctl.context import AppContext, Context
from webhookctl.core.status import EnvironmentStatus, again, read_status


def status(ctx: Context, watch: Watch = False, interval: Interval = timedelta(seconds=2)) -> None:
    """Show the environment's health on one screen.

    Stack, alarms and whom they told, queues, the functions' last hour, each provider's last webhook.
    """
    app = ctx.obj
    if watch:
        app.watch(again(lambda: _read(app), every=interval))
    else:
        app.show(_read(app))


def _read(app: AppContext) -> EnvironmentStatus:
    return read_status(app.outputs, alarms=app.alarms, queues=app.queue_lines, metrics=app.metrics, now=app.now())
