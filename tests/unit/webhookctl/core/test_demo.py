"""The demo's story: what it counts, and what it says when the stack does not play along."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lambdas.shared.webhook import LastError, Status
from tests.fakes_dlq import FakeMoves, FakeQueue, FakeWebhooks, World
from tests.fakes_operator import FakeAuditLogger
from tests.fakes_sender import FakeClock, FakeStack, targets
from webhookctl.core.alarms import ALARM, OK, Alarm
from webhookctl.core.audit.operator_lines import Operator, OperatorAudit
from webhookctl.core.audit.show import Step, Timeline
from webhookctl.core.demo import Demo, DemoReport, DemoStage
from webhookctl.core.dlq.dead_letter import BatchOutcome, OutgoingMessage, QueueMessage
from webhookctl.core.dlq.look import DeadLetterQueue
from webhookctl.core.logs import LogEvent
from webhookctl.core.redrive.run import RedriveDesk
from webhookctl.core.send.http import Answer
from webhookctl.core.send.request import Outgoing
from webhookctl.errors import CheckFailedError, WaitTimeoutError


@dataclass
class DeadLetters(FakeQueue):
    """The DLQ: finding nothing takes a while, as on AWS."""

    def receive(self, *, limit: int, visibility_s: int, wait_s: int) -> Sequence[QueueMessage]:
        return super().receive(limit=limit, visibility_s=visibility_s, wait_s=max(1, wait_s))


@dataclass
class Processing(FakeQueue):
    """The processing queue: what is sent to it is processed at once."""

    webhooks: FakeWebhooks = field(default_factory=FakeWebhooks)

    def send(self, messages: Sequence[OutgoingMessage]) -> BatchOutcome:
        for message in messages:
            self.webhooks.end(json.loads(message.body)["webhookId"], Status.PROCESSED)
        return super().send(messages)


@dataclass
class Town(FakeStack):
    """A stack that fails where it is told to, with its DLQ, logs and alarm. The flags make it misbehave."""

    takes_forgeries: bool = False
    loses_audit_lines: bool = False
    rings: bool = True
    rang_before: bool = False
    world: World = field(default_factory=World)
    received: list[dict[str, object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.webhooks = FakeWebhooks(stored=self.stored)
        self.dlq, self.audit = DeadLetters(self.world), FakeAuditLogger()

    def post(self, outgoing: Outgoing) -> Answer:
        answer = super().post(outgoing)
        self.received.append({"userAgent": outgoing.headers["user-agent"], "status": answer.status})
        webhook_id = outgoing.draft.webhook_id or ""
        if answer.status == 401 and self.takes_forgeries:
            self.stored[webhook_id] = next(iter(self.stored.values()))
        if b"failTimes" in outgoing.body:
            error = LastError(error_class="ProcessingError", message="injected", fingerprint="f", at=self.now())
            self.webhooks.add(
                replace(self.stored[webhook_id], status=Status.FAILED, event=None, attempts=5, last_error=error)
            )
            self.dlq.add(webhook_id)
        return answer

    def alarms(self, names: tuple[str, ...]) -> list[Alarm]:
        rings = self.rang_before or (self.rings and bool(self.dlq.messages))
        told = self.now() - timedelta(days=1) if self.rang_before else self.now()
        state = ALARM if rings else OK
        return [Alarm(name=name, state=state, since=told, notified_at=told, reason="") for name in names]

    def alarms_of(self, suffix: str) -> list[Alarm]:
        raise AssertionError(suffix)

    def events(
        self, group: str, *, start: datetime, end: datetime | None = None, pattern: str | None = None
    ) -> Iterator[LogEvent]:
        assert (start < self.now(), end, pattern) == (True, None, None)
        for number, line in enumerate(self.received if group == "receiver" else self._audit_lines()):
            yield LogEvent(group=group, stream="s", at=start, message=json.dumps(line), event_id=str(number))

    def _audit_lines(self) -> list[dict[str, object]]:
        if self.loses_audit_lines:
            return []
        written = [(w.webhook_id, seq) for w in self.stored.values() for seq in range(1, w.seq + 1)]
        return [*({"webhookId": name, "seq": seq} for name, seq in written), *self.audit.lines]

    def life_of(self, webhook_id: str) -> Timeline:
        step = Step(at=self.now(), seq=1, change="", status=None, actor="", changed=[], trace_id=None, is_chained=None)
        steps = [
            replace(step, status=Status.RECEIVED, actor="receiver"),
            replace(step, status=Status.FAILED, actor="processor"),
            replace(step, status=self.stored[webhook_id].status, actor="processor"),
        ]
        return Timeline(webhook_id=webhook_id, provider="stripe", event_type="", steps=steps)


def demo(town: Town, folder: Path, clock: FakeClock) -> Demo:
    source = DeadLetterQueue(
        environment="local",
        queue=town.dlq,
        webhooks=town.webhooks,
        normalise=lambda webhook: webhook.event,
        now=town.now,
        monotonic=town.world.monotonic,
    )
    desk = RedriveDesk(
        source=source,
        target=Processing(town.world, webhooks=town.webhooks),
        moves=FakeMoves(),
        bodies=town.webhooks,
        audit=OperatorAudit(logger=town.audit),
        operator=Operator(principal="arn:aws:iam::111122223333:user/ada", user="ada"),
    )
    stage = DemoStage(
        environment="local",
        targets=targets(),
        transport=town,
        table=town,
        logs=town,
        receiver_log="receiver",
        audit_log="audit",
        alarms=town,
        dlq_alarm="dlq-depth",
        desk=desk,
        journals=folder,
        timeline=town.life_of,
        now=town.now,
    )
    return Demo(stage=stage, monotonic=clock.now, sleep=clock.sleep)


def test_the_demo_counts_what_stands_in_table_queue_and_logs(tmp_path: Path) -> None:
    """Nine webhooks and one that dead-letters and comes back; six forgeries; every write and the redrive audited."""
    town, clock = Town(), FakeClock()
    play = demo(town, tmp_path, clock)
    told = {step.title: step for step in play.steps()}
    assert all(step.is_shown for step in told.values())
    assert told["Read its audit trail"].result == "RECEIVED (receiver) -> FAILED (processor) -> PROCESSED (processor)"
    assert town.stored[play.broken].status is Status.PROCESSED
    assert (town.dlq.messages, clock.slept) == ({}, [])
    writes, actions = sum(webhook.seq for webhook in town.stored.values()), len(town.audit.lines)
    assert play.report() == DemoReport(
        sent=10,
        processed=10,
        dead_lettered=1,
        redriven=1,
        rejected_forgeries=6,
        audit_records=writes + actions,
        seconds=0.0,
    )


def test_a_stored_forgery_ends_the_demo(tmp_path: Path) -> None:
    """The one thing that must never be is not told as a success."""
    with pytest.raises(CheckFailedError, match="a forged webhook was stored"):
        list(demo(Town(takes_forgeries=True), tmp_path, FakeClock()).steps())


def test_an_alarm_that_does_not_go_off_is_not_told_as_a_success(tmp_path: Path) -> None:
    """CloudWatch looks once a minute: the demo waits for a while, says that it saw nothing, and goes on."""
    clock = FakeClock()
    told = {step.title: step for step in demo(Town(rings=False), tmp_path, clock).steps()}
    alarm = told.pop("Raise the alarm")
    assert (alarm.is_shown, all(step.is_shown for step in told.values())) == (False, True)
    assert alarm.result.startswith("dlq-depth has not gone off within 20 s")
    assert 20 <= clock.seconds < 21


def test_an_alarm_that_rings_already_is_told_with_the_older_dead_letters(tmp_path: Path) -> None:
    """It can't go off again: nothing is waited for, nothing shown."""
    town, clock = Town(rang_before=True), FakeClock()
    for number in range(2):
        town.dlq.add(f"stripe:evt_older_{number}")
    (alarm,) = [step for step in demo(town, tmp_path, clock).steps() if step.title == "Raise the alarm"]
    assert alarm.result == "dlq-depth was already in ALARM since 2026-05-31T12:00:00.000Z (older dead letters: 2)"
    assert (alarm.is_shown, clock.slept) == (False, [])


def test_a_line_that_never_comes_ends_the_wait_with_what_was_waited_for(tmp_path: Path) -> None:
    """Exit 8, and where to look."""
    clock = FakeClock()
    with pytest.raises(WaitTimeoutError, match="waited 120 s until every change is logged") as caught:
        list(demo(Town(loses_audit_lines=True), tmp_path, clock).steps())
    assert caught.value.hint == "webhookctl status"
    assert 120 <= clock.seconds < 121
