"""The receive/process protocol as a small-state model: every interleaving, crash, duplicate and lost reply.

One event of one provider. Receivers (several deliveries of it and a forgery), processors working at the same time, SQS
that redelivers at any moment, the dead-letter queue and an operator's redrive are steps of one state machine; `check`
visits every state that they can reach together. Budgets bound crashes and faults. Each guard of the real code can be
taken out, which must make the check fail.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

ABSENT, RECEIVED, FAILED, PROCESSED = range(4)

GUARDS = {
    "verify_first": "the receiver writes nothing before the signature is verified",
    "put_condition": "put only if the id is not taken (attribute_not_exists)",
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
}


class State(NamedTuple):
    """Everything that matters at one moment."""

    status: int = ABSENT
    seq: int = 0
    effects: int = 0
    acknowledged: bool = False
    forged: bool = False
    seq_broken: bool = False
    regressed: bool = False
    deliveries: tuple[str, ...] = ()
    processors: tuple[tuple[str, int, int, int, int], ...] = ()  # (step, message, receives, seq read, tries)
    queue: tuple[tuple[int, int], ...] = ()  # (message, receives)
    dlq: int = 0
    redrive: str = "idle"
    receiver_crashes: int = 0
    processor_crashes: int = 0
    send_faults: int = 0
    work_faults: int = 0
    redrives: int = 0


IDLE = ("idle", -1, 0, 0, 0)


@dataclass(frozen=True)
class Model:
    """How much may happen, and which guards are taken out."""

    deliveries: int = 3
    processors: int = 2
    receiver_crashes: int = 2
    processor_crashes: int = 2
    send_faults: int = 1
    work_faults: int = 2
    redrives: int = 1
    max_receives: int = 2
    removed: frozenset[str] = field(default_factory=frozenset)

    def start(self) -> State:
        """Return the state before anything happens."""
        return State(
            deliveries=("forged", *["start"] * self.deliveries),
            processors=(IDLE,) * self.processors,
            receiver_crashes=self.receiver_crashes,
            processor_crashes=self.processor_crashes,
            send_faults=self.send_faults,
            work_faults=self.work_faults,
            redrives=self.redrives,
        )

    def guarded(self, guard: str) -> bool:
        """Say whether a guard is in place."""
        return guard not in self.removed

    # -- steps -------------------------------------------------------------------------------------------------

    def steps(self, s: State) -> Iterator[tuple[str, State]]:
        """Return every state that can come next, with the name of the step."""
        for i, step in enumerate(s.deliveries):
            if i == 0 or step != s.deliveries[i - 1]:  # deliveries in the same step are interchangeable
                yield from self._delivery(s, i, step)
        for i, held in enumerate(s.processors):
            if i == 0 or held != s.processors[i - 1]:
                yield from self._processor(s, i, held)
        yield from self._sqs(s)
        yield from self._redrive(s)

    def _delivery(self, s: State, i: int, step: str) -> Iterator[tuple[str, State]]:
        if step == "forged":
            forged = s if self.guarded("verify_first") else _received(s)._replace(forged=True)
            yield "forgery refused", _moved(forged, i, "done")
        elif step == "start":
            yield from self._put(s, i)
        elif step == "send":
            yield from self._send(s, i)
        elif step == "late_send":
            yield "sent late", _moved(_queued(s), i, "done")
        if step not in ("done", "forged") and s.receiver_crashes:
            crashed = s._replace(receiver_crashes=s.receiver_crashes - 1)
            yield f"receiver crashes before {step}", _moved(crashed, i, "done")

    def _put(self, s: State, i: int) -> Iterator[tuple[str, State]]:
        if s.status == ABSENT:
            yield "put", self._to_send(_received(s), i)
            if self.guarded("resend_duplicate"):
                return  # after a lost reply our own item stands there, and it is sent all the same
            yield "put, reply lost, tried again: our own item stands there", _acknowledged(_received(s), i)
        elif not self.guarded("put_condition"):
            yield "put over what stood there", self._to_send(_received(s), i)
        elif s.status == PROCESSED or not self.guarded("resend_duplicate"):
            yield "duplicate, 200", _acknowledged(s, i)
        else:
            yield "duplicate", self._to_send(s, i)

    def _to_send(self, s: State, i: int) -> State:
        if self.guarded("send_before_ack"):
            return _moved(s, i, "send")
        return _moved(s._replace(acknowledged=True), i, "late_send")

    def _send(self, s: State, i: int) -> Iterator[tuple[str, State]]:
        yield "sent, 200", _acknowledged(_queued(s), i)
        if s.receiver_crashes:
            crashed = s._replace(receiver_crashes=s.receiver_crashes - 1)
            yield "sent, receiver crashes before 200", _moved(_queued(crashed), i, "done")
        if s.send_faults:
            less = s._replace(send_faults=s.send_faults - 1)
            yield "send failed, 503", _moved(less, i, "done")
            yield "sent, every reply lost, 503", _moved(_queued(less), i, "done")
            yield "sent, reply lost, sent again, 200", _acknowledged(_queued(_queued(less)), i)
            if not self.guarded("failed_send_is_503"):
                yield "send failed, 200", _acknowledged(less, i)

    def _processor(self, s: State, i: int, held: tuple[str, int, int, int, int]) -> Iterator[tuple[str, State]]:
        step, message, *_ = held
        if step == "idle":
            yield from self._receive(s, i)
            return
        if step == "read":
            yield from self._read(s, i, held)
        elif step == "write":
            yield from self._write(s, i, held)
        elif step == "mark":
            yield "marked PROCESSED", _held(_written(s, PROCESSED, s.seq + 1), i, ("delete", message, 0, 0, 0))
        elif step == "fail":
            yield from self._fail(s, i, held)
        elif step == "delete":
            yield "deleted", _held(_deleted(s, message), i, IDLE)
        if s.processor_crashes:
            crashed = s._replace(processor_crashes=s.processor_crashes - 1)
            yield f"processor crashes before {step}", _held(crashed, i, IDLE)

    def _read(self, s: State, i: int, held: tuple[str, int, int, int, int]) -> Iterator[tuple[str, State]]:
        _, message, receives, _, _ = held
        if s.status == ABSENT:
            yield "read: nothing stored", self._given_back(s, i, message)
        elif s.status == PROCESSED and self.guarded("processed_is_final"):
            yield "read: already processed", _held(s, i, ("delete", message, 0, 0, 0))
        else:
            yield "read, normalised", _held(s, i, ("write", message, receives, s.seq, 0))
            if s.work_faults:
                less = s._replace(work_faults=s.work_faults - 1)
                yield "read, processing failed", self._failed(less, i, message, receives, s.seq)

    def _failed(self, s: State, i: int, message: int, receives: int, seq: int) -> State:
        """Before the last receive a failure writes nothing: the message just stays in the queue."""
        if receives < self.max_receives:
            return self._given_back(s, i, message)
        return _held(s, i, ("fail", message, receives, seq, 0))

    def _given_back(self, s: State, i: int, message: int) -> State:
        return _held(s if self.guarded("failed_stays_queued") else _deleted(s, message), i, IDLE)

    def _receive(self, s: State, i: int) -> Iterator[tuple[str, State]]:
        """SQS may hand out any message at any time, also one that somebody else works on."""
        for message, receives in s.queue:
            if receives < self.max_receives:
                kept = s._replace(queue=_with(s.queue, message, receives + 1))
                if not self.guarded("delete_after_write"):
                    kept = _deleted(kept, message)
                yield "received", _held(kept, i, ("read", message, receives + 1, 0, 0))

    def _write(self, s: State, i: int, held: tuple[str, int, int, int, int]) -> Iterator[tuple[str, State]]:
        _, message, receives, seq, tries = held
        if not self.guarded("single_write"):
            yield "effect alone", _held(s._replace(effects=s.effects + 1), i, ("mark", message, 0, 0, 0))
        elif self._may_write(s, seq):
            done = _written(s._replace(effects=s.effects + 1), PROCESSED, seq + 1)
            yield "written", _held(done, i, ("delete", message, 0, 0, 0))
        elif s.status == PROCESSED:
            yield "already processed", _held(s, i, ("delete", message, 0, 0, 0))
        elif tries == 0:
            yield "changed meanwhile", _held(s, i, ("write", message, receives, s.seq, 1))
        else:
            yield "changed twice", self._failed(s, i, message, receives, s.seq)

    def _fail(self, s: State, i: int, held: tuple[str, int, int, int, int]) -> Iterator[tuple[str, State]]:
        _, message, receives, seq, tries = held
        left = s if self.guarded("failed_stays_queued") else _deleted(s, message)
        if not self.guarded("failure_condition"):
            yield "FAILED over whatever stands there", _held(_written(left, FAILED, s.seq + 1), i, IDLE)
        elif self._may_write(s, seq):
            yield "FAILED recorded", _held(_written(left, FAILED, seq + 1), i, IDLE)
        elif s.status == PROCESSED or tries:
            yield "not recorded", _held(left, i, IDLE)
        else:
            yield "changed meanwhile", _held(s, i, ("fail", message, receives, s.seq, 1))

    def _may_write(self, s: State, seq: int) -> bool:
        is_expected = s.seq == seq or not self.guarded("seq_condition")
        return is_expected and (s.status != PROCESSED or not self.guarded("processed_is_final"))

    def _sqs(self, s: State) -> Iterator[tuple[str, State]]:
        for message, receives in s.queue:
            if receives >= self.max_receives:
                dlq = s.dlq + self.guarded("dead_letter")
                yield "dead-lettered", _deleted(s, message)._replace(dlq=dlq)

    def _redrive(self, s: State) -> Iterator[tuple[str, State]]:
        """Let the operator copy one dead letter back; killed between the two steps it simply stays where it is."""
        if s.redrive == "idle" and s.dlq and s.redrives:
            less = s._replace(redrives=s.redrives - 1)
            if self.guarded("redrive_sends_first"):
                yield "redrive sends", _queued(less)._replace(redrive="sent")
            else:
                yield "redrive deletes", less._replace(dlq=s.dlq - 1, redrive="deleted")
        elif s.redrive == "sent":
            yield "redrive deletes", s._replace(dlq=s.dlq - 1, redrive="idle")
        elif s.redrive == "deleted":
            yield "redrive sends", _queued(s)._replace(redrive="idle")

    # -- invariants --------------------------------------------------------------------------------------------

    def broken(self, s: State, *, is_quiet: bool) -> str | None:
        """Return the invariant that a state breaks. `is_quiet`: nothing can happen any more."""
        rules = {
            "an acknowledged webhook is gone": s.acknowledged
            and not (s.status == PROCESSED or (s.status != ABSENT and (s.queue or s.dlq))),
            "an acknowledged webhook is stuck": s.acknowledged and is_quiet and s.status != PROCESSED and not s.dlq,
            "two effects": s.effects > 1,
            "effect without PROCESSED at rest": is_quiet and s.effects == 1 and s.status != PROCESSED,
            "PROCESSED was left": s.regressed,
            "seq is not contiguous": s.seq_broken,
            "a forgery was written": s.forged,
        }
        return next((name for name, is_broken in rules.items() if is_broken), None)


@dataclass(frozen=True)
class Verdict:
    """What a check found: how many states, and the shortest way to a broken invariant if there is one."""

    states: int
    steps: int
    broken: str | None = None
    trace: tuple[str, ...] = ()


def check(model: Model) -> Verdict:
    """Visit every reachable state, nearest first, until one breaks an invariant."""
    start = model.start()
    parents: dict[State, tuple[State, str] | None] = {start: None}
    todo = deque([start])
    steps = 0
    while todo:
        state = todo.popleft()
        following = list(model.steps(state))
        steps += len(following)
        if broken := model.broken(state, is_quiet=not following):
            return Verdict(states=len(parents), steps=steps, broken=broken, trace=_trace(parents, state))
        for name, reached in following:
            after = canonical(reached)
            if after not in parents:
                parents[after] = (state, name)
                todo.append(after)
    return Verdict(states=len(parents), steps=steps)


def canonical(s: State) -> State:
    """Return the one representative of all states that differ only in names: of messages, deliveries, processors."""
    holders = {m: tuple(sorted(p for p in s.processors if p[1] == m)) for m, _ in s.queue}
    order = sorted(s.queue, key=lambda m: (m[1], [(p[0], *p[2:]) for p in holders[m[0]]]))
    names = {m: name for name, (m, _) in enumerate(order)}
    return s._replace(
        deliveries=tuple(sorted(s.deliveries)),
        processors=tuple(sorted((p[0], names.get(p[1], -1), *p[2:]) for p in s.processors)),
        queue=tuple((names[m], receives) for m, receives in order),
    )


def _trace(parents: dict[State, tuple[State, str] | None], state: State) -> tuple[str, ...]:
    names: list[str] = []
    while (link := parents[state]) is not None:
        state, name = link
        names.append(name)
    return tuple(reversed(names))


def _moved(s: State, i: int, step: str) -> State:
    return s._replace(deliveries=(*s.deliveries[:i], step, *s.deliveries[i + 1 :]))


def _acknowledged(s: State, i: int) -> State:
    return _moved(s._replace(acknowledged=True), i, "done")


def _held(s: State, i: int, held: tuple[str, int, int, int, int]) -> State:
    return s._replace(processors=(*s.processors[:i], held, *s.processors[i + 1 :]))


def _received(s: State) -> State:
    return _written(s, RECEIVED, 1)


def _written(s: State, status: int, seq: int) -> State:
    return s._replace(
        status=status,
        seq=seq,
        seq_broken=s.seq_broken or seq != s.seq + 1,
        regressed=s.regressed or (s.status == PROCESSED and status != PROCESSED),
    )


def _queued(s: State) -> State:
    return s._replace(queue=(*s.queue, (1 + max((m for m, _ in s.queue), default=max(p[1] for p in s.processors)), 0)))


def _deleted(s: State, message: int) -> State:
    return s._replace(queue=tuple(m for m in s.queue if m[0] != message))


def _with(queue: tuple[tuple[int, int], ...], message: int, receives: int) -> tuple[tuple[int, int], ...]:
    return tuple((m, receives if m == message else r) for m, r in queue)
