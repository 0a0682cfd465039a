"""The status screen from alarms, queues and metrics."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from tests.fakes_outputs import stack_outputs
from webhookctl.core.alarms import ALARM, Alarm
from webhookctl.core.metrics import MetricQuery, Series
from webhookctl.core.status import EnvironmentStatus, QueueLine, again, read_status

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


class Alarms:
    def __init__(self, *found: Alarm) -> None:
        self._found = list(found)

    def alarms(self, names: tuple[str, ...]) -> list[Alarm]:
        return [alarm for alarm in self._found if alarm.name in names]

    def alarms_of(self, suffix: str) -> list[Alarm]:
        assert suffix == "-dev"
        return self._found


class Queues:
    def __init__(self, **waiting: int) -> None:
        self._waiting = waiting

    def line(self, label: str, url: str) -> QueueLine:
        return QueueLine(queue=label, waiting=self._waiting.get(url, 0), in_flight=0, delayed=0)


class Counted:
    """Metrics: two accepted Stripe webhooks, the last three minutes ago; the receiver ran twice."""

    def read(
        self, queries: Mapping[str, MetricQuery], *, start: datetime, end: datetime, period: timedelta
    ) -> dict[str, Series]:
        assert start < end
        assert period > timedelta()
        at = NOW - timedelta(minutes=3)
        points = {"stripe accepted": 2.0, "receiver Invocations": 2.0, "receiver Duration": 41.6}
        return {key: Series(points=((at, points[key]),) if key in points else ()) for key in queries}


def status(*alarms: Alarm, stack: str = "CREATE_COMPLETE", **waiting: int) -> EnvironmentStatus:
    outputs = stack_outputs(status=stack)
    return read_status(outputs, alarms=Alarms(*alarms), queues=Queues(**waiting), metrics=Counted(), now=NOW)


def alarm(name: str, state: str) -> Alarm:
    return Alarm(name=name, state=state, since=NOW, notified_at=None, reason="")


def test_a_quiet_environment_is_ok() -> None:
    """Waiting in the processing queue is work, not trouble."""
    found = status(alarm("a", "OK"), queue=7)
    assert found.health == "ok"


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"dlq": 2}, "2 in dead letters"),
        ({"audit_failures": 1}, "1 in audit failures"),
        ({"stack": "UPDATE_ROLLBACK_COMPLETE"}, "the stack is UPDATE_ROLLBACK_COMPLETE"),
    ],
)
def test_what_needs_a_person_is_the_health(given: dict[str, object], complaint: str) -> None:
    """Each in its own words."""
    found = status(**given)  # type: ignore[arg-type]
    assert found.health == complaint


def test_alarms_that_ring_come_first() -> None:
    """And are named in the health."""
    found = status(alarm("a-quiet", "OK"), alarm("z-rings", ALARM))
    assert [a.name for a in found.alarms] == ["z-rings", "a-quiet"]
    assert found.health == "z-rings is in ALARM"


def test_each_provider_has_its_last_webhook() -> None:
    """To the minute; a provider that sent none has none."""
    lines = {line.provider: line for line in status().providers}
    assert (lines["stripe"].accepted, lines["stripe"].last_accepted) == (2, NOW - timedelta(minutes=3))
    assert (lines["square"].accepted, lines["square"].last_accepted) == (0, None)


def test_a_function_that_did_nothing_has_no_duration() -> None:
    """None is not zero milliseconds."""
    lines = {line.function: line for line in status().functions}
    assert (lines["receiver"].invocations, lines["receiver"].p95_ms) == (2, 42)
    assert (lines["audit"].invocations, lines["audit"].p95_ms) == (0, None)


def test_watching_reads_again_each_interval() -> None:
    """A fresh reading each time, with a pause between."""
    slept: list[float] = []
    readings = [status(dlq=1), status()]
    shown = again(lambda: readings[len(slept)], every=timedelta(seconds=2), sleep=slept.append)
    assert [found.health for found in islice(shown, 2)] == ["1 in dead letters", "ok"]
    assert slept == [2.0]
