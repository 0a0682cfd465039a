"""What is to be done with each dead letter of a redrive: the filter, what an earlier run did, and the guard."""

import threading
from collections.abc import Callable, Iterable
from datetime import datetime

from webhookctl.core.dlq.dead_letter import DeadLetter
from webhookctl.core.dlq.filter import DeadLetterFilter
from webhookctl.core.redrive.guard import REASONS, Guard, Verdict
from webhookctl.core.redrive.journal import Sent
from webhookctl.core.redrive.report import Voice


class Judgement:
    """Judges the dead letters of one redrive, and tells of each that is not to be sent.

    `sent_before`: what an interrupted run of the same redrive sent; those messages are only deleted. `is_followed`: the
    ends of what is sent are followed, and told there.
    """

    def __init__(
        self,
        guard: Guard,
        filters: DeadLetterFilter,
        voice: Voice,
        *,
        sent_before: Iterable[Sent],
        is_followed: bool,
        now: Callable[[], datetime],
    ) -> None:
        self._guard = guard
        self._filters = filters
        self._voice = voice
        self._now = now
        self._lock = threading.Lock()
        earlier = list(sent_before)
        self._sent_before = {sent.message_id for sent in earlier}
        self._claimed = {sent.webhook_id for sent in earlier}
        self._own = {sent.new_id for sent in earlier}
        self._is_followed = is_followed

    def sent(self, entries: Iterable[Sent]) -> None:
        """Take note of what the redrive sent: one of these that turns up has failed again."""
        with self._lock:
            self._own |= {sent.new_id for sent in entries}

    def of(self, letter: DeadLetter) -> Verdict | None:
        """Judge one letter; None: the filter does not mean it."""
        message = letter.message
        if message.message_id in self._sent_before:
            self._voice.count("finished", letter)
            return Verdict.DELETE
        if message.message_id in self._own:
            return self._came_back(letter)
        if not self._filters.matches(letter):
            self._voice.tally.count("unmatched")
            return None
        verdict = self._guard.judge(letter, now=self._now())
        if verdict is Verdict.REDRIVE and not self._claim(message.webhook_id or ""):
            verdict = Verdict.IN_FLIGHT
        if verdict is not Verdict.REDRIVE:
            self._voice.count(verdict.value, letter, reason=REASONS[verdict])
        return verdict

    def _came_back(self, letter: DeadLetter) -> Verdict:
        self._voice.tally.count(Verdict.CAME_BACK)
        if not self._is_followed:
            reason = REASONS[Verdict.CAME_BACK]
            self._voice.count("failed_again", letter, reason=reason)
        return Verdict.CAME_BACK

    def _claim(self, webhook_id: str) -> bool:
        """Take a webhook for this redrive, once: one that failed again, or has a second dead letter, is left alone."""
        with self._lock:
            is_new = webhook_id not in self._claimed
            self._claimed.add(webhook_id)
        return is_new
