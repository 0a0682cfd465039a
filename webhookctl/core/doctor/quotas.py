"""Which quotas of an account are too small for an environment, and what to do about each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from stack.limits import STAGE_BURST_LIMIT, STAGE_RATE_LIMIT
from stack.settings import Settings as StackSettings

NEW_ACCOUNT_EXECUTIONS: Final = 10
"""What a new account may run at once (AWS Lambda developer guide, "Lambda quotas")."""
_FULL: Final = 0.9
_GB: Final = 1024**3
_MORE_EXECUTIONS: Final = (
    "aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 "
    "--desired-value 1000"
)
_MORE_REQUESTS: Final = "ask AWS for a higher 'Throttle rate' of API Gateway (console, Service Quotas)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """What an account has of a region. `requests_per_s` and `burst` are API Gateway's, over all stages."""

    executions: int
    code_bytes: int
    code_bytes_max: int
    requests_per_s: float
    burst: int
    has_gateway_log_role: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortage:
    """One quota that is too small. `is_fatal`: a deployment fails; otherwise the environment falls short under load."""

    detail: str
    remedy: str
    is_fatal: bool = False


def shortages(quotas: Quotas, settings: StackSettings) -> Iterator[Shortage]:
    """Yield what is too small for an environment with these settings, the fatal ones first."""
    if not settings.api_account_role and not quotas.has_gateway_log_role:
        yield Shortage(
            detail="the region has no API Gateway logging role, without which no stage may log",
            remedy="api_account_role = true in webhookctl.toml, or the stack that owns the role first",
            is_fatal=True,
        )
    if quotas.code_bytes > _FULL * quotas.code_bytes_max:
        used, most = quotas.code_bytes / _GB, quotas.code_bytes_max / _GB
        yield Shortage(
            detail=f"Lambda's code storage is nearly full: {used:.1f} of {most:.0f} GB",
            remedy="delete old function and layer versions: aws lambda delete-layer-version",
            is_fatal=quotas.code_bytes >= quotas.code_bytes_max,
        )
    yield from _under_load(quotas, settings)


def _under_load(quotas: Quotas, settings: StackSettings) -> Iterator[Shortage]:
    if settings.maximum_concurrency is not None and quotas.executions <= settings.maximum_concurrency:
        yield Shortage(
            detail=f"{quotas.executions} executions in all, and the processors may take "
            f"{settings.maximum_concurrency}: a backlog would leave none to the receiver, which means 503",
            remedy=f"a lower maximum_concurrency in webhookctl.toml, or {_MORE_EXECUTIONS}",
        )
    elif quotas.executions <= NEW_ACCOUNT_EXECUTIONS:
        yield Shortage(
            detail=f"{quotas.executions} executions in all, as a new account has: a burst of webhooks gets 503",
            remedy=_MORE_EXECUTIONS,
        )
    if quotas.requests_per_s < STAGE_RATE_LIMIT or quotas.burst < STAGE_BURST_LIMIT:
        yield Shortage(
            detail=f"API Gateway takes {quotas.requests_per_s:,.0f} requests a second (burst {quotas.burst:,}) of the "
            f"whole account, less than the stage's {STAGE_RATE_LIMIT:,} (burst {STAGE_BURST_LIMIT:,}): 429 before that",
            remedy=_MORE_REQUESTS,
        )
