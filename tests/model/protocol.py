"""The receive/process protocol as a small-state model: every interleaving, crash, duplicate and lost reply.

One event of one provider. Receivers (several deliveries of it and a forgery; where wanted another body under its id,
and counterfeits under its delivery id), processors working at the same time, SQS
that redelivers at any moment, the dead-letter queue and an operator's redrive are steps of one state machine;
`tests.model.search` visits every state that they can reach together. A budget bounds crashes and faults. Each guard of
the real code can be taken out, which must make the check fail.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.model.receiver import OTHER, ReceiverSteps
from tests.model.state import (
    ABSENT,
    FAILED,
    IDLE,
    PROCESSED,
    Budget,
    Held,
    State,
    deleted,
    held,
    moved,
    queued,
    spent,
    start,
    taken,
    written,
)

GUARDS = {
    "verify_first": "the receiver writes nothing before the signature is verified",
    "claim_first": "a signed delivery id admits one body, claimed before the put",
    "claim_compares": "its own body passes the claim again, so that a retry is taken",
    "put_condition": "put only if the id is not taken (attribute_not_exists)",
    "failed_put_is_503": "a failed put answers 503, never 200",
    "conflict_kept": "another body under a known id is kept beside the first, before its 200",
    "resend_duplicate": "a duplicate that is not PROCESSED is sent again",
    "send_before_ack": "200 only after the message is sent",
    "failed_send_is_503": "a failed send answers 503, never 200",
    "single_write": "the effect and PROCESSED are one conditional write",
    "seq_condition": "the write demands the seq that was read",
    "processed_is_final": "PROCESSED is acknowledged on reading and refused as a base of any write",
    "failure_condition": "recording FAILED is conditional as well",
    "delete_after_write": "a message is deleted only after its webhook's write",
    "failed_stays_queued": "a failed message is reported, not deleted (ReportBatchItemFailures)",
    "dead_letter": "a message past its last receive goes to the DLQ",
    "redrive_sends_first": "the redrive deletes from the DLQ only after the send",
    "edit_condition": "an operator's edit of a body demands the seq that was read, and never PROCESSED",
}


@dataclass(frozen=True)
class Model(ReceiverSteps):
    """How much may happen, and which guards are taken out.

    `others`: deliveries of another verified body under the event's id. `counterfeits`: further bodies under the signed
    delivery id of the event, which then is claimed first (PayPal). `edits`: a redrive may edit the body first.
    """

    deliveries: int = 3
    others: int = 0
    counterfeits: int = 0
    processors: int = 2
    receiver_crashes: int = 2
    processor_crashes: int = 2
    call_faults: int = 1
    work_faults: int = 2
    redrives: int = 1
    edits: bool = False
    max_receives: int = 2
    removed: frozenset[str] = field(default_factory=frozenset)

    def start(self) -> State:
        """Return the state before anything happens."""
        budget = Budget(
            receiver_crashes=self.receiver_crashes,
            processor_crashes=self.processor_crashes,
            call_faults=self.call_faults,
            work_faults=self.work_faults,
            redrives=self.redrives,
        )
        first = "claim" if self.counterfeits else "start"
        deliveries = [first] * self.deliveries + [f"start {OTHER}"] * self.others + ["claim again"] * self.counterfeits
        return start(deliveries=tuple(deliveries), processors=self.processors, budget=budget)

    def guarded(self, guard: str) -> bool:
        """Say whether a guard is in place."""
        return guard not in self.removed

    # -- steps -------------------------------------------------------------------------------------------------

    def steps(self, s: State) -> Iterator[tuple[str, State]]:
        """Return every state that can come next, with the name of the step.

        A forgery that is refused touches nothing that another step looks at, so it may as well come first: no order
        is lost by that.
        """
        if s.deliveries[0] == "forged" and self.guarded("verify_first"):
            yield "forgery refused", moved(s, 0, "done")
            return
        for i, step in enumerate(s.deliveries):
            if step != "done" and (
                i == 0 or step != s.deliveries[i - 1]
            ):  # deliveries in the same step are interchangeable
                yield from self.delivery(s, i, step)
        for i, job in enumerate(s.processors):
            if i == 0 or job != s.processors[i - 1]:
                yield from self._processor(s, i, job)
        yield from self._sqs(s)
        yield from self._redrive(s)

    def _processor(self, s: State, i: int, job: Held) -> Iterator[tuple[str, State]]:
        step, message, *_ = job
        if step == "idle":
            yield from self._receive(s, i)
            return
        if step == "read":
            yield from self._read(s, i, job)
        elif step == "write":
            yield from self._write(s, i, job)
        elif step == "mark":
            yield "marked PROCESSED", held(written(s, PROCESSED, s.seq + 1), i, ("delete", message, 0, 0, 0))
        elif step == "fail":
            yield from self._fail(s, i, job)
        elif step == "delete":
            yield "deleted", held(deleted(s, message), i, IDLE)
        if s.budget.processor_crashes:
            crashed = spent(s, "processor_crashes")
            yield f"processor crashes before {step}", held(crashed, i, IDLE)

    def _read(self, s: State, i: int, job: Held) -> Iterator[tuple[str, State]]:
        _, message, receives, _, _ = job
        if s.status == ABSENT:
            yield "read: nothing stored", self._given_back(s, i, message)
            return
        if s.seq > 1:  # an eventually consistent read may show what stood before the last write
            yield "read the state before, normalised", held(s, i, ("write", message, receives, s.seq - 1, 0))
        if s.status == PROCESSED and self.guarded("processed_is_final"):
            yield "read: already processed", held(s, i, ("delete", message, 0, 0, 0))
        else:
            yield "read, normalised", held(s, i, ("write", message, receives, s.seq, 0))
            if s.budget.work_faults:
                less = spent(s, "work_faults")
                yield "read, processing failed", self._failed(less, i, message, receives, s.seq)

    def _failed(self, s: State, i: int, message: int, receives: int, seq: int) -> State:
        """Before the last receive a failure writes nothing: the message just stays in the queue."""
        if receives < self.max_receives:
            return self._given_back(s, i, message)
        return held(s, i, ("fail", message, receives, seq, 0))

    def _given_back(self, s: State, i: int, message: int) -> State:
        return held(s if self.guarded("failed_stays_queued") else deleted(s, message), i, IDLE)

    def _receive(self, s: State, i: int) -> Iterator[tuple[str, State]]:
        """SQS may hand out any message at any time, also one that somebody else works on."""
        for message, receives in s.queue:
            if receives < self.max_receives:
                kept = taken(s, message, receives + 1)
                if not self.guarded("delete_after_write"):
                    kept = deleted(kept, message)
                yield "received", held(kept, i, ("read", message, receives + 1, 0, 0))

    def _write(self, s: State, i: int, job: Held) -> Iterator[tuple[str, State]]:
        _, message, receives, seq, tries = job
        if not self.guarded("single_write"):
            yield "effect alone", held(s._replace(effects=s.effects + 1), i, ("mark", message, 0, 0, 0))
        elif self._may_write(s, seq):
            done = written(s._replace(effects=s.effects + 1), PROCESSED, seq + 1)
            yield "written", held(done, i, ("delete", message, 0, 0, 0))
        elif s.status == PROCESSED:
            yield "already processed", held(s, i, ("delete", message, 0, 0, 0))
        elif tries == 0:
            yield "changed meanwhile", held(s, i, ("write", message, receives, s.seq, 1))
        else:
            yield "changed twice", self._failed(s, i, message, receives, s.seq)

    def _fail(self, s: State, i: int, job: Held) -> Iterator[tuple[str, State]]:
        _, message, receives, seq, tries = job
        left = s if self.guarded("failed_stays_queued") else deleted(s, message)
        if not self.guarded("failure_condition"):
            yield "FAILED over whatever stands there", held(written(left, FAILED, s.seq + 1), i, IDLE)
        elif self._may_write(s, seq):
            yield "FAILED recorded", held(written(left, FAILED, seq + 1), i, IDLE)
        elif s.status == PROCESSED or tries:
            yield "not recorded", held(left, i, IDLE)
        else:
            yield "changed meanwhile", held(s, i, ("fail", message, receives, s.seq, 1))

    def _may_write(self, s: State, seq: int) -> bool:
        is_expected = s.seq == seq or not self.guarded("seq_condition")
        return is_expected and (s.status != PROCESSED or not self.guarded("processed_is_final"))

    def _sqs(self, s: State) -> Iterator[tuple[str, State]]:
        for message, receives in s.queue:
            if receives >= self.max_receives:
                dlq = s.dlq + self.guarded("dead_letter")
                yield "dead-lettered", deleted(s, message)._replace(dlq=dlq)

    def _redrive(self, s: State) -> Iterator[tuple[str, State]]:
        """Let the operator copy one dead letter back; killed between the two steps it simply stays where it is."""
        if s.redrive == "idle" and s.dlq and s.budget.redrives:
            yield from self._begin_redrive(spent(s, "redrives"))
        elif s.redrive.startswith("edit "):
            yield from self._edit(s, int(s.redrive.removeprefix("edit ")))
        elif s.redrive == "edited":
            yield "redrive sends", queued(s)._replace(redrive="sent")
        elif s.redrive == "sent":
            yield "redrive deletes", s._replace(dlq=s.dlq - 1, redrive="idle")
        elif s.redrive == "deleted":
            yield "redrive sends", queued(s)._replace(redrive="idle")

    def _begin_redrive(self, less: State) -> Iterator[tuple[str, State]]:
        if self.edits and less.status not in (ABSENT, PROCESSED):
            yield "redrive reads, to edit", less._replace(redrive=f"edit {less.seq}")
        if self.guarded("redrive_sends_first"):
            yield "redrive sends", queued(less)._replace(redrive="sent")
        else:
            yield "redrive deletes", less._replace(dlq=less.dlq - 1, redrive="deleted")

    def _edit(self, s: State, seq: int) -> Iterator[tuple[str, State]]:
        """Replace the body in one conditional write that leaves the status; if it fails the letter stays."""
        if self._may_write(s, seq) or not self.guarded("edit_condition"):
            yield "edited", written(s, s.status, seq + 1)._replace(redrive="edited")
        else:
            yield "changed meanwhile: not edited", s._replace(redrive="idle")

    # -- invariants --------------------------------------------------------------------------------------------

    def broken(self, s: State, *, is_quiet: bool) -> str | None:
        """Return the invariant that a state breaks. `is_quiet`: nothing moves by itself."""
        rules = {
            "an acknowledged webhook is gone": s.acknowledged
            and not (s.status == PROCESSED or (s.status != ABSENT and (s.queue or s.dlq))),
            "an acknowledged webhook is stuck": s.acknowledged and is_quiet and s.status != PROCESSED and not s.dlq,
            "two effects": s.effects > 1,
            "effect without PROCESSED at rest": is_quiet and s.effects == 1 and s.status != PROCESSED,
            "PROCESSED was left": s.regressed,
            "seq is not contiguous": s.seq_broken,
            "a forgery was written": s.forged,
            "a genuine delivery was refused": s.refused,
            "an acknowledged body is nowhere": s.told not in ((), (s.body,))
            and any(body != s.body and body not in s.kept for body in s.told),
        }
        return next((name for name, is_broken in rules.items() if is_broken), None)
