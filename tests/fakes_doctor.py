"""An account and a stack for the doctor, healthy unless a test plants a fault."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from stack import outputs as names
from stack.settings import Settings, settings_for
from tests.fakes_outputs import stack_outputs
from webhookctl.core.assembly import Assembly
from webhookctl.core.deploy import Run, StackEvent
from webhookctl.core.deployment import Deployment
from webhookctl.core.doctor.patient import Patient
from webhookctl.core.doctor.quotas import Quotas
from webhookctl.core.guard import Identity
from webhookctl.core.logs import LogEvent
from webhookctl.core.outputs import StackDescription, StackOutputs
from webhookctl.errors import NotFoundError, WebhookctlError

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
TEMPLATE: dict[str, Any] = {"Resources": {"Table": {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "t"}}}}
IDENTITY = Identity(account="111122223333", arn="arn:aws:iam::111122223333:user/ada", region="us-east-1")


@dataclass
class Stacks:
    """CloudFormation with the bootstrap's stack and ours."""

    statuses: dict[str, str | None] = field(
        default_factory=lambda: {"CDKToolkit": "CREATE_COMPLETE", "TapStackdev": "UPDATE_COMPLETE"}
    )
    deployed: Mapping[str, Any] | None = field(default_factory=lambda: TEMPLATE)
    happened: list[StackEvent] = field(default_factory=list)

    def describe(self, stack_name: str) -> StackDescription | None:
        if (status := self.statuses.get(stack_name)) is None:
            return None
        return StackDescription(name=stack_name, stack_id="s/1", status=status, outputs={"a": "b"})

    def template(self, stack_name: str) -> Mapping[str, Any] | None:
        return self.deployed if self.statuses.get(stack_name) else None

    def events(self, stack_name: str, *, since: datetime) -> list[StackEvent]:
        assert stack_name == "TapStackdev"
        return [event for event in self.happened if event.at >= since]


@dataclass
class Ended:
    """A run of the CDK that has ended, well or with an error."""

    error: WebhookctlError | None = None
    is_running: bool = False
    stopped: bool = False

    def wait(self) -> None:
        if self.error:
            raise self.error

    def stop(self) -> None:
        self.stopped = True


@dataclass
class Cdk:
    """The CDK, which finds that the code says `wanted`; a run adds `events` to the stack's."""

    stacks: Stacks
    wanted: Mapping[str, Any] = field(default_factory=lambda: TEMPLATE)
    events: list[StackEvent] = field(default_factory=list)
    error: WebhookctlError | None = None
    verbs: list[str] = field(default_factory=list)

    def synth(self, environment: str, context: Mapping[str, Any]) -> Assembly:
        del context
        return Assembly(folder=Path("cdk.out"), stack_name=names.stack_name(environment), template=self.wanted)

    def bootstrap(self, *, account: str, region: str, assembly: Assembly) -> None:
        del assembly
        self.verbs.append(f"bootstrap {account} {region}")

    def start_deploy(self, assembly: Assembly) -> Run:
        return self._run("deploy", assembly)

    def start_destroy(self, assembly: Assembly) -> Run:
        return self._run("destroy", assembly)

    def diff(self, assembly: Assembly) -> str:
        return f"the difference of {assembly.stack_name}"

    def _run(self, verb: str, assembly: Assembly) -> Run:
        self.verbs.append(f"{verb} {assembly.stack_name}")
        self.stacks.happened += self.events
        return Ended(self.error)


@dataclass
class Account:
    """What the doctor looks at: nothing is wrong."""

    executions: tuple[int, int] = (1000, 1000)
    limits: Quotas = field(
        default_factory=lambda: Quotas(
            executions=1000,
            code_bytes=0,
            code_bytes_max=75 * 1024**3,
            requests_per_s=10_000,
            burst=5_000,
            has_gateway_log_role=True,
        )
    )
    reservations: dict[str, int] = field(default_factory=dict)
    taken: list[str] = field(default_factory=list)
    key: tuple[str, bool] = ("Enabled", True)
    skew: timedelta = timedelta(seconds=1)
    blocked: int = 0
    node_error: WebhookctlError | None = None

    def node(self) -> str:
        if self.node_error:
            raise self.node_error
        return "/node"

    def concurrency(self) -> tuple[int, int]:
        return self.executions

    def quotas(self) -> Quotas:
        return self.limits

    def reserved(self, function: str) -> int | None:
        return self.reservations.get(function)

    def taken_names(self, named: Mapping[str, Sequence[str]]) -> list[str]:
        return [name for names_of_a_type in named.values() for name in names_of_a_type if name in self.taken]

    def key_state(self, key_arn: str) -> tuple[str, bool]:
        assert key_arn == "arn:key"
        return self.key

    def clock_skew(self) -> timedelta:
        return self.skew

    def waf_blocks(self, environment: str, *, since: datetime) -> int:
        assert (environment, since < NOW) == ("dev", True)
        return self.blocked


@dataclass
class LogLines:
    """Log groups with lines, the first from the start of what is asked for, each of the others `apart` later."""

    lines: dict[str, list[str]] = field(default_factory=dict)
    apart: timedelta = timedelta()

    def events(
        self,
        group: str,
        *,
        start: datetime,
        end: datetime | None = None,
        pattern: str | None = None,
        stream_prefix: str | None = None,
    ) -> Iterator[LogEvent]:
        del end, stream_prefix
        wanted = (pattern or "").strip('"')
        for number, text in enumerate(self.lines.get(group, [])):
            if wanted in text:
                at = start + number * self.apart
                yield LogEvent(group=group, stream="s", at=at, message=text, event_id=str(number))


@dataclass
class OneSecret:
    """The same secret for every provider."""

    text: str = '{"v": 1, "keys": [{"id": "k", "value": "whsec_x", "createdAt": "2026-01-01T00:00:00Z"}]}'

    def read(self, arn: str) -> str:
        assert arn.startswith("arn:")
        return self.text

    def write(self, arn: str, text: str) -> None:
        raise AssertionError(f"the doctor changes nothing, not {arn} to {len(text)} characters")


@dataclass
class Clinic:
    """Everything a patient is made of; change a part before `patient()`."""

    settings: Settings = field(default_factory=lambda: settings_for("dev"))
    account: Account = field(default_factory=Account)
    stacks: Stacks = field(default_factory=Stacks)
    logs: LogLines = field(default_factory=LogLines)
    secrets: OneSecret = field(default_factory=OneSecret)
    identity_error: WebhookctlError | None = None
    cdk: Cdk = field(init=False)

    def __post_init__(self) -> None:
        self.cdk = Cdk(self.stacks)

    def patient(self) -> Patient:
        return Patient(
            environment="dev",
            settings=self.settings,
            identity=self._identity,
            outputs=self._outputs,
            deployment=self.deployment,
            logs=lambda: self.logs,
            secrets=lambda: self.secrets,
            probe=lambda: self.account,
            now=NOW,
        )

    def deployment(self) -> Deployment:
        return Deployment(
            environment="dev",
            toolkit=self.cdk,
            stacks=self.stacks,
            identity=self._identity,
            poll_s=0,
            now=lambda: NOW,
        )

    def _identity(self) -> Identity:
        if self.identity_error:
            raise self.identity_error
        return IDENTITY

    def _outputs(self) -> StackOutputs:
        status = self.stacks.statuses.get("TapStackdev")
        if status is None:
            raise NotFoundError("environment 'dev' is not deployed", hint="webhookctl deploy --env dev")
        return stack_outputs(status=status)
