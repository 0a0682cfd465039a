"""A load test's options, read from Locust's command line or its web interface and checked before each start."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from loadtests.target import TargetError, check_target, is_loopback
from stack.limits import WAF_CHECK_INTERVAL_S, WAF_RATE_LIMIT, WAF_WINDOW_S

MAX_RATE_RPS: Final = 400
"""Ceiling on what all roles of a scenario may offer together."""
MAX_DURATION_S: Final = 3600
ONE_ADDRESS_SHARE: Final = 0.8
"""What share of the WAF's limit a scenario may offer where all its roles leave from one address."""


class LoadSettingsError(ValueError):
    """An option is missing or out of bounds; the message says which and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a scenario offers unless told otherwise: its main role's rate, the sum of the other roles', and how long.

    The WAF's lag counts `lags` times on top of `duration_s`. Beyond this machine all roles leave from one address,
    which the WAF blocks above its limit: the roles are then `scaled` down to what one address may send, or take turns
    (`in_sequence`, for `sequence_s` and `sequence_lags` lags more), or the scenario is `refused`.
    """

    name: str
    rate_rps: float
    others_rps: float = 0.0
    duration_s: float
    lags: int = 0
    from_one_address: Literal["scaled", "in_sequence", "refused"] = "scaled"
    sequence_s: float = 0.0
    sequence_lags: int = 0


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
    is_one_address: bool = False
    others_scale: float = 1.0
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
    group.add_argument(
        "--confirm", env_var="LOAD_CONFIRM", default="", help="beyond this machine: the environment's name"
    )


def read_settings(options: Any, load: Load, *, host: str | None = None) -> LoadSettings:  # noqa: ANN401
    """Check Locust's parsed options; `host` is the web interface's, where it differs. Raises LoadSettingsError."""
    host = ((options.host if host is None else host) or "").rstrip("/")
    if not host:
        raise LoadSettingsError("no target: give --host URL, the APIEndpoint of `webhookctl outputs`")
    if not options.secrets or not Path(options.secrets).is_file():
        raise LoadSettingsError("no signing secrets: give --secrets FILE, made by `webhookctl load secrets FILE`")
    try:
        check_target(host, Path(options.secrets), confirmed=options.confirm)
    except TargetError as error:
        raise LoadSettingsError(str(error)) from error
    is_one_address = not is_loopback(host)
    rate, scale = _rates(options.rate, load, is_one_address=is_one_address)
    return LoadSettings(
        host=host,
        secrets=Path(options.secrets),
        out=Path(options.out) if options.out else None,
        lag_s=options.waf_lag,
        rate_rps=rate,
        duration_s=_duration_s(options, load, is_one_address=is_one_address),
        provider_address=options.provider_address,
        is_one_address=is_one_address,
        others_scale=scale,
    )


def _rates(asked_rps: float, load: Load, *, is_one_address: bool) -> tuple[float, float]:
    """Return the main role's rate and the share of the others' own."""
    rate = asked_rps or load.rate_rps
    if rate <= 0:
        raise LoadSettingsError(f"--rate {rate:g} is out of bounds: more than 0")
    if rate + load.others_rps > MAX_RATE_RPS:
        beside = f" with the {load.others_rps:g}/s of the other roles" if load.others_rps else ""
        raise LoadSettingsError(f"--rate {rate:g} is out of bounds: at most {MAX_RATE_RPS} requests/s{beside}")
    if not is_one_address or load.from_one_address == "in_sequence":
        return rate, 1.0
    most = ONE_ADDRESS_SHARE * WAF_RATE_LIMIT / WAF_WINDOW_S
    if load.from_one_address == "refused":
        raise LoadSettingsError(
            f"{load.name} needs many source addresses, which only the local environment offers: from this machine's "
            f"one address the WAF blocks {rate:g}/s"
        )
    scale = min(1.0, most / (rate + load.others_rps))
    if asked_rps and scale < 1:
        raise LoadSettingsError(
            f"--rate {rate:g} is out of bounds: beyond this machine all load leaves from one address, at most "
            f"{most:g} requests/s of all roles together"
        )
    return rate * scale, scale


def _duration_s(options: Any, load: Load, *, is_one_address: bool) -> float:  # noqa: ANN401
    duration = load.duration_s + load.lags * options.waf_lag
    if is_one_address and load.from_one_address == "in_sequence":
        duration += load.sequence_s + load.sequence_lags * options.waf_lag
    duration = options.seconds or duration
    if not 0 < duration <= MAX_DURATION_S:
        raise LoadSettingsError(f"--seconds {duration:g} is out of bounds: more than 0, at most {MAX_DURATION_S}")
    return float(duration)
