"""What a redrive is going to do: a value, so that `--dry-run` can print it and a journal can keep it."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Self

from stack.limits import MAX_RECEIVE_COUNT, QUEUE_VISIBILITY_S
from webhookctl.core.dlq.filter import DeadLetterFilter
from webhookctl.core.dlq.json_patch import Patch, changes
from webhookctl.core.redrive.described import read_members

MOST_THREADS: Final = 16
"""More gain nothing on two cores: the interpreter is busy by then."""
_PORTION: Final = 100
"""Messages that a thread takes at once: they share one read of the table, whose largest batch is 100."""
_CANARY_GROWTH: Final = 2
_SQS_BATCH: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """Send `size` first, wait for what becomes of them, then twice as many, and so on; stop at `stop_if_fail`."""

    size: int
    stop_if_fail: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RedrivePlan:
    """A redrive, fully decided.

    `limit` bounds the messages sent. `visibility_s` is how long a received message stays hidden without renewal: after
    a kill, the wait before a resume sees everything again. `wait_for_s` bounds the wait for outcomes
    (of each step, with a canary). `patch` is applied to each payload first.
    """

    redrive_id: str
    environment: str
    filters: DeadLetterFilter = field(default_factory=DeadLetterFilter)
    is_dry_run: bool = False
    is_guarded: bool = True
    follows_to_the_end: bool = False
    rate_per_s: float | None = None
    limit: int | None = None
    canary: Canary | None = None
    patch: Patch | None = None
    threads: int = MOST_THREADS
    visibility_s: int = 60
    run_for_s: float = 3600.0
    wait_for_s: float = 300.0
    wait_s: int = 1
    retry_cycle: timedelta = timedelta(seconds=MAX_RECEIVE_COUNT * QUEUE_VISIBILITY_S)

    @property
    def follows_outcomes(self) -> bool:
        """Whether the run has to know what became of each redriven webhook."""
        return not self.is_dry_run and (self.follows_to_the_end or self.canary is not None)

    @property
    def portion(self) -> int:
        """How many messages a thread takes at once; they are journalled and told of together.

        Under a rate a second's worth, and never more than can be sent in a tenth of their hidden time.
        """
        most = min(_PORTION, self.limit or _PORTION)
        if self.rate_per_s is None:
            return most
        return max(1, min(most, int(self.rate_per_s * min(1, self.visibility_s / 10))))

    @property
    def send_batch(self) -> int:
        """Messages in one send: about a second's worth under a low rate, so that it is even."""
        return _SQS_BATCH if self.rate_per_s is None else max(1, min(_SQS_BATCH, int(self.rate_per_s)))

    def steps(self) -> Iterator[int | None]:
        """Yield how many messages each step may send; None: as many as there are."""
        if self.canary is None or self.is_dry_run or self.limit == 0:
            yield self.limit
            return
        sent, size = 0, self.canary.size
        while self.limit is None or sent < self.limit:
            size = size if self.limit is None else min(size, self.limit - sent)
            yield size
            sent += size
            size *= _CANARY_GROWTH

    def threads_for(self, size: int | None) -> int:
        """Return how many threads a step of `size` messages keeps busy."""
        wanted = self.threads if size is None else min(self.threads, -(-size // _SQS_BATCH))
        if self.rate_per_s is not None:
            wanted = min(wanted, -(-int(self.rate_per_s) // 100))
        return max(1, wanted)

    def portion_for(self, size: int | None) -> int:
        """Return how many messages a thread takes at once in a step of `size`: its threads share the step evenly."""
        if size is None:
            return self.portion
        return min(self.portion, max(_SQS_BATCH, -(-size // self.threads_for(size))))

    def words(self) -> str:
        """Return the plan in a line for a person; of a patch only the paths."""
        filters = [
            f"{name} {' or '.join(value) if isinstance(value, list) else value}"
            for name, value in self.filters.describe().items()
        ]
        canary = self.canary
        told = [
            ", ".join(filters) or "all dead letters",
            None if self.is_guarded else "without the guard",
            None if self.patch is None else f"fixed up: {changes(self.patch)}",
            None if self.rate_per_s is None else f"at most {self.rate_per_s:g}/s",
            None if self.limit is None else f"at most {self.limit:,}",
            None if canary is None else f"a canary of {canary.size} that stops at {canary.stop_if_fail} failed again",
            "each followed to its end" if self.follows_to_the_end else None,
        ]
        return "; ".join(filter(None, told))

    def describe(self) -> dict[str, Any]:
        """Return the plan as JSON values, for the journal's first line."""
        return {
            "redrive_id": self.redrive_id,
            "environment": self.environment,
            "filters": self.filters.describe(),
            "is_guarded": self.is_guarded,
            "rate_per_s": self.rate_per_s,
            "limit": self.limit,
            "canary": None if self.canary is None else [self.canary.size, self.canary.stop_if_fail],
            "patch": None if self.patch is None else list(self.patch),
            "follows_to_the_end": self.follows_to_the_end,
            "visibility_s": self.visibility_s,
            "run_for_s": self.run_for_s,
            "wait_for_s": self.wait_for_s,
        }

    @classmethod
    def from_description(cls, described: Mapping[str, Any]) -> Self:
        """Read what `describe` wrote. Raises UsageError that names what is not one of a plan's values."""
        values = read_members(described)
        canary = values.pop("canary")
        return cls(**values, canary=None if canary is None else Canary(size=canary[0], stop_if_fail=canary[1]))


def new_redrive_id() -> str:
    """Return a new redrive id: it names the run in the journal and in the audit log."""
    return f"rd-{uuid.uuid4().hex[:12]}"
