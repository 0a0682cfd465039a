"""The whole trip as a story: send, refuse forgeries, break one, redrive it, read the audit log.

Every count is read from the table, the queue and the logs; what the sender believes counts for nothing.
"""

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

from lambdas.shared.clock import iso
from lambdas.shared.webhook import Status, StoredWebhook
from stack.limits import MAX_RECEIVE_COUNT
from webhookctl.core.alarms import ALARM, Alarm, AlarmReader
from webhookctl.core.audit.show import Timeline
from webhookctl.core.dlq.filter import DeadLetterFilter
from webhookctl.core.dlq.scan import ScanLimits
from webhookctl.core.events.stored import WebhookTable
from webhookctl.core.logs import LogReader
from webhookctl.core.redrive.plan import RedrivePlan, new_redrive_id
from webhookctl.core.redrive.run import RedriveDesk, run_redrive
from webhookctl.core.samples.ids import IdSource
from webhookctl.core.send.compose import Recipe, compose
from webhookctl.core.send.dispatch import Delivery, Pace, Sender, dispatch
from webhookctl.core.send.http import Answer, Transport
from webhookctl.core.send.request import Draft, Outgoing, Tamper, Target
from webhookctl.errors import CheckFailedError, WaitTimeoutError

T = TypeVar("T")

UNVERIFIED: Final = 401
EVENTS: Final[Mapping[str, Sequence[str]]] = {
    "stripe": ("payment_intent.succeeded", "charge.refunded", "charge.dispute.created"),
    "paypal": ("PAYMENT.CAPTURE.COMPLETED", "PAYMENT.CAPTURE.REFUNDED", "CUSTOMER.DISPUTE.CREATED"),
    "square": ("payment.updated", "refund.updated", "dispute.created"),
}
BROKEN: Final = ("stripe", "payment_intent.succeeded")
"""What is made to fail in processing, on every try of its first life."""
FORGERIES: Final = (Tamper.BODY, Tamper.SECRET)
_RETRY_FACTOR: Final = 3600.0
"""Providers wait for minutes and hours; the demo makes an hour a second."""
_PATIENCE_S: Final = 120.0
_ALARM_PATIENCE_S: Final = 20.0
_LOOK_EVERY_S: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoReport:
    """What was counted. `sent` are the webhooks that the table holds, the one that dead-letters included."""

    sent: int
    processed: int
    dead_lettered: int
    redriven: int
    rejected_forgeries: int
    audit_records: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoStage:
    """What the demo plays on. `receiver_log` and `audit_log` are log groups; redrives keep theirs in `journals`."""

    environment: str
    targets: Mapping[str, Target]
    transport: Transport
    table: WebhookTable
    logs: LogReader
    receiver_log: str
    audit_log: str
    alarms: AlarmReader
    dlq_alarm: str
    desk: RedriveDesk
    journals: Path
    timeline: Callable[[str], Timeline]
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One step of the story. `is_shown` is False when it could not be seen to happen; `result` then says why."""

    title: str
    result: str
    is_shown: bool = True


@dataclass(kw_only=True)
class Demo:
    """One run. `steps` yields what happened, step by step; `report` counts afterwards."""

    stage: DemoStage
    mark: str = field(default_factory=lambda: f"webhookctl-demo/{secrets.token_hex(4)}")
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    _ids: IdSource = field(default_factory=IdSource)
    _sent: list[str] = field(default_factory=list)
    _dead: int = 0
    _redriven: int = 0
    _rejected: int = 0
    _rang_before: Alarm | None = None
    _older: int = 0
    _redrive_id: str = field(default_factory=new_redrive_id)

    def __post_init__(self) -> None:
        self._started = self.monotonic()
        self._started_at = self.stage.now() - timedelta(seconds=1)

    def steps(self) -> Iterator[Told]:
        """Play the story, step by step. Raises CheckFailedError, WaitTimeoutError."""
        yield Told(title="Send signed webhooks of Stripe, PayPal and Square", result=self._send())
        yield Told(title="Reject forgeries", result=self._forge())
        yield Told(title="Let one fail in processing until it is dead-lettered", result=self._break_one())
        yield self._alarm()
        yield Told(title="Redrive it", result=self._redrive())
        yield Told(title="Read its audit trail", result=self._audit_trail())

    def report(self, *, seconds: float | None = None) -> DemoReport:
        """Count what this run left behind in the table, the queue and the logs."""
        stored = self._stored()
        return DemoReport(
            sent=len(stored),
            processed=sum(webhook.status is Status.PROCESSED for webhook in stored),
            dead_lettered=self._dead,
            redriven=self._redriven,
            rejected_forgeries=self._rejected,
            audit_records=self._audit_records(),
            seconds=round(self.monotonic() - self._started if seconds is None else seconds, 1),
        )

    def _send(self) -> str:
        drafts = [self._draft(provider, kind) for provider, kinds in EVENTS.items() for kind in kinds]
        self._deliver(drafts)
        self._sent += [draft.webhook_id or "" for draft in drafts]
        stored = self._await("all are processed", lambda: self._all_processed(self._sent))
        slowest = max(_trip_ms(webhook) for webhook in stored)
        return f"{len(stored)} stored and processed, the slowest {slowest} ms after its receipt"

    def _forge(self) -> str:
        drafts = [self._draft(provider, kinds[0]) for provider, kinds in EVENTS.items()]
        for tamper in FORGERIES:
            self._deliver(drafts, tamper=tamper)
        expected = len(drafts) * len(FORGERIES)
        self._rejected = self._await("the gateway's log shows them", lambda: self._refusals(at_least=expected))
        if any(self.stage.table.get(draft.webhook_id or "") for draft in drafts):
            raise CheckFailedError("a forged webhook was stored", hint="webhookctl logs tail receiver")
        kinds = " and ".join({Tamper.BODY: "a changed body", Tamper.SECRET: "a wrong key"}[t] for t in FORGERIES)
        return f"{self._rejected} answered 401 ({kinds}, each provider), none stored"

    def _break_one(self) -> str:
        provider, kind = BROKEN
        broken = self._draft(provider, kind, fail_times=MAX_RECEIVE_COUNT)
        self._rang_before = next((alarm for alarm in self._dlq_alarm() if alarm.state == ALARM), None)
        self._older = self.stage.desk.source.queue.depth().held
        self._deliver([broken])
        self._sent.append(broken.webhook_id or "")
        failed = self._await("it has failed for good", lambda: self._in_status(self.broken, Status.FAILED))
        letter = self._await("it is in the DLQ", self._dead_letters)
        self._dead = letter
        reason = failed.last_error.message if failed.last_error else "failed"
        return f"{self.broken}: {failed.attempts} tries, then the DLQ ({reason})"

    def _alarm(self) -> Told:
        title, before = "Raise the alarm", self._rang_before
        if before is not None:
            since = f" since {iso(before.since)}" if before.since else ""
            result = f"{before.name} was already in {ALARM}{since} (older dead letters: {self._older})"
            return Told(title=title, result=result, is_shown=False)
        try:
            found = self._await("the alarm goes off", self._fresh_alarm, patience_s=_ALARM_PATIENCE_S)
        except WaitTimeoutError:
            waited = f"{self.stage.dlq_alarm} has not gone off within {_ALARM_PATIENCE_S:.0f} s"
            result = f"{waited} (CloudWatch evaluates once a minute): webhookctl status tells when it does"
            return Told(title=title, result=result, is_shown=False)
        told = f", and told the alert topic at {iso(found.notified_at)}" if found.notified_at else ""
        return Told(title=title, result=f"{found.name} is in {found.state}{told}")

    def _redrive(self) -> str:
        plan = RedrivePlan(
            redrive_id=self._redrive_id,
            environment=self.stage.environment,
            filters=DeadLetterFilter(ids=(self.broken,)),
            follows_to_the_end=True,
            wait_for_s=_PATIENCE_S,
        )
        run_redrive(
            plan,
            self.stage.desk,
            journal_path=self.stage.journals / f"{plan.redrive_id}.jsonl",
            is_resumed=False,
            happened=lambda _: None,
            stop=threading.Event(),
        )
        self._await("it is processed", lambda: self._in_status(self.broken, Status.PROCESSED))
        self._redriven = self._dead - self._dead_letters()
        return f"{self._redriven} back to the queue, processed this time"

    def _audit_trail(self) -> str:
        stored = self._stored()
        self._await("every change is logged", lambda: self._is_logged(stored))
        steps = self.stage.timeline(self.broken).steps
        return " -> ".join(f"{step.status} ({step.actor})" for step in steps if step.status)

    @property
    def broken(self) -> str:
        """The id of the webhook that was made to fail."""
        return self._sent[-1]

    def _draft(self, provider: str, kind: str, *, fail_times: int | None = None) -> Draft:
        recipe = Recipe(provider=provider, event_type=kind, fail_times=fail_times)
        return compose(recipe, ids=self._ids, now=self.stage.now)

    def _deliver(self, drafts: Sequence[Draft], *, tamper: Tamper | None = None) -> list[Delivery]:
        transport = _Marked(self.stage.transport, self.mark)
        retry = None if tamper else _RETRY_FACTOR  # a genuine webhook that a busy machine answers 503 comes again
        sender = Sender(
            targets=self.stage.targets, transport=transport, tamper=tamper, retry_factor=retry, now=self.stage.now
        )
        return dispatch(drafts, sender, pace=Pace(concurrency=3))

    def _stored(self) -> list[StoredWebhook]:
        return [found for webhook_id in self._sent if (found := self.stage.table.get(webhook_id)) is not None]

    def _all_processed(self, ids: Sequence[str]) -> list[StoredWebhook]:
        stored = self._stored()
        return stored if len(stored) == len(ids) and all(w.status is Status.PROCESSED for w in stored) else []

    def _in_status(self, webhook_id: str, status: Status) -> StoredWebhook | None:
        found = self.stage.table.get(webhook_id)
        return found if found is not None and found.status is status else None

    def _refusals(self, *, at_least: int) -> int:
        events = self.stage.logs.events(self.stage.receiver_log, start=self._started_at)
        lines = [event.fields() for event in events if self.mark in event.message]
        refused = sum(line.get("userAgent") == self.mark and line.get("status") == UNVERIFIED for line in lines)
        return refused if refused >= at_least else 0

    def _dead_letters(self) -> int:
        look = self.stage.desk.source.look(
            DeadLetterFilter(ids=(self.broken,)), limits=ScanLimits(visibility_s=30, wait_s=0), most=10_000
        )
        return len(list(look))

    def _fresh_alarm(self) -> Alarm | None:
        """Return the DLQ's alarm once it is in ALARM and has told its topic during this run."""
        for found in self._dlq_alarm():
            if found.state == ALARM and found.notified_at and found.notified_at >= self._started_at:
                return found
        return None

    def _dlq_alarm(self) -> list[Alarm]:
        return self.stage.alarms.alarms((self.stage.dlq_alarm,))

    def _audit_lines(self) -> list[dict[str, object]]:
        events = self.stage.logs.events(self.stage.audit_log, start=self._started_at)
        ids = {*self._sent, self._redrive_id}
        lines = [event.fields() for event in events]
        return [line for line in lines if ids & {line.get("webhookId"), line.get("actionId")}]

    def _audit_records(self) -> int:
        return len({json.dumps(line, sort_keys=True) for line in self._audit_lines()})

    def _is_logged(self, stored: Sequence[StoredWebhook]) -> bool:
        logged = {(line.get("webhookId"), line.get("seq")) for line in self._audit_lines()}
        return all((w.webhook_id, seq) in logged for w in stored for seq in range(1, w.seq + 1))

    def _await(self, what: str, look: Callable[[], T | None], *, patience_s: float = _PATIENCE_S) -> T:
        deadline = self.monotonic() + patience_s
        while not (found := look()):
            if self.monotonic() > deadline:
                raise WaitTimeoutError(f"waited {patience_s:.0f} s until {what}", hint="webhookctl status")
            self.sleep(_LOOK_EVERY_S)
        return found


@dataclass(frozen=True)
class _Marked:
    """Names this run in the User-Agent, which no provider signs and the gateway logs."""

    transport: Transport
    mark: str

    def post(self, outgoing: Outgoing) -> Answer:
        """Send the request once."""
        return self.transport.post(replace(outgoing, headers={**outgoing.headers, "user-agent": self.mark}))


def _trip_ms(webhook: StoredWebhook) -> int:
    end = webhook.processed_at or webhook.received_at
    return round((end - webhook.received_at).total_seconds() * 1000)
