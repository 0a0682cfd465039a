"""The ports of the load and WAF commands, made from the chosen environment."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from stack import limits, outputs
from webhookctl.context import AppContext
from webhookctl.core.logs import LogEvent

if TYPE_CHECKING:
    from webhookctl.aws.waf import WebAcl
    from webhookctl.core.load.proof import Witness

DEFAULT_LAG_S: Final = 30.0
"""AWS WAF's usual lag; the local environment plays the same unless told otherwise."""


Lag = Annotated[
    float | None,
    typer.Option("--waf-lag", min=0, max=120, metavar="SECONDS", help="WAF lag to allow for, and locally to play."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageLimits:
    """The stage's throttle as deployed."""

    rate_rps: float = limits.STAGE_RATE_LIMIT
    burst: float = limits.STAGE_BURST_LIMIT


def web_acl(context: AppContext) -> "WebAcl":
    """Return the environment's web ACL."""
    from webhookctl.aws.waf import WebAcl

    return WebAcl(context.session, context.outputs[outputs.WEB_ACL_ARN])


def witness(context: AppContext) -> "Witness":
    """Return what proves a run: the table, the queues and the audit log, as they stand before it."""
    from webhookctl.aws.queue_depth import QueueDepths
    from webhookctl.aws.table import Table
    from webhookctl.core.load.proof import Witness

    found = context.outputs
    return Witness(
        table=Table(context.session, found[outputs.TABLE_NAME]),
        queue=QueueDepths(context.session, queue_url=found[outputs.QUEUE_URL], dlq_url=found[outputs.DLQ_URL]),
        logs=context.logs,
        audit_group=found[outputs.AUDIT_LOG_GROUP],
        now=context.now,
    )


def access_log(context: AppContext, since: datetime) -> Iterable[LogEvent]:
    """Return the API's access log since a moment."""
    return context.logs.events(context.outputs[outputs.ACCESS_LOG_GROUP], start=since)


def stage_limits(context: AppContext) -> StageLimits:
    """Return the stage's throttle, from API Gateway."""
    from webhookctl.aws.stage import stage_throttle

    found = stage_throttle(context.session, context.outputs[outputs.API_ID], outputs.STAGE)
    return StageLimits() if found is None else StageLimits(rate_rps=found[0], burst=found[1])


def choose_waf_lag(context: AppContext, lag_s: float | None) -> float:
    """Return the WAF lag to allow for; the local environment is told to play it."""
    chosen = DEFAULT_LAG_S if lag_s is None else lag_s
    if context.settings.is_embedded:
        from webhookctl.local.waf.profile import profile_of, read_lag, write_lag

        profile = profile_of(context.settings.home)
        if lag_s is None:
            return read_lag(profile)
        if chosen != read_lag(profile):  # the front door starts its counts anew
            write_lag(profile, chosen)
    return chosen


def provider_address(context: AppContext) -> str:
    """Return an address of the WAF's allow-list that this machine can send from, or nothing."""
    ranges = (ip_network(text) for text in context.stack_settings.provider_addresses)
    return next((str(found[0]) for found in ranges if found.is_loopback), "")


def write_load_secrets(context: AppContext, file: Path) -> None:
    """Write the secrets that load is signed with."""
    from webhookctl.core.load.secrets import write_secrets
    from webhookctl.core.secrets.provider import sending_secret

    found = {
        provider: sending_secret(context.secrets, context.outputs, provider, test_ca=lambda: context.test_ca)
        for provider in outputs.PROVIDERS
    }
    write_secrets(file, found, environment=context.environment, endpoint=context.outputs.api_endpoint)
