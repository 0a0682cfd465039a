"""One deployment from plan to a stack that is ready for webhooks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

from lambdas.shared.providers.paypal_test_ca import TestCa
from stack.outputs import stack_name
from webhookctl.core.assembly import Assembly, DeployPlan
from webhookctl.core.deploy import (
    Deployer,
    DestroyPlan,
    Run,
    StackEvent,
    StackWatcher,
    plan,
    plan_destroy,
    run_to_its_end,
)
from webhookctl.core.guard import Identity
from webhookctl.core.outputs import StackOutputs
from webhookctl.core.secrets.provider import SecretStore, seed_secrets, set_notification_url


class Toolkit(Deployer, Protocol):
    """Runs the CDK, and synthesises."""

    def synth(self, environment: str, context: Mapping[str, Any]) -> Assembly:
        """Return the assembly of an environment."""
        ...

    def diff(self, assembly: Assembly) -> str:
        """Return the CDK's own textual diff with the deployed template."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """What a deployment left behind. `seconds` is how long it took."""

    environment: str
    stack: str
    result: str
    changes: str
    api_endpoint: str
    seeded_secrets: tuple[str, ...]
    smoke_test: str
    seconds: float


@dataclass(kw_only=True)
class Deployment:
    """Plans and carries out deployments of one environment.

    `layer` builds the folder of third-party wheels (None: no layer); `report` hears of each resource's steps.
    """

    environment: str
    toolkit: Toolkit
    stacks: StackWatcher
    identity: Callable[[], Identity]
    context: Mapping[str, Any] = field(default_factory=dict)
    poll_s: float
    now: Callable[[], datetime]

    @cached_property
    def assembly(self) -> Assembly:
        """The synthesised stack."""
        return self.toolkit.synth(self.environment, self.context)

    def plan(self) -> DeployPlan:
        """Compare what is deployed with what the code says."""
        return plan(self.environment, self.assembly, self.stacks)

    def apply(self, wanted: DeployPlan, *, report: Callable[[StackEvent], None]) -> None:
        """Bring the stack to what the plan says; an empty plan costs nothing. Raises WebhookctlError."""
        if wanted.needs_bootstrap:
            who = self.identity()
            self.toolkit.bootstrap(account=who.account, region=who.region, assembly=self.assembly)
        if not wanted.is_empty:
            self._run(self.toolkit.start_deploy, report)

    def detailed_diff(self) -> str:
        """Return the CDK's own textual diff."""
        return self.toolkit.diff(self.assembly)

    def plan_destroy(self) -> DestroyPlan:
        """Tell what would go and what would stay. Raises NotFoundError when nothing is deployed."""
        return plan_destroy(self.environment, stack_name(self.environment), self.stacks)

    def destroy(self, *, report: Callable[[StackEvent], None]) -> None:
        """Take the stack away. Raises WebhookctlError."""
        self._run(self.toolkit.start_destroy, report)

    def _run(self, start: Callable[[Assembly], Run], report: Callable[[StackEvent], None]) -> None:
        run_to_its_end(start, self.assembly, self.stacks, started=self.now(), report=report, poll_s=self.poll_s)


def ready_secrets(
    store: SecretStore, outputs: StackOutputs, *, may_seed: bool, now: datetime, test_ca: Callable[[], TestCa]
) -> tuple[str, ...]:
    """Make the providers' secrets usable and return the seeded ones' names.

    Outside production missing keys are made up; Square's secret gets the URL that only a deployed stack has.
    """
    seeded = seed_secrets(store, outputs, now=now, test_ca=test_ca) if may_seed else ()
    set_notification_url(store, outputs)
    return seeded
