"""`webhookctl deploy`, `diff` and `destroy`: the stack as the code says it, on AWS or on the local environment."""

from typing import Annotated

import typer

from webhookctl.commands.bring_up import bring_up
from webhookctl.commands.options import Confirm, DryRun, Yes
from webhookctl.commands.resource_progress import ResourceProgress
from webhookctl.context import Context


def deploy(
    ctx: Context,
    dry_run: DryRun = False,
    yes: Yes = False,
    confirm: Confirm = None,
    smoke: Annotated[
        bool, typer.Option("--smoke-test/--no-smoke-test", help="Send a signed webhook through it afterwards.")
    ] = True,
) -> None:
    """Deploy the environment, or bring it up to date.

    Starts the local environment, builds the layer, shows what would change and asks (on AWS), deploys with the CDK,
    makes up missing secrets outside production, writes Square's URL, and sends a signed webhook through it.
    """
    app = ctx.obj
    if dry_run:
        app.start_environment()
        plan = app.deployment.plan()
        app.show(plan.changes if app.is_on_screen else plan)
    else:
        app.show(bring_up(app, yes=yes, confirm=confirm, smoke=smoke))


def diff(
    ctx: Context,
    detailed: Annotated[bool, typer.Option("--detailed", help="Print the CDK's own diff, value by value.")] = False,
) -> None:
    """Show what deploy would change."""
    deployment = ctx.obj.deployment
    ctx.obj.show(deployment.detailed_diff() if detailed else deployment.plan().changes)


def destroy(ctx: Context, dry_run: DryRun = False, yes: Yes = False, confirm: Confirm = None) -> None:
    """Take the environment away, and say what stays.

    Retained resources (a production table, its key, its audit log) stay and go on costing money.
    """
    app = ctx.obj
    plan = app.deployment.plan_destroy()
    if not dry_run:
        kept = f"; {len(plan.retained)} retained resources stay" if plan.retained else ""
        app.guard(f"Destroy {plan.stack} ({len(plan.removed)} resources{kept})", yes=yes, confirm=confirm)
        app.deployment.destroy(report=ResourceProgress(app.console, plan.removed))
    app.show(plan)
