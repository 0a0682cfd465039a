"""What a redrive says: each thing as it happens, and the sum at the end."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Final

from webhookctl.core.dlq.dead_letter import DeadLetter
from webhookctl.core.redrive.guard import Verdict
from webhookctl.core.redrive.outcomes import Followed
from webhookctl.core.redrive.plan import RedrivePlan
from webhookctl.core.wrapped import wrapped


class StoppedBy(StrEnum):
    """Why a redrive ended."""

    EMPTY = "empty"
    REPEAT = "repeat"
    DEADLINE = "deadline"
    MAX = "max"
    CANARY = "canary"
    CANARY_UNKNOWN = "canary_unknown"
    INTERRUPT = "interrupt"


_WHY: Final = {
    StoppedBy.EMPTY: "the queue came to its end",
    StoppedBy.REPEAT: "the queue gave nothing but what was seen before",
    StoppedBy.DEADLINE: "--deadline was over",
    StoppedBy.MAX: "--max was reached",
    StoppedBy.CANARY: "the canary stopped it",
    StoppedBy.CANARY_UNKNOWN: "the canary's end did not come in time",
    StoppedBy.INTERRUPT: "Ctrl-C",
}
_COUNTED: Final = {
    "seen": "seen",
    "unseen": "not seen: hidden by another reader, or come in just now",
    "unmatched": "not meant by the filter",
    "would_redrive": "would be redriven",
    "redriven": "redriven",
    "already_processed": "processed already: the message is only deleted",
    "finished": "sent by the interrupted run: the message is only deleted",
    "superseded": "superseded by a later event: left in the queue",
    "in_flight": "on their way by another message: left in the queue",
    "no_record": "unknown to the table: left in the queue",
    "unreadable": "not ours to read: left in the queue",
    "edit_failed": "could not be fixed up: left in the queue",
    "send_failed": "refused by the processing queue: left in the queue",
    "undeleted": "sent but not deleted: --resume deletes them",
    "processed": "came to PROCESSED",
    "failed_again": "failed again",
    "waiting": "still on their way",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happened to one dead letter: `redriven`, `already_processed`, `superseded`, `processed`, ..."""

    event: str
    redrive_id: str
    webhook_id: str | None
    message_id: str | None = None
    reason: str | None = None


@dataclass(kw_only=True)
class Tally:
    """Counts by what happened, from several threads."""

    counts: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def count(self, what: str) -> None:
        """Count one more."""
        with self._lock:
            self.counts[what] = self.counts.get(what, 0) + 1

    def of(self, what: str) -> int:
        """Return how often it happened."""
        return self.counts.get(what, 0)


class Voice:
    """Counts and tells what happens, from several threads, one happening at a time."""

    def __init__(self, redrive_id: str, happened: Callable[[Happening], None]) -> None:
        self._redrive_id = redrive_id
        self._happened = happened
        self._lock = threading.Lock()
        self.tally = Tally()

    def count(self, what: str, letter: DeadLetter, *, reason: str | None = None) -> None:
        """Count and tell that something happened to a dead letter."""
        self.tally.count(what)
        self.say(what, webhook_id=letter.message.webhook_id, message_id=letter.message.message_id, reason=reason)

    def say(
        self, what: str, *, webhook_id: str | None, message_id: str | None = None, reason: str | None = None
    ) -> None:
        """Tell that something happened."""
        happening = Happening(
            event=what, redrive_id=self._redrive_id, webhook_id=webhook_id, message_id=message_id, reason=reason
        )
        with self._lock:
            self._happened(happening)


@dataclass(frozen=True, slots=True, kw_only=True)
class RedriveReport:
    """The sum of a redrive.

    `redriven` were sent and are safe in the processing queue. `already_processed` and `finished` (sent by an earlier
    run of the same journal) were only deleted. `unseen` are in the queue, by its own count, but never came to hand: the
    redrive is not complete. `undeleted` were sent but could not be deleted: a resume deletes them.
    `processed` and `waiting` are known only where outcomes were followed, `failed_again` also of what came back while
    the redrive went on; what came back is not counted as `seen` once more.
    """

    redrive_id: str
    plan: str
    is_dry_run: bool
    stopped_by: StoppedBy
    seen: int
    unseen: int
    unmatched: int
    would_redrive: int
    redriven: int
    already_processed: int
    finished: int
    superseded: int
    in_flight: int
    no_record: int
    unreadable: int
    edit_failed: int
    send_failed: int
    undeleted: int
    processed: int
    failed_again: int
    waiting: int
    seconds: float

    @property
    def outcome(self) -> str:
        """`done`, `partial` or `stopped`: the word of the audit line."""
        if self.stopped_by not in (StoppedBy.EMPTY, StoppedBy.REPEAT, StoppedBy.MAX):
            return "stopped"
        return "partial" if self.is_partial or self.unseen or self.stopped_by is StoppedBy.REPEAT else "done"

    @property
    def is_partial(self) -> bool:
        """Something that was meant to move did not, or failed again."""
        failed = self.send_failed or self.failed_again or self.undeleted or self.edit_failed
        return bool(failed) or self.stopped_by is StoppedBy.CANARY

    @property
    def is_timed_out(self) -> bool:
        """The time was up before everything was seen, or before every outcome was known."""
        late = (StoppedBy.DEADLINE, StoppedBy.CANARY_UNKNOWN, StoppedBy.REPEAT)
        is_waiting = self.waiting > 0 and self.stopped_by is not StoppedBy.INTERRUPT
        return self.stopped_by in late or self.unseen > 0 or is_waiting

    def draw(self, width: int, style: Callable[..., str]) -> Iterator[str]:
        """Yield what a person wants to read: the counts that are not zero, and how it ended."""
        what = "Dry run, nothing was changed" if self.is_dry_run else f"Redrive {self.redrive_id}"
        yield style(f"{what}: {_WHY[self.stopped_by]} after {self.seconds:.1f} s", "bold")
        yield from wrapped(f"Asked for: {self.plan}", width)
        for name, count in self.counts().items():
            yield f"{count:>9,}  {_COUNTED[name]}"

    def counts(self) -> dict[str, int]:
        """Return the counts that are not zero, for the audit line."""
        return {name: value for name, value in asdict(self).items() if type(value) is int and value}

    @classmethod
    def of(
        cls,
        tally: Tally,
        *,
        plan: RedrivePlan,
        followed: Followed,
        stopped_by: StoppedBy,
        seen: int,
        unseen: int,
        undeleted: int,
        seconds: float,
    ) -> "RedriveReport":
        """Sum up a run."""
        return cls(
            redrive_id=plan.redrive_id,
            plan=plan.words(),
            is_dry_run=plan.is_dry_run,
            stopped_by=stopped_by,
            seen=seen - tally.of(Verdict.CAME_BACK),
            unseen=unseen,
            unmatched=tally.of("unmatched"),
            would_redrive=tally.of("would_redrive"),
            redriven=tally.of("redriven"),
            already_processed=tally.of(Verdict.DELETE),
            finished=tally.of("finished"),
            superseded=tally.of(Verdict.SUPERSEDED),
            in_flight=tally.of(Verdict.IN_FLIGHT),
            no_record=tally.of(Verdict.NO_RECORD),
            unreadable=tally.of(Verdict.UNREADABLE),
            edit_failed=tally.of("edit_failed"),
            send_failed=tally.of("send_failed"),
            undeleted=undeleted,
            processed=followed.processed,
            failed_again=followed.failed_again + tally.of("failed_again"),
            waiting=len(followed.waiting),
            seconds=round(seconds, 3),
        )
