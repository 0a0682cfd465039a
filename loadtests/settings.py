"""A load test's options, read from Locust's command line and checked once."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from stack.limits import WAF_CHECK_INTERVAL_S, WAF_RATE_LIMIT, WAF_WINDOW_S

MAX_RATE_RPS: Final = 400
"""Ceiling on what all roles of a scenario may offer together."""
MAX_DURATION_S: Final = 3600


class LoadSettingsError(ValueError):
    """An option is missing or out of bounds; the message says which and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSettings:
    """What a scenario works with. `lag_s` is the WAF's block and unblock lag that the verdict allows for."""

    host: str
    secrets: Path
    out: Path | None
    lag_s: float
    rate_rps: float
    duration_s: float
    provider_address: str = ""
    limit: int = WAF_RATE_LIMIT
    window_s: int = WAF_WINDOW_S
    check_s: int = WAF_CHECK_INTERVAL_S


def add_options(parser: Any) -> None:  # noqa: ANN401 - Locust's own parser
    """Declare the scenarios' options on Locust's command line."""
    group = parser.add_argument_group("webhook load")
    group.add_argument("--secrets", env_var="LOAD_SECRETS", default="", help="file made by: webhookctl load secrets")
    group.add_argument("--out", env_var="LOAD_OUT", default="", help="folder for observations.json and journal.jsonl")
    group.add_argument("--waf-lag", type=float, env_var="LOAD_WAF_LAG", default=30.0, help="WAF lag allowed for, in s")
    group.add_argument("--rate", type=float, env_var="LOAD_RATE", default=0.0, help="main role's rate in requests/s")
    group.add_argument("--seconds", type=float, env_var="LOAD_SECONDS", default=0.0, help="how long, where it applies")
    group.add_argument(
        "--provider-address", env_var="LOAD_PROVIDER_ADDRESS", default="", help="an address of the WAF's allow-list"
    )
    group.add_argument("--allow-host", env_var="LOAD_ALLOW_HOST", default="", help="the one host beyond loopback")


def read_settings(options: Any, *, rate_rps: float, duration_s: float) -> LoadSettings:  # noqa: ANN401
    """Check Locust's parsed options. Raises LoadSettingsError."""
    host = (options.host or "").rstrip("/")
    if not host:
        raise LoadSettingsError("no target: give --host URL, the APIEndpoint of `webhookctl outputs`")
    if not _is_loopback(host) and host != options.allow_host.rstrip("/"):
        raise LoadSettingsError(f"{host} is not on this machine: `webhookctl load run` loads a deployed environment")
    if not options.secrets or not Path(options.secrets).is_file():
        raise LoadSettingsError("no signing secrets: give --secrets FILE, made by `webhookctl load secrets FILE`")
    rate, duration = options.rate or rate_rps, options.seconds or duration_s
    if not 0 < rate <= MAX_RATE_RPS:
        raise LoadSettingsError(f"--rate {rate:g} is out of bounds: more than 0, at most {MAX_RATE_RPS} requests/s")
    if not 0 < duration <= MAX_DURATION_S:
        raise LoadSettingsError(f"--seconds {duration:g} is out of bounds: more than 0, at most {MAX_DURATION_S}")
    return LoadSettings(
        host=host,
        secrets=Path(options.secrets),
        out=Path(options.out) if options.out else None,
        lag_s=options.waf_lag,
        rate_rps=rate,
        duration_s=duration,
        provider_address=options.provider_address,
    )


def _is_loopback(host: str) -> bool:
    name = urlsplit(host).hostname or ""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
