"""One moment of the receive/process protocol, and the small changes that every step is made of."""

from functools import cache
from typing import NamedTuple

ABSENT, RECEIVED, FAILED, PROCESSED = range(4)

Held = tuple[str, int, int, int, int]
"""What a processor does: (step, message, receives, seq read, tries)."""
Queue = tuple[tuple[int, int], ...]
"""The messages: (name, receives)."""

IDLE: Held = ("idle", -1, 0, 0, 0)


class Budget(NamedTuple):
    """What may still go wrong, and how often the operator may still redrive."""

    receiver_crashes: int
    processor_crashes: int
    call_faults: int
    work_faults: int
    redrives: int

    def covers(self, other: "Budget") -> bool:
        """Say whether everything that `other` still allows is allowed here too."""
        return (
            self.receiver_crashes >= other.receiver_crashes
            and self.processor_crashes >= other.processor_crashes
            and self.call_faults >= other.call_faults
            and self.work_faults >= other.work_faults
            and self.redrives >= other.redrives
        )


class State(NamedTuple):
    """Everything that matters at one moment. `budget` stands last: what comes before it is the state proper."""

    status: int
    seq: int
    effects: int
    acknowledged: bool
    forged: bool
    seq_broken: bool
    regressed: bool
    deliveries: tuple[str, ...]
    processors: tuple[Held, ...]
    queue: Queue
    dlq: int
    redrive: str
    body: str = ""
    """Whose body the item holds: the event's own (empty) or the other that came under its id."""
    told: tuple[str, ...] = ()
    """The bodies that were answered with 200."""
    kept: tuple[str, ...] = ()
    """The bodies that are kept beside the item."""
    claimed: bool = False
    refused: bool = False
    budget: Budget = Budget(0, 0, 0, 0, 0)


def start(*, deliveries: tuple[str, ...], processors: int, budget: Budget) -> State:
    """Return the state before anything happens: deliveries are on their way, one forgery among them."""
    return State(
        status=ABSENT,
        seq=0,
        effects=0,
        acknowledged=False,
        forged=False,
        seq_broken=False,
        regressed=False,
        deliveries=("forged", *deliveries),
        processors=(IDLE,) * processors,
        queue=(),
        dlq=0,
        redrive="idle",
        budget=budget,
    )


def canonical(s: State) -> State:
    """Return the one representative of all states that differ only in names: of messages, deliveries, processors."""
    deliveries = _sorted(s.deliveries)
    queue, processors = _named(s.queue, s.processors)
    if (deliveries, queue, processors) == (s.deliveries, s.queue, s.processors):
        return s
    return s._replace(deliveries=deliveries, queue=queue, processors=processors)


@cache
def _sorted(deliveries: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(deliveries))


@cache
def _named(queue: Queue, processors: tuple[Held, ...]) -> tuple[Queue, tuple[Held, ...]]:
    holders = {m: tuple(sorted(p for p in processors if p[1] == m)) for m, _ in queue}
    order = sorted(queue, key=lambda m: (m[1], [(p[0], *p[2:]) for p in holders[m[0]]]))
    names = {m: name for name, (m, _) in enumerate(order)}
    return (
        tuple((names[m], receives) for m, receives in order),
        tuple(sorted((p[0], names.get(p[1], -1), *p[2:]) for p in processors)),
    )


def spent(s: State, kind: str) -> State:
    """Return the state after one crash, fault or redrive of a kind was used up."""
    return s._replace(budget=s.budget._replace(**{kind: getattr(s.budget, kind) - 1}))


def moved(s: State, i: int, step: str) -> State:
    """Return the state with the ith delivery at another step."""
    return s._replace(deliveries=(*s.deliveries[:i], step, *s.deliveries[i + 1 :]))


def acknowledged(s: State, i: int, whose: str = "") -> State:
    """Return the state after the ith delivery, of one of the bodies, was answered with 200."""
    told = s.told if whose in s.told else tuple(sorted((*s.told, whose)))
    return moved(s._replace(acknowledged=True, told=told), i, "done")


def held(s: State, i: int, doing: Held) -> State:
    """Return the state with the ith processor doing something else."""
    return s._replace(processors=(*s.processors[:i], doing, *s.processors[i + 1 :]))


def received(s: State, whose: str = "") -> State:
    """Return the state after the first write, of one of the bodies."""
    return written(s._replace(body=whose), RECEIVED, 1)


def written(s: State, status: int, seq: int) -> State:
    """Return the state after a write, which remembers a gap in `seq` and a step back from PROCESSED."""
    return s._replace(
        status=status,
        seq=seq,
        seq_broken=s.seq_broken or seq != s.seq + 1,
        regressed=s.regressed or (s.status == PROCESSED and status != PROCESSED),
    )


def queued(s: State) -> State:
    """Return the state with one more message."""
    last = max((m for m, _ in s.queue), default=max(p[1] for p in s.processors))
    return s._replace(queue=(*s.queue, (1 + last, 0)))


def deleted(s: State, message: int) -> State:
    """Return the state without a message."""
    return s._replace(queue=tuple(m for m in s.queue if m[0] != message))


def taken(s: State, message: int, receives: int) -> State:
    """Return the state in which a message has been received so often."""
    return s._replace(queue=tuple((m, receives if m == message else r) for m, r in s.queue))
