"""What a redrive works with."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from webhookctl.core.dlq.dead_letter import DeadLetter, Queue, Webhooks
from webhookctl.core.dlq.scan import Normalise
from webhookctl.core.redrive.journal import Journal
from webhookctl.core.redrive.report import Happening


@dataclass(frozen=True, slots=True, kw_only=True)
class Collaborators:
    """What a redrive works with. `happened` is called from several threads, one call at a time.

    `fix_up` mends a webhook's payload before it is sent; it raises EditError for one that it cannot mend.
    """

    dlq: Queue
    target: Queue
    webhooks: Webhooks
    normalise: Normalise
    journal: Journal | None
    happened: Callable[[Happening], None]
    now: Callable[[], datetime]
    fix_up: Callable[[DeadLetter], DeadLetter] | None = None
    monotonic: Callable[[], float] = time.monotonic
    stop: threading.Event = field(default_factory=threading.Event)
