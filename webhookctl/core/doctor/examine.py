"""`webhookctl doctor`: every check carried out, each with its finding."""

from collections.abc import Callable

from webhookctl.core.doctor.checks import CHECKS, Verdict
from webhookctl.core.doctor.patient import FAILED, Finding, Patient
from webhookctl.errors import CheckFailedError, WebhookctlError


def examine(patient: Patient) -> list[Finding]:
    """Run every check. One that can't be carried out is a failed finding, with its error's own hint."""
    return [_carried_out(name, check, patient) for name, check in CHECKS.items()]


def verdict(findings: list[Finding]) -> None:
    """Raise CheckFailedError when a check failed."""
    failed = [finding.check for finding in findings if finding.result == FAILED]
    if failed:
        raise CheckFailedError(f"{len(failed)} of {len(findings)} checks failed: {', '.join(failed)}")


def _carried_out(name: str, check: Callable[[Patient], Verdict], patient: Patient) -> Finding:
    try:
        result, detail, remedy = check(patient)
    except WebhookctlError as error:
        return Finding(check=name, result=FAILED, detail=error.message, remedy=error.hint or "")
    except Exception as error:  # noqa: BLE001 - an answer that nobody foresaw must not hide the other checks' findings
        return Finding(check=name, result=FAILED, detail=f"could not be carried out: {error}")
    return Finding(check=name, result=result, detail=detail, remedy=remedy)
