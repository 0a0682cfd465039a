"""Redriven webhooks that came back into the dead-letter queue without a failure on record.

A processor that dies (out of memory, out of time) writes no FAILED: only the message tells. SQS keeps a message's id on
its way into the dead-letter queue, so the one that was sent is told from any other of the same webhook.
"""

from collections.abc import Callable, Iterable
from typing import Final

from webhookctl.core.dlq.dead_letter import Queue
from webhookctl.core.dlq.scan import Scan
from webhookctl.core.redrive.journal import Sent

_FIRST_LOOK_S: Final = 5.0
"""Nothing that was just sent is back sooner; what was sent first may be back before the following began."""


class Returned:
    """Looks for what came back.

    `scan` starts a pass over the dead-letter queue. `held` names the messages that the redrive itself hides: another
    pass cannot see them.
    """

    def __init__(
        self, dlq: Queue, scan: Callable[[], Scan], *, held: Callable[[], set[str]], monotonic: Callable[[], float]
    ) -> None:
        self._dlq = dlq
        self._scan = scan
        self._held = held
        self._monotonic = monotonic
        self._look_at: float | None = monotonic() + _FIRST_LOOK_S
        self._depth = dlq.depth().held

    def among(self, waiting: Iterable[Sent], *, is_last: bool) -> set[str]:
        """Return the webhooks of these whose message is back. Raises WebhookctlError.

        Looking means receiving: it is done once after some seconds, when the queue's own, approximate count has grown,
        and the last time.
        """
        awaited = {sent.new_id: sent.webhook_id for sent in waiting if sent.new_id}
        found = {awaited.pop(message_id) for message_id in awaited.keys() & self._held()}
        if self._is_due() or is_last:
            with self._scan() as scan:
                while awaited and scan.end is None:
                    letters = scan.next()
                    scan.hold(letters)
                    ids = {letter.message.message_id for letter in letters}
                    found |= {awaited.pop(message_id) for message_id in ids & awaited.keys()}
        return found

    def _is_due(self) -> bool:
        before, self._depth = self._depth, self._dlq.depth().held
        is_first = self._look_at is not None and self._monotonic() >= self._look_at
        if is_first:
            self._look_at = None
        return is_first or self._depth > before
