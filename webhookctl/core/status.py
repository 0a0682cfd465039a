"""One screen about an environment: is it healthy, what waits, what fails, when did the last webhook come."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final, Protocol

from stack import outputs as names
from webhookctl.core.alarms import ALARM, Alarm, AlarmReader
from webhookctl.core.metrics import MetricQuery, MetricReader, Series
from webhookctl.core.outputs import StackOutputs

WINDOW: Final = timedelta(hours=1)
LAST_WEBHOOK_WINDOW: Final = timedelta(hours=24)
_MINUTE: Final = timedelta(minutes=1)
_OUTCOMES: Final = ("accepted", "duplicate", "conflict", "refused", "unavailable")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLine:
    """How many messages a queue holds. SQS's counts are approximate."""

    queue: str
    waiting: int
    in_flight: int
    delayed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionLine:
    """What a function did in the last hour. `p95_ms` is None where it did nothing."""

    TABLE: ClassVar = ("function", "invocations", "errors", "throttles", "p95_ms")
    function: str
    invocations: int
    errors: int
    throttles: int
    p95_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderLine:
    """What a provider sent in the last 24 hours. `last_accepted` is exact to a minute."""

    SPARE: ClassVar = ("conflict", "duplicate")
    WHOLE: ClassVar = ("last_accepted",)
    provider: str
    accepted: int
    duplicate: int
    conflict: int
    refused: int
    unavailable: int
    last_accepted: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentStatus:
    """The whole screen. `health` is `ok` or says what is wrong; `alarms` lists those that are not OK first."""

    environment: str
    stack: str
    stack_status: str
    api_endpoint: str
    health: str
    alarms: Sequence[Alarm]
    queues: Sequence[QueueLine]
    functions: Sequence[FunctionLine]
    providers: Sequence[ProviderLine]


class QueueReader(Protocol):
    """Reads queues' depths."""

    def line(self, label: str, url: str) -> QueueLine:
        """Return what a queue holds."""
        ...


def read_status(
    outputs: StackOutputs, *, alarms: AlarmReader, queues: QueueReader, metrics: MetricReader, now: datetime
) -> EnvironmentStatus:
    """Read everything that the screen shows."""
    found = sorted(alarms.alarms_of(f"-{outputs.environment}"), key=lambda a: (a.state != ALARM, a.name))
    lines = [
        queues.line("processing", outputs[names.QUEUE_URL]),
        queues.line("dead letters", outputs[names.DLQ_URL]),
        queues.line("audit failures", outputs[names.AUDIT_FAILURE_QUEUE_URL]),
    ]
    return EnvironmentStatus(
        environment=outputs.environment,
        stack=names.stack_name(outputs.environment),
        stack_status=outputs.status,
        api_endpoint=outputs.api_endpoint,
        health="; ".join(_complaints(outputs, found, lines)) or "ok",
        alarms=found,
        queues=lines,
        functions=_functions(outputs, metrics, now),
        providers=_providers(outputs.environment, metrics, now),
    )


def again(
    read: Callable[[], EnvironmentStatus], *, every: timedelta, sleep: Callable[[float], None] = time.sleep
) -> Iterator[EnvironmentStatus]:
    """Yield the status for ever, one reading each time."""
    while True:
        yield read()
        sleep(every.total_seconds())


def _complaints(outputs: StackOutputs, alarms: Sequence[Alarm], queues: Sequence[QueueLine]) -> Iterator[str]:
    if not outputs.status.endswith("_COMPLETE") or "ROLLBACK" in outputs.status:
        yield f"the stack is {outputs.status}"
    yield from (f"{alarm.name} is in ALARM" for alarm in alarms if alarm.state == ALARM)
    for line in queues[1:]:
        if line.waiting + line.in_flight:
            yield f"{line.waiting + line.in_flight} in {line.queue}"


def _functions(outputs: StackOutputs, metrics: MetricReader, now: datetime) -> list[FunctionLine]:
    functions = [outputs[n] for n in (names.RECEIVER_NAME, names.PROCESSOR_NAME, names.AUDIT_NAME)]
    wanted = {"Invocations": "Sum", "Errors": "Sum", "Throttles": "Sum", "Duration": "p95"}
    queries = {
        f"{function} {metric}": MetricQuery(
            namespace="AWS/Lambda", metric=metric, dimensions={"FunctionName": function}, statistic=statistic
        )
        for function in functions
        for metric, statistic in wanted.items()
    }
    found = metrics.read(queries, start=now - WINDOW, end=now + _MINUTE, period=WINDOW)
    return [_function(name, found) for name in functions]


def _function(name: str, found: Mapping[str, Series]) -> FunctionLine:
    duration = found[f"{name} Duration"].last
    return FunctionLine(
        function=name,
        invocations=round(found[f"{name} Invocations"].total),
        errors=round(found[f"{name} Errors"].total),
        throttles=round(found[f"{name} Throttles"].total),
        p95_ms=None if duration is None else round(duration),
    )


def _providers(environment: str, metrics: MetricReader, now: datetime) -> list[ProviderLine]:
    queries = {
        f"{provider} {outcome}": MetricQuery(
            namespace=names.METRIC_NAMESPACE,
            metric="Webhooks",
            dimensions={"environment": environment, "outcome": outcome, "provider": provider},
        )
        for provider in names.PROVIDERS
        for outcome in _OUTCOMES
    }
    found = metrics.read(queries, start=now - LAST_WEBHOOK_WINDOW, end=now + _MINUTE, period=_MINUTE)
    return [
        ProviderLine(
            provider=provider,
            **{outcome: round(found[f"{provider} {outcome}"].total) for outcome in _OUTCOMES},
            last_accepted=found[f"{provider} accepted"].last_at,
        )
        for provider in names.PROVIDERS
    ]
