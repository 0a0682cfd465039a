"""Redrive: move dead letters back to the processing queue, safely.

For each portion: receive -> judge -> send -> journal on the disk -> delete. Killed anywhere, nothing is lost: what was
not deleted becomes visible again, and `--resume` only deletes what the journal says was sent. A message sent but not
yet journalled is sent twice; the processor's conditional write makes that one effect.
"""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from webhookctl.core.dlq.dead_letter import DeadLetter, OutgoingMessage, QueueMessage
from webhookctl.core.dlq.fix_up import EditError
from webhookctl.core.dlq.scan import Scan, ScanEnd, ScanLimits
from webhookctl.core.redrive.collaborators import Collaborators
from webhookctl.core.redrive.guard import Guard, Verdict
from webhookctl.core.redrive.journal import Sent
from webhookctl.core.redrive.judgement import Judgement
from webhookctl.core.redrive.outcomes import Followed, follow
from webhookctl.core.redrive.plan import RedrivePlan
from webhookctl.core.redrive.rate import Rate
from webhookctl.core.redrive.report import RedriveReport, StoppedBy, Voice
from webhookctl.core.redrive.returned import Returned

_T = TypeVar("_T")
_BACKLOG_PORTION: Final = 10
COUNTS_SETTLE_S: Final = 60
"""SQS's own counts are right a minute after the last change (GetQueueAttributes, "eventual consistency")."""


def redrive(plan: RedrivePlan, tools: Collaborators) -> RedriveReport:
    """Carry out the plan and say what happened.

    Raises WebhookctlError when a call as a whole fails or the journal cannot be written; the journal then says how far
    it came.
    """
    run = _Run(plan, tools)
    with run.scan:
        for size in plan.steps():
            run.step(size)
            if run.stopped_by is not None:
                break
        run.retry_deletes()
    if plan.follows_outcomes and plan.canary is None:
        run.await_outcomes()
    return run.report()


class _Run:
    """One run of a redrive: what its threads share."""

    def __init__(self, plan: RedrivePlan, tools: Collaborators) -> None:
        self._plan = plan
        self._tools = tools
        self._voice = Voice(plan.redrive_id, tools.happened)
        past = tools.journal.past if tools.journal is not None else None
        patience_s = plan.visibility_s if past is not None and not past.is_closed else 0
        settle_s = max(plan.visibility_s, COUNTS_SETTLE_S)
        self.scan = self._scan(portion=plan.portion, patience_s=patience_s, settle_s=settle_s)
        self._unseen = 0
        self._rate = Rate(plan.rate_per_s, monotonic=tools.monotonic, stop=tools.stop)
        self._lock = threading.Lock()
        self._backlog: deque[DeadLetter] = deque()
        self._room: int | None = None
        self._share = plan.portion
        self._undeleted: list[QueueMessage] = []
        already = list(past.sent) if past is not None else []
        guard = Guard(webhooks=tools.webhooks, retry_cycle=plan.retry_cycle, is_on=plan.is_guarded)
        self._judgement = Judgement(
            guard,
            plan.filters,
            self._voice,
            sent_before=already,
            is_followed=plan.follows_outcomes,
            now=tools.now,
        )
        self._granted = 0
        self._is_resumed = past is not None
        self._followed = Followed()
        if plan.follows_outcomes:
            for sent in already:
                self._followed.add(sent)
        self._started_at = tools.monotonic()
        self.stopped_by: StoppedBy | None = None

    def _scan(self, **limits: int) -> Scan:
        tools, plan = self._tools, self._plan
        return Scan(
            tools.dlq,
            tools.webhooks,
            tools.normalise,
            limits=ScanLimits(visibility_s=plan.visibility_s, run_for_s=plan.run_for_s, wait_s=plan.wait_s, **limits),
            monotonic=tools.monotonic,
            stop=tools.stop,
            waits_for=self._say_hidden,
        )

    def _say_hidden(self, count: int) -> None:
        why = f"{count:,} are hidden by another reader: waiting for them"
        self._voice.say("hidden", webhook_id=None, reason=why)

    def step(self, size: int | None) -> None:
        """Send up to `size` messages (None: all), then, with a canary, wait for what became of them."""
        self._room, self._share = size, self._plan.portion_for(size)
        failed_before = self._followed.failed_again
        with ThreadPoolExecutor(self._plan.threads_for(size), thread_name_prefix="redrive") as pool:
            workers = [pool.submit(self._work) for _ in range(self._plan.threads_for(size))]
        for worker in workers:
            worker.result()
        self.stopped_by = self._why_stopped()
        if self.stopped_by in (StoppedBy.EMPTY, StoppedBy.REPEAT):
            self._unseen = self.scan.unseen()
        if self._plan.canary is not None and self._followed.waiting:
            self.await_outcomes()
            self._check_canary(failed_before)

    def await_outcomes(self) -> None:
        """Follow what was redriven to its end, as long as the plan allows."""
        ends = follow(
            self._followed,
            webhooks=self._tools.webhooks,
            returned=Returned(self._tools.dlq, self._scan, held=self.scan.held_ids, monotonic=self._tools.monotonic),
            timeout_s=self._plan.wait_for_s,
            monotonic=self._tools.monotonic,
            stop=self._tools.stop,
        )
        for end in ends:
            self._voice.say(end.outcome.value, webhook_id=end.webhook_id, reason=end.reason)

    def retry_deletes(self) -> None:
        """Delete once more what a batch call refused to delete; what still stays is deleted by a resume."""
        left, self._undeleted = self._undeleted, []
        self._delete(left)

    def report(self) -> RedriveReport:
        """Sum up the run."""
        return RedriveReport.of(
            self._voice.tally,
            plan=self._plan,
            followed=self._followed,
            stopped_by=self.stopped_by or StoppedBy.EMPTY,
            seen=self.scan.seen,
            unseen=self._unseen,
            undeleted=len(self._undeleted),
            seconds=self._tools.monotonic() - self._started_at,
        )

    def _work(self) -> None:
        """One thread: portion after portion, until the step has no room or the scan ends."""
        try:
            while self._has_room() and not self._tools.stop.is_set():
                letters = self._from_backlog() or self._judged(self.scan.next(self._portion()))
                if letters:
                    self._send_and_delete(letters)
                elif self.scan.end is not None:
                    return
        except BaseException:
            self._tools.stop.set()
            raise

    def _judged(self, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
        """Sort a portion: delete what is done, hold what is not meant or not safe; return what is to be sent."""
        done: list[DeadLetter] = []
        to_send: list[DeadLetter] = []
        held: list[DeadLetter] = []
        for letter in letters:
            verdict = self._judgement.of(letter)
            (to_send if verdict is Verdict.REDRIVE else done if verdict is Verdict.DELETE else held).append(letter)
        self.scan.hold(held)
        if self._plan.is_dry_run:
            self.scan.hold(done)
        else:
            self._delete([letter.message for letter in done])
        return to_send

    def _send_and_delete(self, letters: Sequence[DeadLetter]) -> None:
        granted = self._fixed(self._reserve(letters))
        if self._plan.is_dry_run:
            self.scan.hold(granted)
            for letter in granted:
                self._voice.count("would_redrive", letter)
            return
        sent: list[tuple[DeadLetter, Sent]] = []
        try:
            for batch in _batches(granted, self._plan.send_batch):
                sent += self._send(batch) if self._rate.acquire(len(batch)) else self._give_up(batch)
        finally:  # a call that fails after others took no effect back: what they sent is on record all the same
            if sent:
                self._record(sent)
        self._delete([letter.message for letter, _ in sent])

    def _fixed(self, letters: Sequence[DeadLetter]) -> Sequence[DeadLetter]:
        """Mend the payloads, where the plan says so; hold back what cannot be mended."""
        if self._tools.fix_up is None:
            return letters
        fixed = []
        for letter in letters:
            try:
                fixed.append(self._tools.fix_up(letter))
            except EditError as error:
                self.scan.hold([letter])
                self._voice.count("edit_failed", letter, reason=error.message)
        return fixed

    def _send(self, batch: Sequence[DeadLetter]) -> list[tuple[DeadLetter, Sent]]:
        """Send a batch; hold back what the queue refused, and return what it took."""
        outcome = self._tools.target.send([OutgoingMessage.again(letter) for letter in batch])
        taken = [letter for letter in batch if letter.message.message_id in outcome.done]
        refused = [letter for letter in batch if letter.message.message_id not in outcome.done]
        self.scan.hold(refused)
        for letter in refused:
            why = outcome.failed.get(letter.message.message_id, "the queue did not answer for it")
            self._voice.count("send_failed", letter, reason=why)
        return [(letter, Sent.of(letter, new_id=outcome.done[letter.message.message_id])) for letter in taken]

    def _give_up(self, batch: Sequence[DeadLetter]) -> list[tuple[DeadLetter, Sent]]:
        """Hold a batch whose turn did not come before the run was stopped: nothing of it goes."""
        self.scan.hold(batch)
        return []

    def _record(self, sent: Sequence[tuple[DeadLetter, Sent]]) -> None:
        """Put on the disk that these were sent. Only after that may they be deleted."""
        entries = [entry for _, entry in sent]
        self._judgement.sent(entries)
        if self._tools.journal is not None:
            self._tools.journal.sent(entries)
        if self._plan.follows_outcomes:
            with self._lock:
                for entry in entries:
                    self._followed.add(entry)
        for letter, _ in sent:
            self._voice.count("redriven", letter)

    def _delete(self, messages: Sequence[QueueMessage]) -> None:
        refused = self.scan.delete(messages)
        with self._lock:
            self._undeleted += refused

    def _reserve(self, letters: Sequence[DeadLetter]) -> Sequence[DeadLetter]:
        """Take as many as the step has room for; the rest waits, hidden, for the next step."""
        with self._lock:
            allowed = len(letters) if self._room is None else min(self._room, len(letters))
            if self._room is not None:
                self._room -= allowed
            self._granted += allowed
            self._backlog.extend(letters[allowed:])
        self.scan.hold(letters[allowed:])
        return letters[:allowed]

    def _from_backlog(self) -> list[DeadLetter]:
        with self._lock:
            most = _BACKLOG_PORTION if self._room is None else min(_BACKLOG_PORTION, self._room)
            letters = [self._backlog.popleft() for _ in range(min(most, len(self._backlog)))]
        self.scan.take(letters)
        return letters

    def _portion(self) -> int:
        """How many to receive at once: no more than the step has room for."""
        room = self._room
        return min(room, self._share) if room is not None and room > 0 else self._share

    def _has_room(self) -> bool:
        """Whether the step may send more. A resumed run goes on receiving regardless: it has messages to delete."""
        return self._room is None or self._room > 0 or self._is_resumed

    def _why_stopped(self) -> StoppedBy | None:
        if self._tools.stop.is_set():
            return StoppedBy.INTERRUPT
        if self._plan.limit is not None and self._granted >= self._plan.limit:
            return StoppedBy.MAX
        if self.scan.end is None or self._backlog:
            return None
        return StoppedBy(self.scan.end.value) if self.scan.end is not ScanEnd.STOPPED else StoppedBy.INTERRUPT

    def _check_canary(self, failed_before: int) -> None:
        canary = self._plan.canary
        if canary is None:
            return
        failed = self._followed.failed_again - failed_before
        if failed >= canary.stop_if_fail:
            self.stopped_by = StoppedBy.CANARY
        elif self._followed.waiting and not self._tools.stop.is_set():
            self.stopped_by = StoppedBy.CANARY_UNKNOWN


def _batches(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
