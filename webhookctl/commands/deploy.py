"""`webhookctl deploy`, `diff` and `destroy`: the stack as the code says it, on AWS or on the local environment."""

import time
from typing import Annotated

import typer

from webhookctl.commands.options import Confirm, DryRun, Yes
from webhookctl.commands.resource_progress import ResourceProgress
from webhookctl.context import AppContext, Context
from webhookctl.core.assembly import DeployPlan
from webhookctl.core.deployment import Deployed, ready_secrets
from webhookctl.core.smoke import NOT_RUN, SMOKE_PROVIDER, smoke_test


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
    started = time.monotonic()
    app.start_environment()
    app.console.say(f"Reading what environment {app.environment!r} should be ...")
    plan = app.deployment.plan()
    if dry_run:
        app.show(plan.changes if app.settings.output == "table" else plan)
        return
    _ask(app, plan, yes=yes, confirm=confirm)
    app.show(_carry_out(app, plan, smoke=smoke, started=started))


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
        app.deployment.destroy(report=ResourceProgress(app.console, total=len(plan.removed)))
    app.show(plan)


def _ask(app: AppContext, plan: DeployPlan, *, yes: bool, confirm: str | None) -> None:
    if plan.is_empty:
        return
    app.console.say(f"{plan.stack}: {plan.summary}")
    for change in plan.changes:
        if change.loses_data:
            app.console.warn(f"{change.logical_id} ({change.type}) goes away, with what it holds")
    if not app.is_disposable:
        if app.settings.output == "table":
            app.talk(plan.changes)
        app.guard(f"Deploy {plan.stack} ({plan.summary})", yes=yes, confirm=confirm)


def _carry_out(app: AppContext, plan: DeployPlan, *, smoke: bool, started: float) -> Deployed:
    app.console.say("No changes." if plan.is_empty else f"Deploying {plan.stack} ...")
    app.deployment.apply(plan, report=ResourceProgress(app.console, total=len(plan.changes)))
    may_seed = app.stack_settings.allow_test_ca
    seeded = ready_secrets(app.secrets, app.outputs, may_seed=may_seed, now=app.now(), test_ca=lambda: app.test_ca)
    return Deployed(
        environment=app.environment,
        stack=plan.stack,
        result="unchanged" if plan.is_empty else "deployed",
        changes=plan.summary,
        api_endpoint=app.outputs.api_endpoint,
        seeded_secrets=seeded,
        smoke_test=_smoke_test(app) if smoke and not plan.is_empty else NOT_RUN,
        seconds=round(time.monotonic() - started, 1),
    )


def _smoke_test(app: AppContext) -> str:
    app.console.say("Sending a signed webhook through it ...")
    return smoke_test(app.sender(SMOKE_PROVIDER), app.table, now=app.now)
