"""The proof after a load run, from journal, table, queue and audit log: all that was acknowledged is there, once."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from lambdas.shared.webhook import Status
from webhookctl.core.logs import LogReader

DRAIN_TIMEOUT_S: Final = 180.0
_AUDIT_TIMEOUT_S: Final = 60.0
_POLL_S: Final = 1.0
_GOOD: Final = range(200, 300)
_FORGED: Final = frozenset((400, 401))
_REFUSED: Final = _FORGED | {403, 413, 429}
"""Answers by which the firewall, the stage or the receiver turns a request away as it should."""
_EFFECT: Final = ("processor", Status.PROCESSED.value)

Deliveries = Sequence[tuple[str, int]]
"""Every request of a run: its webhook id and the status of its answer, 0 for none."""


class StatusReader(Protocol):
    """Reads where webhooks stand."""

    def statuses(self, webhook_ids: Sequence[str]) -> dict[str, Status]:
        """Return the status of each stored webhook among the ids; an id that is not stored is left out."""
        ...


class QueueDepth(Protocol):
    """Counts what waits in the environment's queues."""

    def depth(self) -> int:
        """Return how many messages the processing queue holds, in flight or not (approximate, as SQS counts)."""
        ...

    def dead_letters(self) -> int:
        """Return how many messages the DLQ holds (approximate)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that the proof looked at."""

    name: str
    law: str
    measured: str
    is_kept: bool


@dataclass(slots=True, kw_only=True)
class Witness:
    """What an environment can tell about a run, from before it began. `depths` are (epoch second, messages)."""

    table: StatusReader
    queue: QueueDepth
    logs: LogReader
    audit_group: str
    now: Callable[[], datetime]
    sleep: Callable[[float], None] = time.sleep
    depths: list[tuple[float, int]] = field(default_factory=list)
    started: datetime = field(init=False)
    _dead_before: int = field(init=False)
    _waiting_before: int = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.now()
        self._dead_before, self._waiting_before = self.queue.dead_letters(), self.queue.depth()

    def look(self) -> int:
        """Note and return how many messages wait now."""
        self.depths.append((self.now().timestamp(), self.queue.depth()))
        return self.depths[-1][1]

    def prove(self, deliveries: Deliveries, *, recorded: int) -> list[Check]:
        """Wait until the environment has done its work and return what became of all deliveries.

        `recorded` is the number of requests that the scenario's own record counts.
        """
        acknowledged = acknowledged_of(deliveries)
        self._drain(acknowledged)
        statuses = self.table.statuses(acknowledged)
        dead = max(self.queue.dead_letters() - self._dead_before, 0)
        return [
            _journal_check(deliveries, recorded),
            _acknowledgement_check(deliveries, acknowledged),
            _missing_check(statuses, acknowledged),
            _processed_check(statuses, dead=dead),
            self._forgery_check(deliveries, acknowledged),
            *self._audit_checks(acknowledged, statuses),
        ]

    def _drain(self, acknowledged: Sequence[str]) -> None:
        """Wait until all is processed or dead and the queue holds no more than before, or for a long time."""
        deadline = self.now().timestamp() + DRAIN_TIMEOUT_S
        while self.now().timestamp() < deadline:
            waiting = self.look() - self._waiting_before
            if waiting <= 0 and Status.RECEIVED not in self.table.statuses(acknowledged).values():
                return
            self.sleep(_POLL_S)

    def _forgery_check(self, deliveries: Deliveries, acknowledged: Sequence[str]) -> Check:
        refused = sorted({webhook for webhook, status in deliveries if status in _FORGED} - set(acknowledged))
        stored = self.table.statuses(refused)
        return Check(
            name="nothing refused is stored",
            law="a webhook answered 400 or 401 is not in the table",
            measured=f"{len(stored)} of {len(refused)} stored",
            is_kept=not stored,
        )

    def _audit_checks(self, acknowledged: Sequence[str], statuses: Mapping[str, Status]) -> list[Check]:
        """Count each webhook's lines once all have one, and one of their effect, or after a while."""
        deadline = self.now().timestamp() + _AUDIT_TIMEOUT_S
        while True:
            audited, effects = self._audit()
            missing = set(acknowledged) - audited
            wrong = [w for w, status in statuses.items() if len(effects[w]) != int(status is Status.PROCESSED)]
            if not (missing or wrong) or self.now().timestamp() > deadline:
                break
            self.sleep(_POLL_S)
        total = sum(len(effects[webhook]) for webhook in statuses)
        return [
            Check(
                name="everything acknowledged is in the audit log",
                law="each webhook answered 2xx has an audit line",
                measured=f"{len(missing)} of {len(acknowledged)} without",
                is_kept=not missing and bool(acknowledged),
            ),
            Check(
                name="each webhook takes effect once",
                law="the audit log has one change to PROCESSED for each webhook that is, and none for another",
                measured=f"{total} effects of {len(statuses)} webhooks, {len(wrong)} not once",
                is_kept=not wrong,
            ),
        ]

    def _audit(self) -> tuple[set[str], dict[str, set[str]]]:
        """Return the webhooks that have a line, and the stream events in which the processor processed each."""
        audited: set[str] = set()
        effects: dict[str, set[str]] = defaultdict(set)
        for event in self.logs.events(self.audit_group, start=self.started):
            line = event.fields()
            webhook = str(line.get("webhookId"))
            audited.add(webhook)
            if (line.get("actor"), line.get("status")) == _EFFECT:
                effects[webhook].add(str(line.get("streamEventId")))
        return audited, effects


def acknowledged_of(deliveries: Deliveries) -> list[str]:
    """Return the webhooks that were answered with 2xx, each once."""
    return sorted({webhook for webhook, status in deliveries if status in _GOOD})


def _journal_check(deliveries: Deliveries, recorded: int) -> Check:
    return Check(
        name="the journal holds every request",
        law="as many lines as the scenario counted requests, or this proof looks at less than was sent",
        measured=f"{len(deliveries)} of {recorded}",
        is_kept=len(deliveries) == recorded > 0,
    )


def _acknowledgement_check(deliveries: Deliveries, acknowledged: Sequence[str]) -> Check:
    """Return the check that nothing was let through to the receiver and then left without a good answer."""
    failed = {webhook for webhook, status in deliveries if status not in _GOOD and status not in _REFUSED}
    lost = failed - set(acknowledged)
    return Check(
        name="everything let through is acknowledged",
        law="a webhook that no one turned away (400, 401, 403, 413, 429) is answered 2xx in the end",
        measured=f"{len(lost)} never, {len(acknowledged)} acknowledged",
        is_kept=not lost,
    )


def _missing_check(statuses: Mapping[str, Status], acknowledged: Sequence[str]) -> Check:
    missing = [webhook for webhook in acknowledged if webhook not in statuses]
    return Check(
        name="nothing acknowledged is missing",
        law="each webhook answered 2xx is in the table",
        measured=f"{len(missing)} of {len(acknowledged)} missing",
        is_kept=not missing and bool(acknowledged),
    )


def _processed_check(statuses: Mapping[str, Status], *, dead: int) -> Check:
    done = sum(status is Status.PROCESSED for status in statuses.values())
    failed = sum(status is Status.FAILED for status in statuses.values())
    waiting = len(statuses) - done - failed
    return Check(
        name="everything acknowledged is processed or stands in the DLQ",
        law="PROCESSED, or FAILED with a message in the DLQ",
        measured=f"{done} processed, {failed} failed, {waiting} waiting",
        is_kept=waiting == 0 and failed <= dead,
    )
