"""What is wrong with an environment, and what to do about it: one finding per check."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from textwrap import wrap
from typing import ClassVar, Final, Protocol

from stack import outputs as names
from stack.settings import Settings as StackSettings
from webhookctl.core.deployment import Deployment
from webhookctl.core.doctor_quotas import Quotas, shortages
from webhookctl.core.guard import Identity
from webhookctl.core.logs import LogReader
from webhookctl.core.outputs import StackOutputs
from webhookctl.core.secrets.provider import SecretStore, read_secret
from webhookctl.errors import CheckFailedError, WebhookctlError

OK: Final = "ok"
WARNING: Final = "warning"
FAILED: Final = "failed"
MUST_STAY_UNRESERVED: Final = 100
"""Lambda keeps this many executions unreserved (AWS Lambda developer guide, reserved concurrency)."""
MAX_SKEW: Final = timedelta(minutes=4)
"""AWS refuses signatures more than 5 minutes off, and the providers' tolerance is 5 minutes too."""
_COLOURS: Final = {OK: "green", WARNING: "yellow", FAILED: "red"}
_INDENT: Final = 25
_WINDOW: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check. `remedy` is the next command or step, empty where nothing is to be done."""

    TABLE: ClassVar = ("check", "result", "detail", "remedy")
    check: str
    result: str
    detail: str
    remedy: str = ""

    def draw(self, width: int, style: Callable[..., str]) -> Iterator[str]:
        """Yield the finding for a terminal, its remedy whole below it."""
        mark = style(f"{self.result:<8}", _COLOURS[self.result])
        first, *more = wrap(self.detail, max(width - _INDENT, 20), break_on_hyphens=False) or [""]
        yield f"{mark}{self.check:<17}{first}".rstrip()
        told = [
            *more,
            *wrap(f"-> {self.remedy}" if self.remedy else "", max(width - _INDENT, 20), break_on_hyphens=False),
        ]
        yield from (f"{'':{_INDENT}}{line}" for line in told)


class Probe(Protocol):
    """Looks at an account and a deployed stack."""

    def node(self) -> str:
        """Return the path of the Node that the CDK runs on. Raises ConfigError."""
        ...

    def concurrency(self) -> tuple[int, int]:
        """Return the account's concurrent executions and how many are unreserved."""
        ...

    def quotas(self) -> Quotas:
        """Return what the account has of the region."""
        ...

    def reserved(self, function: str) -> int | None:
        """Return a function's reserved concurrency; None: none, or no such function."""
        ...

    def taken_names(self, environment: str) -> list[str]:
        """Return the stack's resource names that exist in the account."""
        ...

    def key_state(self, key_arn: str) -> tuple[str, bool]:
        """Return a KMS key's state and whether it rotates."""
        ...

    def clock_skew(self) -> timedelta:
        """Return how far this machine's clock is ahead of AWS's."""
        ...

    def waf_blocks(self, environment: str, *, since: datetime) -> int:
        """Return how many requests the firewall blocked."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """The environment under examination. The callables raise WebhookctlError when they can't be had."""

    environment: str
    settings: StackSettings
    identity: Callable[[], Identity]
    outputs: Callable[[], StackOutputs]
    deployment: Callable[[], Deployment]
    logs: Callable[[], LogReader]
    secrets: Callable[[], SecretStore]
    probe: Callable[[], Probe]
    now: datetime


def examine(patient: Patient) -> list[Finding]:
    """Run every check. One that can't be carried out is a failed finding, with its error's own hint."""
    return [_carried_out(name, check, patient) for name, check in CHECKS.items()]


def verdict(findings: list[Finding]) -> None:
    """Raise CheckFailedError when a check failed."""
    failed = [finding.check for finding in findings if finding.result == FAILED]
    if failed:
        raise CheckFailedError(f"{len(failed)} of {len(findings)} checks failed: {', '.join(failed)}")


Verdict = tuple[str, str, str]


def _carried_out(name: str, check: Callable[[Patient], Verdict], patient: Patient) -> Finding:
    try:
        result, detail, remedy = check(patient)
    except WebhookctlError as error:
        return Finding(check=name, result=FAILED, detail=error.message, remedy=error.hint or "")
    return Finding(check=name, result=result, detail=detail, remedy=remedy)


def _credentials(patient: Patient) -> Verdict:
    who = patient.identity()
    return OK, f"{who.arn} in account {who.account}", ""


def _region(patient: Patient) -> Verdict:
    return OK, patient.identity().region, ""


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
        return FAILED, "the account and region are not bootstrapped for the CDK", "webhookctl deploy does it"
    return OK, f"CDKToolkit is {stack.status}", ""


def _name_conflicts(patient: Patient) -> Verdict:
    if patient.deployment().stacks.describe(names.stack_name(patient.environment)) is not None:
        return OK, "the names belong to the stack", ""
    taken = patient.probe().taken_names(patient.environment)
    if taken:
        return FAILED, f"exist without the stack: {', '.join(taken)}", "delete them, or choose another --env name"
    return OK, "the names are free", ""


def _stack(patient: Patient) -> Verdict:
    found = patient.outputs()
    if "ROLLBACK" in found.status or found.status.endswith("FAILED"):
        return FAILED, f"{names.stack_name(patient.environment)} is {found.status}", "webhookctl deploy"
    return OK, f"{names.stack_name(patient.environment)} is {found.status}", ""


def _drift(patient: Patient) -> Verdict:
    plan = patient.deployment().plan()
    if plan.is_empty:
        return OK, "the deployed stack is what the code says", ""
    return FAILED, f"the code says otherwise: {plan.summary}", "webhookctl diff, then webhookctl deploy"


def _concurrency(patient: Patient) -> Verdict:
    total, unreserved = patient.probe().concurrency()
    wanted = _reservations(patient.settings)
    have = {name: patient.probe().reserved(name) for name in _functions(patient.environment)}
    if 0 in have.values():
        stopped = ", ".join(name for name, count in have.items() if count == 0)
        return FAILED, f"reserved concurrency 0 stops {stopped}", "webhookctl deploy, or remove the reservation"
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
    state, rotates = patient.probe().key_state(patient.outputs()[names.KEY_ARN])
    if state != "Enabled":
        return (
            FAILED,
            f"the key is {state}: nothing can be stored or read",
            "aws kms enable-key (or cancel-key-deletion)",
        )
    return (OK, "enabled, rotates", "") if rotates else (WARNING, "enabled, does not rotate", "webhookctl deploy")


def _secrets(patient: Patient) -> Verdict:
    store, outputs = patient.secrets(), patient.outputs()
    missing = [name for name in names.PROVIDERS if not read_secret(store, outputs, name).get("keys")]
    if missing:
        return FAILED, f"no key for {', '.join(missing)}: its webhooks get 503", f"webhookctl secrets set {missing[0]}"
    return OK, "every provider has a key", ""


def _lines(patient: Patient, words: str) -> Iterator[str]:
    logs, since = patient.logs(), patient.now - _WINDOW
    for function in _functions(patient.environment):
        events = logs.events(names.log_group_name(function), start=since, pattern=f'"{words}"')
        yield from (function for event in events if words in event.message)


def _timeouts(patient: Patient) -> Verdict:
    found = sorted(set(_lines(patient, "Task timed out")))
    if found:
        remedy = "webhookctl trace find --slow, or give it more memory or time; webhookctl logs tail --platform"
        return FAILED, f"timed out in the last hour: {', '.join(found)}", remedy
    return OK, "none in the last hour", ""


def _denied(patient: Patient) -> Verdict:
    found = sorted({*_lines(patient, "AccessDenied"), *_lines(patient, "not authorized")})
    if found:
        remedy = "webhookctl diff --detailed (was a policy changed by hand?), then webhookctl deploy"
        return FAILED, f"denied by IAM, DynamoDB or KMS in the last hour: {', '.join(found)}", remedy
    return OK, "none in the last hour", ""


def _firewall(patient: Patient) -> Verdict:
    blocked = patient.probe().waf_blocks(patient.environment, since=patient.now - _WINDOW)
    if blocked:
        remedy = "webhookctl waf status; a provider's addresses go into provider_addresses in webhookctl.toml"
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
