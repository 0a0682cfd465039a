"""From settings to a stack that takes webhooks: what `deploy` and `demo` share."""

import time
from dataclasses import replace

from webhookctl.commands.resource_progress import ResourceProgress
from webhookctl.context import AppContext
from webhookctl.core.assembly import DeployPlan
from webhookctl.core.deployment import Deployed, ready_secrets
from webhookctl.core.smoke import NOT_RUN, smoke_provider, smoke_test
from webhookctl.errors import WebhookctlError


def bring_up(app: AppContext, *, yes: bool, confirm: str | None, smoke: bool) -> Deployed:
    """Start what has to run here, plan, ask where somebody should be asked, deploy, and make the secrets usable."""
    started = time.monotonic()
    app.start_environment()
    app.console.say(f"Reading what environment {app.environment!r} should be ...")
    plan = app.deployment.plan()
    _ask(app, plan, yes=yes, confirm=confirm)
    return _carry_out(app, plan, smoke=smoke, started=started)


def _ask(app: AppContext, plan: DeployPlan, *, yes: bool, confirm: str | None) -> None:
    if plan.is_empty:
        return
    app.check_target()
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
    app.deployment.apply(plan, report=ResourceProgress(app.console, plan.changes))
    may_seed = app.stack_settings.allow_test_ca
    seeded = ready_secrets(app.secrets, app.outputs, may_seed=may_seed, now=app.now(), test_ca=lambda: app.test_ca)
    deployed = Deployed(
        environment=app.environment,
        stack=plan.stack,
        result="unchanged" if plan.is_empty else "deployed",
        changes=plan.summary,
        api_endpoint=app.outputs.api_endpoint,
        seeded_secrets=seeded,
        smoke_test=NOT_RUN,
        seconds=round(time.monotonic() - started, 1),
    )
    return _tried(app, deployed, started=started) if smoke and not plan.is_empty else deployed


def _tried(app: AppContext, deployed: Deployed, *, started: float) -> Deployed:
    """Send a webhook through what was deployed. Where that fails, the deployment's own result is shown all the same."""
    try:
        told = _smoke_test(app)
    except WebhookctlError as error:
        app.show(replace(deployed, smoke_test=f"failed: {error}"))
        raise
    return replace(deployed, smoke_test=told, seconds=round(time.monotonic() - started, 1))


def _smoke_test(app: AppContext) -> str:
    provider = smoke_provider(app.secrets, app.outputs)
    if provider is None:
        return f"{NOT_RUN}: no key is set yet (webhookctl secrets set stripe --env {app.environment})"
    app.console.say(f"Sending a signed webhook of {provider} through it ...")
    window_s = float(app.stack_settings.queue_window_s)
    return smoke_test(provider, app.sender(provider), app.table, now=app.now, window_s=window_s)
