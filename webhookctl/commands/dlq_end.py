"""How a redrive ends for the operator: the report, the exit code, and the command that goes on."""

import shlex
from dataclasses import dataclass
from pathlib import Path

import typer

from webhookctl.context import AppContext
from webhookctl.core.redrive.plan import RedrivePlan
from webhookctl.core.redrive.report import RedriveReport, StoppedBy
from webhookctl.errors import INTERRUPTED_EXIT_CODE, PartialError, WaitTimeoutError, WebhookctlError
from webhookctl.render import render


@dataclass(frozen=True, slots=True)
class Ending:
    """Tells how one redrive ended. A dry run keeps no journal: there is nothing to go on with."""

    app: AppContext
    plan: RedrivePlan
    journal: Path

    def say_where_the_journal_is(self) -> None:
        """Tell it before anything happens: a run that is killed tells nothing any more."""
        if not self.plan.is_dry_run:
            self.app.console.say(f"journal: {self.journal.absolute()}")

    def add_way_on(self, error: WebhookctlError, *, moved: int) -> None:
        """Tell how far a redrive came that an error ended, and put into the error how to go on."""
        self.app.console.say(f"{moved:,} moved before that")
        if not self.plan.is_dry_run and self.journal.exists():
            error.hint = "; then ".join(filter(None, [error.hint, f"go on with: {self._resume}"]))

    def conclude(self, report: RedriveReport) -> None:
        """Print the report. Raises what turns it into the exit code."""
        console = self.app.console
        render(report, console, output=self.app.settings.output)
        if report.seen and report.unmatched == report.seen:
            console.warn(f"none of the {report.seen:,} seen is meant by the filter ({self.plan.words()})")
        if report.stopped_by is StoppedBy.INTERRUPT:
            console.warn("interrupted" if report.is_dry_run else f"interrupted; go on with: {self._resume}")
            raise typer.Exit(INTERRUPTED_EXIT_CODE)
        if report.is_partial:
            raise PartialError(_what_failed(report), hint=self._next(report))
        if report.is_timed_out:
            raise WaitTimeoutError(_what_is_open(report), hint=self._next(report))

    @property
    def _resume(self) -> str:
        path = shlex.quote(str(self.journal.absolute()))
        return f"webhookctl dlq redrive --env {self.app.environment} --journal {path} --resume"

    def _next(self, report: RedriveReport) -> str:
        listing = f"webhookctl dlq list --env {self.app.environment}"
        if report.is_dry_run:
            return f"{listing}; nothing was changed"
        if report.stopped_by is StoppedBy.CANARY:
            return f"{listing}; then go on with: {self._resume}"
        is_left = report.undeleted or report.send_failed or report.is_timed_out
        return self._resume if is_left else listing


def _what_failed(report: RedriveReport) -> str:
    stopped = "the canary stopped the redrive: " if report.stopped_by is StoppedBy.CANARY else ""
    counts = {
        "failed again": report.failed_again,
        "could not be sent": report.send_failed,
        "could not be fixed up": report.edit_failed,
        "sent but not deleted": report.undeleted,
    }
    return stopped + ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)


def _what_is_open(report: RedriveReport) -> str:
    if report.waiting:
        return f"{report.waiting:,} redriven webhooks have not come to an end in time"
    if report.unseen:
        return (
            f"{report.unseen:,} not seen: hidden by another reader (they come back when it ends), or come in just now"
        )
    if report.stopped_by is StoppedBy.REPEAT:
        return "the queue gave nothing but what was seen before: it cannot be hidden for long enough"
    return "the deadline came before the end of the queue"
