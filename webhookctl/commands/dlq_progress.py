"""A redrive's talk: a line of progress on stderr, each happening on stdout under -o jsonl, and Ctrl-C."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from webhookctl.commands.interrupt import stopping
from webhookctl.console import Progress
from webhookctl.context import AppContext
from webhookctl.core.redrive.outcomes import Outcome
from webhookctl.core.redrive.report import Happening
from webhookctl.render import render

_EVERY_S: Final = 0.1
_MOVED: Final = frozenset({"redriven", "already_processed", "finished", "would_redrive"})


@dataclass(kw_only=True)
class Followed:
    """What the command is told while it runs; `stop` is set by the first Ctrl-C."""

    context: AppContext
    progress: Progress
    total: int
    stop: threading.Event
    moved: int = 0
    held_back: int = 0
    processed: int = 0
    failed_again: int = 0
    started_at: float = field(default_factory=time.monotonic)
    moved_at: float = 0.0
    shown_at: float = 0.0

    def happened(self, happening: Happening) -> None:
        """Take note of one happening."""
        if self.context.settings.output == "jsonl":
            render(happening, self.context.console, output="jsonl")
        now = time.monotonic()
        self._count(happening, now)
        if now - self.shown_at >= _EVERY_S:
            self.shown_at = now
            self.progress.update(self._line())

    def _count(self, happening: Happening, now: float) -> None:
        if happening.event in _MOVED:
            self.moved += 1
            self.moved_at = now
        elif happening.event == Outcome.PROCESSED:
            self.processed += 1
        elif happening.event == Outcome.FAILED_AGAIN:
            self.failed_again += 1
        elif happening.event == "hidden":
            self.context.console.say(happening.reason or "")
        elif happening.reason is not None:
            self.held_back += 1

    def _line(self) -> str:
        """Say how far it is. The rate is that of moving; the wait for outcomes does not lower it."""
        seconds = self.moved_at - self.started_at
        rate = self.moved / seconds if seconds > 0 else 0.0
        left = max(0, self.total - self.moved - self.held_back)
        remaining = f", {left / rate:.0f} s left" if rate > 0 and left else ""
        ended = f"; {self.processed:,} processed, {self.failed_again:,} failed again"
        is_followed = self.processed or self.failed_again
        return f"{self.moved:,} of about {self.total:,}, {rate:,.0f}/s{remaining}{ended if is_followed else ''}"


@contextmanager
def following(context: AppContext, label: str, *, total: int) -> Iterator[Followed]:
    """Show the progress of a redrive of about `total` messages.

    The first Ctrl-C lets the batch in hand finish, the second one ends the program at once.
    """
    with (
        context.console.progress(label) as progress,
        stopping(context.console, after="the batch in hand") as stop,
    ):
        yield Followed(context=context, progress=progress, total=total, stop=stop)
