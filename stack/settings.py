"""What differs between environments, typed, in one place. Plain data, no CDK.

`prod` retains and protects; every other environment is disposable. An operator overrides single values in
`webhookctl.toml`; the CLI passes that table as the JSON context value `settings`.
"""

import json
import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final

from stack.limits import STREAM_BATCH_SIZE, WAF_RATE_LIMIT
from stack.settings_rules import PRODUCTION, contradictions

LOCAL: Final = "local"

AWS_RUNTIME: Final = "python3.14"
"""The newest Python runtime that CDK and cdk-nag accept."""
AWS_ARCHITECTURE: Final = "arm64"


class SettingsError(ValueError):
    """The settings of an environment are not usable; the message lists every fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One environment's settings. Field names are the keys of `webhookctl.toml`."""

    environment: str
    protected: bool = False
    """Retain the table, the key and the logs; deletion and termination protection; point-in-time recovery."""
    runtime: str = AWS_RUNTIME
    architecture: str = AWS_ARCHITECTURE
    log_level: str = "INFO"
    processor_log_level: str = "INFO"
    """The processor's own. At WARN it logs failures only: of what it processed, the audit log has a line anyway."""
    log_retention_days: int = 14
    audit_retention_days: int = 60
    """Longer than the items live, so that each still has its first line when its time is over."""
    retention_days: int = 30
    """How long a webhook's item stays in the table (TTL)."""
    trace_reservoir_per_s: int = 100
    trace_rate: float = 1.0
    """X-Ray samples this many requests a second first, then this share of the rest."""
    allow_test_ca: bool = True
    """Trust the PayPal test CA that the operator made. Never in production."""
    refuse_outlived: bool = False
    """Refuse an event that has no signed time (Square's) and is older than its item lives: its second effect. Off
    outside production, where old bodies are sent on purpose."""
    allow_failure_injection: bool = True
    """Let a sender make its webhook fail in processing on purpose. Never in production."""
    retry_base_s: int = 1
    retry_cap_s: int = 5
    """A failed message returns after base, 2 base, 4 base ... seconds, at most cap."""
    maximum_concurrency: int | None = None
    """How many processors the queue may run at once (2-1000). None: no bound but the account's."""
    receiver_reserved_concurrency: int | None = None
    processor_reserved_concurrency: int | None = None
    audit_reserved_concurrency: int | None = None
    """Reserved concurrency is off: a new account has 10 to 1,000 executions in all and must keep 100 unreserved,
    so that a reservation can fail the whole deployment; and it makes the queue's poller throttle good messages into
    the DLQ. Locally it bounds the engine's worker processes."""
    queue_window_s: int = 0
    """How long a poller of the queue may wait to fill a batch of the processor; a full batch waits for nothing. With
    any window Lambda may wait 20 seconds on a quiet queue (AWS Lambda developer guide, "Using Lambda with Amazon SQS").
    The provider has its answer already. See docs/aws.md for what waiting saves."""
    audit_batch_size: int = STREAM_BATCH_SIZE
    audit_window_s: int = 0
    """How long the audit logger may wait to fill a batch."""
    dlq_alarm_period_s: int = 60
    quiet_alarm_hours: int | None = None
    """Alarm when no webhook arrived for so long. None: an idle environment is normal."""
    failed_index: bool = False
    """A sparse index of failed webhooks. Costs two writes a failed webhook (one in, one out): 0.0125 dollars per
    million webhooks at 1 % failures and 0.625 dollars per million writes; nothing for those that succeed."""
    provider_addresses: tuple[str, ...] = ()
    """CIDR ranges of the providers, which get their own higher rate limit in the WAF."""
    provider_rate_limit: int = 10 * WAF_RATE_LIMIT
    alert_email: str | None = None
    api_account_role: bool = True
    """Own the region's API Gateway logging role. Turn off where another stack of the account owns it."""


def _production() -> Settings:
    return Settings(
        environment=PRODUCTION,
        protected=True,
        log_retention_days=90,
        audit_retention_days=545,
        retention_days=400,
        trace_reservoir_per_s=0,  # one a second would be every webhook of a million a month
        trace_rate=0.01,
        processor_log_level="WARN",
        allow_test_ca=False,
        refuse_outlived=True,
        allow_failure_injection=False,
        retry_base_s=10,
        retry_cap_s=600,
        maximum_concurrency=50,
        queue_window_s=60,
        audit_window_s=60,
        quiet_alarm_hours=6,
    )


def _local() -> Settings:
    return Settings(
        environment=LOCAL,
        runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
        architecture=host_architecture(),
        receiver_reserved_concurrency=8,
        processor_reserved_concurrency=4,
        audit_reserved_concurrency=2,
    )


def host_architecture() -> str:
    """Return this machine's architecture in Lambda's words."""
    return "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"


def settings_for(
    environment: str, *, overrides: Mapping[str, object] | str | None = None, architecture: str | None = None
) -> Settings:
    """Return the settings of an environment with the operator's overrides (a mapping or its JSON).

    `architecture` is that of the machine that will run the functions, where the caller knows it.

    Raises SettingsError that names every unknown key and every bad value at once.
    """
    base = {PRODUCTION: _production, LOCAL: _local}.get(environment, lambda: Settings(environment=environment))()
    values, faults = _typed(_mapping(overrides))
    if faults:
        raise SettingsError("; ".join(faults))
    if architecture:
        values.setdefault("architecture", architecture)
    settings = replace(base, **values)
    faults = contradictions(asdict(settings))
    if faults:
        raise SettingsError("; ".join(faults))
    return settings


def _mapping(overrides: Mapping[str, object] | str | None) -> Mapping[str, object]:
    if not isinstance(overrides, str):
        return overrides or {}
    try:
        parsed = json.loads(overrides)
    except ValueError as error:
        raise SettingsError(f"the settings are not valid JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise SettingsError("the settings are not a JSON object")
    return parsed


def _typed(overrides: Mapping[str, object]) -> tuple[dict[str, Any], list[str]]:
    known = {f.name: f.type for f in fields(Settings) if f.name != "environment"}
    values: dict[str, Any] = {}
    faults: list[str] = []
    for name, value in overrides.items():
        if name not in known:
            faults.append(f"unknown setting '{name}'")
        elif not _FITS[known[name]](value):
            faults.append(f"setting '{name}' takes {_WORDS[known[name]]}, not {value!r}")
        else:
            values[name] = tuple(value) if isinstance(value, list) else value
    return values, faults


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_FITS: Final[Mapping[Any, Callable[[object], bool]]] = {
    bool: lambda value: isinstance(value, bool),
    int: _is_int,
    float: lambda value: _is_int(value) or isinstance(value, float),
    str: lambda value: isinstance(value, str),
    int | None: lambda value: value is None or _is_int(value),
    str | None: lambda value: value is None or isinstance(value, str),
    tuple[str, ...]: lambda value: isinstance(value, list | tuple) and all(isinstance(item, str) for item in value),
}
_WORDS: Final[Mapping[Any, str]] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    int | None: "a whole number or null",
    str | None: "a text or null",
    tuple[str, ...]: "a list of texts",
}
