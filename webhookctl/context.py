"""What a command works with: settings, console and, made on first use, the chosen environment's ports."""

import json
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import typer

from stack import outputs as names
from webhookctl.config import Settings
from webhookctl.console import Console
from webhookctl.errors import ConfigError
from webhookctl.render import render

if TYPE_CHECKING:
    from webhookctl.aws.audit_log import FilteredLog, InsightsLog
    from webhookctl.aws.logs import Logs
    from webhookctl.aws.session import AwsSession
    from webhookctl.core.events import WebhookTable
    from webhookctl.core.outputs import StackOutputs, StackReader


class AppContext:
    """One invocation's settings, console and ports. Nothing of AWS loads before a port is used.

    A port is a cached property; a test replaces one by assigning to it.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.console = Console(
            is_quiet=settings.quiet,
            is_verbose=settings.verbose,
            takes_input=not settings.no_input,
            is_colourless=settings.no_color,
            is_json=settings.output != "table",
        )

    @property
    def environment(self) -> str:
        """The chosen environment's name."""
        return self.settings.environment

    def show(self, value: Any) -> None:  # noqa: ANN401 - any result of core
        """Print a result on stdout as --output and --query say. Generators stream under jsonl and table."""
        render(value, self.console, output=self.settings.output, query=self.settings.query)

    def now(self) -> datetime:
        """Return the time, aware, in UTC."""
        return datetime.now(UTC)

    def guard(self, action: str, *, yes: bool = False, confirm: str | None = None) -> None:
        """Let a change to the environment pass, or raise.

        An unprotected environment asks for a yes (skipped by `yes`); a protected one wants its name, typed or as
        `confirm`. Raises CancelledError.
        """
        if self.settings.protected:
            if confirm != self.environment:
                self.console.confirm_name(f"{action} in the protected environment.", self.environment)
        elif not yes and confirm != self.environment:
            self.console.confirm(f"{action} in environment {self.environment!r}?")

    @cached_property
    def session(self) -> "AwsSession":
        """The clients of the environment. Raises ConfigError when the embedded environment does not run."""
        from webhookctl.aws.session import DEFAULT_REGION, AwsSession

        if not self.settings.is_embedded:
            url = self.settings.endpoint_url
            return AwsSession(
                profile=self.settings.profile, region=self.settings.region, endpoints={"": url} if url else None
            )
        state = self.local_state
        endpoints = {
            "": state["endpoint_url"],
            "xray": state.get("xray_endpoint_url", ""),
            "wafv2": state.get("wafv2_endpoint_url", ""),
        }
        return AwsSession(
            region=self.settings.region or DEFAULT_REGION,
            endpoints={service: url for service, url in endpoints.items() if url},
            credentials=("test", "test"),
            unreachable_hint="webhookctl local up",
        )

    @cached_property
    def local_state(self) -> dict[str, Any]:
        """Where the embedded environment listens. Raises ConfigError when it does not run."""
        path = self.settings.home / "local" / "state.json"
        try:
            state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise ConfigError("the local environment is not running", hint="webhookctl local up") from None
        return state

    @cached_property
    def stacks(self) -> "StackReader":
        """CloudFormation."""
        from webhookctl.aws.cloudformation import CloudFormation

        return CloudFormation(self.session)

    @cached_property
    def outputs(self) -> "StackOutputs":
        """The deployed stack's outputs. Raises NotFoundError when the environment is not deployed."""
        from webhookctl.core.outputs import read_outputs

        public_url = self.local_state["front_door_url"] if self.settings.is_embedded else None
        return read_outputs(self.stacks, self.environment, public_url=public_url)

    @cached_property
    def table(self) -> "WebhookTable":
        """The stored webhooks."""
        from webhookctl.aws.table import Table

        return Table(self.session, self.outputs[names.TABLE_NAME])

    @cached_property
    def logs(self) -> "Logs":
        """CloudWatch Logs."""
        from webhookctl.aws.logs import Logs

        return Logs(self.session)

    @cached_property
    def audit_log(self) -> "FilteredLog":
        """The audit log, by FilterLogEvents."""
        from webhookctl.aws.audit_log import FilteredLog

        return FilteredLog(self.session, self.outputs[names.AUDIT_LOG_GROUP])

    @cached_property
    def insights_log(self) -> "InsightsLog":
        """The audit log, by Logs Insights."""
        from webhookctl.aws.audit_log import InsightsLog

        return InsightsLog(self.session, self.outputs[names.AUDIT_LOG_GROUP])


class Context(typer.Context):
    """The annotation of a command's first parameter: `ctx.obj` is the invocation's AppContext."""

    obj: AppContext
