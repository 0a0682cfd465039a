"""What a command works with: settings, console and, made on first use, the chosen environment's ports."""

import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import typer

from stack import outputs as names
from webhookctl.config import Settings, load_settings
from webhookctl.console import Console
from webhookctl.errors import ConfigError
from webhookctl.ports import Ports
from webhookctl.render import render, table_lines

if TYPE_CHECKING:
    from lambdas.shared.providers.paypal_test_ca import TestCa
    from stack.settings import Settings as StackSettings
    from webhookctl.core.deployment import Deployment
    from webhookctl.core.send.dispatch import Sender
    from webhookctl.core.send.request import Tamper

_POLL_EMULATED_S: Final = 0.3
_POLL_AWS_S: Final = 3.0


class AppContext(Ports):
    """One invocation's settings, console and ports."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
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

    def tell_skipped(self, webhook_id: str) -> None:
        """Say on stderr that a row is no stored webhook and was left out."""
        self.console.warn(
            f"left out: row {webhook_id!r} is not a stored webhook; webhookctl audit verify says what happened"
        )

    def show(self, value: Any) -> None:  # noqa: ANN401 - any result of core
        """Print a result on stdout as --output and --query say. Generators stream under jsonl and table."""
        render(value, self.console, output=self.settings.output, query=self.settings.query)

    @property
    def is_on_screen(self) -> bool:
        """Whether results are read as they are, so that a shorter form serves; a --query is asked of the whole."""
        return self.settings.output == "table" and self.settings.query is None

    def watch(self, values: Iterable[Any]) -> None:
        """Show each value in place of the one before on a terminal; elsewhere print one after the other."""
        if self.settings.output != "table" or self.console.width is None:
            self.show(values)
        else:
            self.console.redraw(list(table_lines(value, self.console)) for value in values)

    def talk(self, value: Any) -> None:  # noqa: ANN401 - any result of core
        """Print a result as a table on stderr."""
        for line in table_lines(value, self.console):
            self.console.say(line)

    def guard(self, action: str, *, yes: bool = False, confirm: str | None = None) -> None:
        """Let a change to the environment pass, or raise.

        Account and stack are first compared with webhookctl.toml. Then an unprotected environment asks for a yes
        (skipped by `yes`); a protected one wants its name, typed or as `confirm`. Raises CancelledError, ConfigError.
        """
        self.check_target()
        if self.is_protected:
            if confirm != self.environment:
                self.console.confirm_name(f"{action} in the protected environment.", self.environment)
        elif not yes and confirm != self.environment:
            self.console.confirm(f"{action} in environment {self.environment!r}?")

    @property
    def is_disposable(self) -> bool:
        """Whether the environment is an emulation on somebody's machine, which nobody needs to be asked about."""
        return self.settings.is_embedded or self.settings.endpoint_url is not None

    @property
    def is_protected(self) -> bool:
        """Whether writes need the environment's name."""
        return self.settings.protected or self.stack_settings.protected

    @cached_property
    def stack_settings(self) -> "StackSettings":
        """What the stack of this environment is deployed with. Raises ConfigError that names every fault."""
        return self._stack_settings(self.environment, self.settings.stack_table)

    def stack_settings_of(self, environment: str) -> "StackSettings":
        """Return another environment's settings, as the files have them. Raises ConfigError."""
        return self._stack_settings(environment, load_settings({"env": environment}).stack_table)

    def _stack_settings(self, environment: str, table: Mapping[str, Any]) -> "StackSettings":
        from stack.settings import SettingsError, settings_for

        try:
            return settings_for(environment, overrides=table)
        except SettingsError as error:
            raise ConfigError(
                f"the settings of {environment!r}: {error}", hint="webhookctl config show --origin"
            ) from error

    def check_target(self) -> None:
        """Compare account and stack with what webhookctl.toml says of them, if it does.

        Raises ConfigError on a mismatch, and for a protected environment whose account is not said.
        """
        if not (self.is_protected or self.settings.account or self.settings.fingerprint):
            return
        from webhookctl.core.guard import check_target

        stack = self.stacks.describe(names.stack_name(self.environment))
        check_target(
            environment=self.environment,
            identity=self.identity,
            stack_id=stack.stack_id if stack else None,
            expected_account=self.settings.account,
            expected_fingerprint=self.settings.fingerprint,
            is_protected=self.is_protected,
        )

    @cached_property
    def test_ca(self) -> "TestCa":
        """The operator's PayPal test CA for this environment, made on first use."""
        from webhookctl.core.secrets.test_ca import load_or_make

        return load_or_make(self.settings.home / "test-ca" / self.environment, now=self.now())

    def sender(self, *providers: str, tamper: "Tamper | None" = None) -> "Sender":
        """Return what delivers signed webhooks of these providers to the deployed stack."""
        from webhookctl.core.secrets.provider import sending_secret
        from webhookctl.core.send.dispatch import Sender
        from webhookctl.core.send.http import HttpTransport
        from webhookctl.core.send.request import Target

        targets = {
            provider: Target(
                url=self.outputs.webhook_url(provider),
                secret=sending_secret(self.secrets, self.outputs, provider, test_ca=lambda: self.test_ca),
            )
            for provider in providers
        }
        return Sender(targets=targets, transport=HttpTransport(), tamper=tamper, now=self.now)

    @cached_property
    def deployment(self) -> "Deployment":
        """Deploys this environment."""
        from webhookctl.aws.cdk import Toolkit
        from webhookctl.core.deployment import Deployment

        return Deployment(
            environment=self.environment,
            toolkit=Toolkit(variables=self.session.environment_variables(), home=self.settings.home),
            stacks=self.stacks,
            identity=lambda: self.identity,
            context=self._synth_context(),
            poll_s=_POLL_EMULATED_S if self.is_disposable else _POLL_AWS_S,
            now=self.now,
        )

    def _synth_context(self) -> dict[str, Any]:
        from stack.layer import LayerError, copy_layer, download_layer

        context: dict[str, Any] = {}
        if self.settings.stack_table:
            context["settings"] = json.dumps(dict(self.settings.stack_table))
        stack = self.stack_settings
        folder = self.settings.home / "layers" / f"{stack.runtime}-{stack.architecture}"
        try:
            if self.settings.is_embedded:
                layer = copy_layer(folder)
            else:
                layer = download_layer(folder, runtime=stack.runtime, architecture=stack.architecture)
        except LayerError as error:
            raise ConfigError(f"the layer can't be built: {error}", hint="webhookctl doctor") from error
        return {**context, "layerDir": str(layer)}

    def start_environment(self) -> None:
        """Start the embedded environment where it is the chosen one and does not run yet."""
        if self.settings.is_embedded:
            from webhookctl.local.environment import up

            up()


class Context(typer.Context):
    """The annotation of a command's first parameter: `ctx.obj` is the invocation's AppContext."""

    obj: AppContext
