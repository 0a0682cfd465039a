"""Which values of an environment's settings AWS takes and the product allows. Plain data, no CDK."""

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Any, Final

PRODUCTION: Final = "prod"
YEAR_DAYS: Final = 365

LOG_RETENTIONS: Final = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922)
"""Days that CloudWatch Logs takes (PutRetentionPolicy), as far as they make sense here."""

_HOUR_S: Final = 3600
_RANGES: Final[Mapping[str, tuple[int, int]]] = {
    "retention_days": (4, 3650),  # longer than a provider's retries, so that each finds the first delivery's item
    "trace_reservoir_per_s": (0, 1000),
    "trace_rate": (0, 1),
    "maximum_concurrency": (2, 1000),
    "receiver_reserved_concurrency": (1, 1000),
    "processor_reserved_concurrency": (1, 1000),
    "audit_reserved_concurrency": (1, 1000),
    "queue_window_s": (0, 300),
    "audit_window_s": (0, 300),
    "audit_batch_size": (1, 10_000),
    "quiet_alarm_hours": (1, 7 * 24),
    "provider_rate_limit": (10, 2_000_000_000),
}
"""Both ends are allowed. AWS Lambda: CreateEventSourceMapping; CloudWatch: PutMetricAlarm (a week for periods of an
hour); AWS WAF: RateBasedStatement."""
_CHOICES: Final[Mapping[str, tuple[object, ...]]] = {
    "log_retention_days": LOG_RETENTIONS,
    "audit_retention_days": LOG_RETENTIONS,
    "architecture": ("arm64", "x86_64"),
    "log_level": ("DEBUG", "INFO", "WARN", "ERROR"),
    "processor_log_level": ("DEBUG", "INFO", "WARN", "ERROR"),
}
_RUNTIME: Final = re.compile(r"python3\.1[1-9]")
_ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def contradictions(settings: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with an environment's settings, each and taken together; a sentence for each fault."""
    return [
        *_out_of_range(settings),
        *(f"{name} is not one of {known}" for name, known in _CHOICES.items() if settings[name] not in known),
        *(message for is_wrong, message in _rules(settings) if is_wrong),
        *_bad_ranges(settings["provider_addresses"]),
    ]


def _out_of_range(settings: Mapping[str, Any]) -> Iterator[str]:
    for name, (least, most) in _RANGES.items():
        if settings[name] is not None and not least <= settings[name] <= most:
            yield f"{name} is not between {least} and {most}"


def _rules(settings: Mapping[str, Any]) -> tuple[tuple[bool, str], ...]:
    name = settings["environment"]
    production = name == PRODUCTION
    period = settings["dlq_alarm_period_s"]
    return (
        (not name.isalnum(), f"environment '{name}' has more than letters and digits"),
        (
            not production and name.lower() in (PRODUCTION, "production"),
            f"environment '{name}' would not be protected: only '{PRODUCTION}' is, so call it that",
        ),
        (production and not settings["protected"], "production is always protected (protected)"),
        (production and settings["allow_test_ca"], "production never trusts the test CA (allow_test_ca)"),
        (
            production and settings["allow_failure_injection"],
            "production never fails on purpose (allow_failure_injection)",
        ),
        (
            settings["audit_retention_days"] <= settings["retention_days"],
            "audit_retention_days is not longer than retention_days: items would outlive their lines",
        ),
        (
            production and settings["audit_retention_days"] < YEAR_DAYS,
            "production keeps the audit log for 12 months or longer",
        ),
        (
            not 0 < settings["retry_base_s"] <= settings["retry_cap_s"],
            "retry_base_s is not between 1 and retry_cap_s",
        ),
        (settings["retry_cap_s"] > 12 * _HOUR_S, "retry_cap_s exceeds the 12 hours of an SQS visibility timeout"),
        (
            period not in (10, 30) and not (0 < period <= _HOUR_S and period % 60 == 0),
            "dlq_alarm_period_s is neither 10, 30 nor whole minutes up to an hour",
        ),
        (not _RUNTIME.fullmatch(settings["runtime"]), "runtime is not python3.11 or newer"),
        (
            settings["alert_email"] is not None and not _ADDRESS.fullmatch(settings["alert_email"]),
            "alert_email is not an e-mail address",
        ),
    )


def _bad_ranges(ranges: tuple[str, ...]) -> Iterator[str]:
    """Name each range that AWS WAF's IP sets do not take: they want CIDR notation, and no /0."""
    for text in ranges:
        try:
            network = ip_network(text)
        except ValueError as error:
            yield f"provider_addresses: {error}"
            continue
        if "/" not in text:
            yield f"provider_addresses: '{text}' lacks its prefix length: {network}"
        elif network.prefixlen == 0:
            yield f"provider_addresses: '{text}' is everybody"
