"""Deploying and destroying: plan, run the CDK, report each resource as CloudFormation reports it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Protocol

from webhookctl.core.assembly import Assembly, DeployPlan, ResourceChange, plan_changes
from webhookctl.core.outputs import StackReader
from webhookctl.errors import NotFoundError, WebhookctlError

BOOTSTRAP_STACK: Final = "CDKToolkit"
_CLOCK_SKEW: Final = timedelta(minutes=2)
"""How far CloudFormation's clock may be from this machine's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackEvent:
    """One step of one resource, as CloudFormation reports it."""

    TABLE: ClassVar = ("at", "status", "type", "resource", "reason")
    event_id: str
    at: datetime
    resource: str
    type: str
    status: str
    reason: str | None
    physical_id: str = ""

    @property
    def name(self) -> str:
        """The resource's own name where it has a readable one, else the template's."""
        last = self.physical_id.rpartition("/")[2]
        return last if last and "|" not in last and not last.startswith(("http", "arn:")) else self.resource

    @property
    def is_failure(self) -> bool:
        """Whether the resource could not be made, changed or taken away, by its own fault."""
        return self.status.endswith("_FAILED") and "cancelled" not in (self.reason or "").lower()


class StackWatcher(StackReader, Protocol):
    """Reads templates and events too."""

    def template(self, stack_name: str) -> Mapping[str, Any] | None:
        """Return the deployed template, or None when there is no stack."""
        ...

    def events(self, stack_name: str, *, since: datetime) -> list[StackEvent]:
        """Return the stack's events since a time, oldest first; none when there is no stack."""
        ...


class Run(Protocol):
    """A deployment under way."""

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        ...

    def wait(self) -> None:
        """Wait for the end. Raises WebhookctlError when it failed."""
        ...

    def stop(self) -> None:
        """Stop waiting for it."""
        ...


class Deployer(Protocol):
    """Runs the CDK."""

    def bootstrap(self, *, account: str, region: str, assembly: Assembly) -> None:
        """Prepare an account and region for CDK deployments."""
        ...

    def start_deploy(self, assembly: Assembly) -> Run:
        """Start deploying."""
        ...

    def start_destroy(self, assembly: Assembly) -> Run:
        """Start destroying."""
        ...


def plan(environment: str, assembly: Assembly, stacks: StackWatcher) -> DeployPlan:
    """Compare what is deployed with what the code says."""
    deployed = stacks.template(assembly.stack_name)
    needs_bootstrap = deployed is None and stacks.describe(BOOTSTRAP_STACK) is None
    return plan_changes(environment, assembly, deployed, needs_bootstrap=needs_bootstrap)


@dataclass(frozen=True, slots=True, kw_only=True)
class DestroyPlan:
    """What `destroy` takes away and what stays behind (retained resources cost money and keep their names)."""

    environment: str
    stack: str
    removed: tuple[ResourceChange, ...]
    retained: tuple[ResourceChange, ...]


def plan_destroy(environment: str, stack_name: str, stacks: StackWatcher) -> DestroyPlan:
    """Read from the deployed template what goes and what stays. Raises NotFoundError when nothing is deployed."""
    deployed = stacks.template(stack_name)
    if deployed is None:
        raise NotFoundError(
            f"environment {environment!r} is not deployed (no stack {stack_name!r})",
            hint=f"webhookctl deploy --env {environment}",
        )
    resources = deployed.get("Resources", {})
    kept = {name for name, r in resources.items() if r.get("DeletionPolicy", "Delete").startswith("Retain")}
    changes = {
        name: ResourceChange(action="retain" if name in kept else "remove", type=r["Type"], logical_id=name)
        for name, r in sorted(resources.items())
    }
    return DestroyPlan(
        environment=environment,
        stack=stack_name,
        removed=tuple(c for name, c in changes.items() if name not in kept),
        retained=tuple(c for name, c in changes.items() if name in kept),
    )


def run_to_its_end(
    start: Callable[[Assembly], Run],
    assembly: Assembly,
    stacks: StackWatcher,
    *,
    started: datetime,
    report: Callable[[StackEvent], None],
    poll_s: float,
) -> None:
    """Deploy or destroy, and report what happens. Raises WebhookctlError that names what failed, and why."""
    since = started - _CLOCK_SKEW
    earlier = {event.event_id for event in stacks.events(assembly.stack_name, since=since)}
    run = start(assembly)
    seen: dict[str, StackEvent] = {}

    def look() -> None:
        for event in stacks.events(assembly.stack_name, since=since):
            if event.event_id not in earlier and event.event_id not in seen:
                seen[event.event_id] = event
                report(event)

    try:
        while run.is_running:
            look()
            time.sleep(poll_s)
        look()
        run.wait()
    except WebhookctlError as error:
        raise _explained(error, [e for e in seen.values() if e.is_failure]) from error
    finally:
        run.stop()


def _explained(error: WebhookctlError, failures: list[StackEvent]) -> WebhookctlError:
    if not failures:
        return error
    reasons = "\n".join(f"  {e.resource} ({e.type}): {e.reason}" for e in failures)
    return WebhookctlError(
        f"CloudFormation failed:\n{reasons}", hint=remedy(" ".join(e.reason or "" for e in failures)) or error.hint
    )


_REMEDIES: Final = (
    (
        "UnreservedConcurrentExecution",
        "lower or drop the reserved concurrency in webhookctl.toml; see webhookctl doctor",
    ),
    ("already exists", "another stack or a retained resource holds the name: delete it or choose another --env name"),
    ("is not authorized", "docs/aws.md lists the permissions that the operator needs"),
    ("LimitExceeded", "a quota of the account is used up: webhookctl doctor names it"),
)


def remedy(reason: str) -> str | None:
    """Return what to do about a CloudFormation failure, by the words of its reason."""
    return next((advice for words, advice in _REMEDIES if words in reason), None)
