"""Who is examined, and what a finding is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from textwrap import wrap
from typing import ClassVar, Final, Protocol

from stack.settings import Settings as StackSettings
from webhookctl.core.deployment import Deployment
from webhookctl.core.doctor.quotas import Quotas
from webhookctl.core.guard import Identity
from webhookctl.core.logs import LogReader
from webhookctl.core.outputs import StackOutputs
from webhookctl.core.secrets.provider import SecretStore

OK: Final = "ok"
WARNING: Final = "warning"
FAILED: Final = "failed"
_COLOURS: Final = {OK: "green", WARNING: "yellow", FAILED: "red"}
_INDENT: Final = 25


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

    def taken_names(self, named: Mapping[str, Sequence[str]]) -> list[str]:
        """Return which names exist in the account; `named` maps a CloudFormation type to names of that type."""
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
    is_emulated: bool = False

    def command(self, words: str) -> str:
        """Return one of our commands as it has to be typed for this environment."""
        return f"webhookctl {words} --env {self.environment}"

    def aws_command(self, words: str) -> str:
        """Return a command of the AWS CLI; an emulated environment's variables go before it."""
        shell = 'eval "$(webhookctl local env)"; ' if self.is_emulated else ""
        return f"{shell}aws {words}"
