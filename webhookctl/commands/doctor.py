"""`webhookctl doctor`: what is wrong, and what to do about it."""

from webhookctl.context import Context
from webhookctl.core.doctor.examine import examine, verdict
from webhookctl.core.doctor.patient import Patient


def doctor(ctx: Context) -> None:
    """Check account, machine and stack; each finding with its remedy.

    Exits with 7 when a check failed.
    """
    app = ctx.obj
    patient = Patient(
        environment=app.environment,
        settings=app.stack_settings,
        identity=lambda: app.identity,
        outputs=lambda: app.outputs,
        deployment=lambda: app.deployment,
        logs=lambda: app.logs,
        secrets=lambda: app.secrets,
        probe=lambda: app.probe,
        now=app.now(),
        is_emulated=app.settings.is_embedded,
    )
    findings = examine(patient)
    app.show(findings)
    verdict(findings)
