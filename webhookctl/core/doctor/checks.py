"""The checks of `webhookctl doctor`: each looks at one thing and says what to do about it.

What somebody changed by hand on a deployed resource CloudFormation does not see, so `deploy` does not mend it: such a
remedy is the call that does.
"""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from stack import outputs as names
from stack.settings import Settings as StackSettings
from webhookctl.core.doctor.patient import FAILED, OK, WARNING, Patient
from webhookctl.core.doctor.quotas import shortages
from webhookctl.core.secrets.provider import read_secret
from webhookctl.errors import ConfigError, WebhookctlError

MUST_STAY_UNRESERVED: Final = 100
"""Lambda keeps this many executions unreserved (AWS Lambda developer guide, reserved concurrency)."""
MAX_SKEW: Final = timedelta(minutes=4)
"""AWS refuses signatures more than 5 minutes off, and the providers' tolerance is 5 minutes too."""
NAMED: Final[Mapping[str, str]] = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::KMS::Alias": "AliasName",
    "AWS::CloudWatch::Alarm": "AlarmName",
}
"""Types whose names the stack chooses, and the property that holds it: one that exists already fails a deployment."""
_UNMADE: Final = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "REVIEW_IN_PROGRESS")
"""States of a stack that was never made: it owns no name."""
_WINDOW: Final = timedelta(hours=1)
_TIMED_OUT: Final = re.compile(r'Task timed out|"status"\s*:\s*"timeout"|Status: timeout')
"""How Lambda says it: as text, in JSON format (a `platform.report`), and in the report's text."""
_DENIED: Final = re.compile("AccessDenied|not authorized")

Verdict = tuple[str, str, str]


def _credentials(patient: Patient) -> Verdict:
    try:
        who = patient.identity()
    except WebhookctlError as error:
        if abs(skew := _skew(patient)) <= MAX_SKEW:
            raise
        seconds = round(skew.total_seconds())
        raise ConfigError(error.message, hint=f"this clock is {seconds} s off: synchronise it (NTP) first") from error
    return OK, f"{who.arn} in account {who.account}", ""


def _region(patient: Patient) -> Verdict:
    return OK, patient.identity().region, ""


def _skew(patient: Patient) -> timedelta:
    try:
        return patient.probe().clock_skew()
    except WebhookctlError:
        return timedelta()


def _clock(patient: Patient) -> Verdict:
    skew = patient.probe().clock_skew()
    seconds = round(skew.total_seconds())
    if abs(skew) > MAX_SKEW:
        return FAILED, f"this clock is {seconds} s off", "synchronise the clock (NTP): signatures will be refused"
    return OK, f"{seconds} s off", ""


def _node(patient: Patient) -> Verdict:
    return OK, patient.probe().node(), ""


def _bootstrap(patient: Patient) -> Verdict:
    stack = patient.deployment().stacks.describe("CDKToolkit")
    if stack is None:
        return (
            FAILED,
            "the account and region are not bootstrapped for the CDK",
            (f"as an administrator: {patient.command('deploy')}, which does it first"),
        )
    return OK, f"CDKToolkit is {stack.status}", ""


def _name_conflicts(patient: Patient) -> Verdict:
    deployment = patient.deployment()
    stack = deployment.stacks.describe(names.stack_name(patient.environment))
    if stack is not None and stack.status not in _UNMADE:
        return OK, "the names belong to the stack", ""
    taken = patient.probe().taken_names(_named(deployment.assembly.template))
    if taken:
        return FAILED, f"exist without the stack: {', '.join(taken)}", "delete them, or choose another --env name"
    return OK, "the names are free", ""


def _named(template: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the names that the template gives to resources, by type."""
    found: dict[str, list[str]] = {}
    for resource in template.get("Resources", {}).values():
        name = resource.get("Properties", {}).get(NAMED.get(resource["Type"], ""))
        if isinstance(name, str):
            found.setdefault(resource["Type"], []).append(name)
    return found


def _stack(patient: Patient) -> Verdict:
    found = patient.outputs()
    if "ROLLBACK" in found.status or found.status.endswith("FAILED"):
        return FAILED, f"{names.stack_name(patient.environment)} is {found.status}", patient.command("deploy")
    return OK, f"{names.stack_name(patient.environment)} is {found.status}", ""


def _drift(patient: Patient) -> Verdict:
    plan = patient.deployment().plan()
    if plan.is_empty:
        return OK, "the deployed stack is what the code says", ""
    return (
        FAILED,
        f"the code says otherwise: {plan.summary}",
        f"{patient.command('diff')}, then {patient.command('deploy')}",
    )


def _concurrency(patient: Patient) -> Verdict:
    total, unreserved = patient.probe().concurrency()
    wanted = _reservations(patient.settings)
    have = {name: patient.probe().reserved(name) for name in _functions(patient.environment)}
    if 0 in have.values():
        stopped = [name for name, count in have.items() if count == 0]
        freed = [patient.aws_command(f"lambda delete-function-concurrency --function-name {name}") for name in stopped]
        return FAILED, f"reserved concurrency 0 stops {', '.join(stopped)}", "; ".join(freed)
    still = sum(wanted.values()) - sum(count or 0 for count in have.values())
    if still > 0 and unreserved - still < MUST_STAY_UNRESERVED:
        remedy = "lower the reserved concurrency in webhookctl.toml, or ask AWS for a higher limit"
        return (
            FAILED,
            f"{still} more to reserve, {unreserved} of {total} are free, 100 must stay",
            remedy,
        )
    return OK, f"{unreserved} of {total} executions unreserved", ""


def _quotas(patient: Patient) -> Verdict:
    quotas = patient.probe().quotas()
    found = list(shortages(quotas, patient.settings))
    if found:
        result = FAILED if any(short.is_fatal for short in found) else WARNING
        return result, "; ".join(short.detail for short in found), "; ".join(short.remedy for short in found)
    return OK, f"{quotas.executions:,} executions, {quotas.requests_per_s:,.0f} requests a second, room for code", ""


def _reservations(settings: StackSettings) -> Mapping[str, int]:
    values = {
        "receiver": settings.receiver_reserved_concurrency,
        "processor": settings.processor_reserved_concurrency,
        "audit": settings.audit_reserved_concurrency,
    }
    return {name: value for name, value in values.items() if value is not None}


def _functions(environment: str) -> tuple[str, ...]:
    return names.receiver_name(environment), names.processor_name(environment), names.audit_name(environment)


def _key(patient: Patient) -> Verdict:
    arn = patient.outputs()[names.KEY_ARN]
    state, rotates = patient.probe().key_state(arn)
    if state != "Enabled":
        mended = "cancel-key-deletion" if state == "PendingDeletion" else "enable-key"
        return (
            FAILED,
            f"the key is {state}: nothing can be stored or read",
            patient.aws_command(f"kms {mended} --key-id {arn}"),
        )
    if not rotates:
        return WARNING, "enabled, does not rotate", patient.aws_command(f"kms enable-key-rotation --key-id {arn}")
    return OK, "enabled, rotates", ""


def _secrets(patient: Patient) -> Verdict:
    store, outputs = patient.secrets(), patient.outputs()
    missing = [name for name in names.PROVIDERS if not read_secret(store, outputs, name).get("keys")]
    if missing:
        remedy = "; ".join(patient.command(f"secrets set {name}") for name in missing)
        return FAILED, f"no key for {', '.join(missing)}: its webhooks get 503", remedy
    return OK, "every provider has a key", ""


def _said(patient: Patient, words: tuple[str, ...], meant: re.Pattern[str]) -> list[str]:
    """Return the functions whose logs of the last hour say it; CloudWatch filters by the words, we by the meaning."""
    logs, since = patient.logs(), patient.now - _WINDOW
    return [
        function
        for function in _functions(patient.environment)
        if any(
            meant.search(event.message)
            for word in words
            for event in logs.events(names.log_group_name(function), start=since, pattern=f'"{word}"')
        )
    ]


def _timeouts(patient: Patient) -> Verdict:
    found = _said(patient, ("timed out", "timeout"), _TIMED_OUT)
    if found:
        remedy = f"{patient.command('trace list --slow 5s')} shows where; then more memory or time (stack/limits.py)"
        return FAILED, f"timed out in the last hour: {', '.join(found)}", remedy
    return OK, "none in the last hour", ""


def _denied(patient: Patient) -> Verdict:
    found = _said(patient, ("AccessDenied", "not authorized"), _DENIED)
    if found:
        stack = names.stack_name(patient.environment)
        drift = patient.aws_command(f"cloudformation detect-stack-drift --stack-name {stack}")
        remedy = f"{patient.command('logs tail --grep Denied')}; put back the policy that was changed by hand: {drift}"
        return FAILED, f"denied by IAM, DynamoDB or KMS in the last hour: {', '.join(found)}", remedy
    return OK, "none in the last hour", ""


def _firewall(patient: Patient) -> Verdict:
    blocked = patient.probe().waf_blocks(patient.environment, since=patient.now - _WINDOW)
    if blocked:
        remedy = (
            f"{patient.command('waf status')}; a provider's addresses go into provider_addresses in webhookctl.toml"
        )
        return WARNING, f"{blocked} requests answered 403 in the last hour", remedy
    return OK, "nothing blocked in the last hour", ""


CHECKS: Final[Mapping[str, Callable[[Patient], Verdict]]] = {
    "credentials": _credentials,
    "region": _region,
    "clock": _clock,
    "node": _node,
    "bootstrap": _bootstrap,
    "name conflicts": _name_conflicts,
    "stack": _stack,
    "drift": _drift,
    "concurrency": _concurrency,
    "quotas": _quotas,
    "key": _key,
    "secrets": _secrets,
    "Lambda timeouts": _timeouts,
    "permissions": _denied,
    "WAF 403": _firewall,
}
