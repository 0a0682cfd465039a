"""One dead letter as operators see it: a row of `dlq list --each`, or the whole of `dlq show`."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from textwrap import shorten
from typing import Any, Final

from webhookctl.core.audit.records import AuditRecord
from webhookctl.core.dlq.content import MessageContent
from webhookctl.core.dlq.dead_letter import DeadLetter
from webhookctl.core.dlq.groups import Style, error_of
from webhookctl.core.logs import LogEvent
from webhookctl.core.money import Money
from webhookctl.core.trace.traces import TraceDocuments
from webhookctl.core.trace.tree import TraceTree, build
from webhookctl.core.trace.waterfall import Waterfall
from webhookctl.core.wrapped import labelled, to_second, wrapped

_IN_SHORT: Final = 150
"""Characters of a message's body in the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterRow:
    """A dead letter in short. `status` is the webhook's: PROCESSED means that only the message is left over.

    `message` is what the message holds where it has no webhook, else None.
    """

    webhook_id: str | None
    message_id: str
    provider: str | None
    event_type: str | None
    status: str | None
    payment_id: str | None
    amount: str | None
    fingerprint: str
    error: str
    attempts: int
    received_at: datetime | None
    sent_at: datetime
    receive_count: int
    trace_id: str | None
    message: MessageContent | None

    def draw(self, width: int, style: Style) -> Iterator[str]:
        """Yield the dead letter as a few lines of the width."""
        yield style(self.webhook_id or f"message {self.message_id}", "bold")
        told = [self.status and f"is {self.status}", self.event_type, self.amount]
        yield from wrapped(", ".join(filter(None, told)), width, indent=4)
        yield from wrapped(f"received {to_second(self.received_at or self.sent_at)}; {self.error}", width, indent=4)
        if self.message is not None:
            yield from wrapped(
                shorten(self.message.body, _IN_SHORT, placeholder=" …") or "an empty body", width, indent=4
            )


def row(letter: DeadLetter) -> DeadLetterRow:
    """Return the row of a dead letter."""
    webhook = letter.webhook
    fingerprint, error = error_of(letter)
    return DeadLetterRow(
        webhook_id=letter.message.webhook_id,
        message_id=letter.message.message_id,
        provider=webhook.provider if webhook is not None else None,
        event_type=webhook.event_type if webhook is not None else None,
        status=webhook.status.value if webhook is not None else None,
        payment_id=letter.event.payment_id if letter.event is not None else None,
        amount=_amount(letter),
        fingerprint=fingerprint,
        error=error,
        attempts=webhook.attempts if webhook is not None else 0,
        received_at=webhook.received_at if webhook is not None else None,
        sent_at=letter.message.sent_at,
        receive_count=letter.message.receive_count,
        trace_id=webhook.trace_id if webhook is not None else None,
        message=MessageContent.of(letter),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try of the processor, as its log line tells. `outcome`: `retried`, `failed` (the last one), `processed`."""

    at: str
    attempt: int | None
    outcome: str
    error: str | None
    trace_id: str | None
    duration_ms: int | None

    def draw(self, width: int, _style: Style) -> Iterator[str]:
        """Yield the try: when, the how many-th, what came of it, and why."""
        took = "" if self.duration_ms is None else f", {self.duration_ms:,} ms"
        yield from wrapped(f"{self.at}  try {self.attempt}: {self.outcome}{took}", width, indent=4)
        yield from wrapped(self.error or "", width, indent=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One audit record of the webhook, or of an operator about it."""

    at: datetime
    change: str
    status: str | None
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterView(DeadLetterRow):
    """A dead letter with what happened to it.

    `tries` come from the processor's log, `audit` from the audit log. `trace` is what X-Ray has of the trip; None where
    the webhook was not sampled.
    """

    tries: tuple[Attempt, ...]
    audit: tuple[Change, ...]
    trace: TraceTree | None

    def draw(self, width: int, style: Style) -> Iterator[str]:
        """Yield the whole story for a terminal of the width."""
        yield from labelled(self._head(), width)
        if self.message is not None:
            yield from ("", style("Message, card data blotted out", "bold"))
            yield from self.message.draw(width)
        yield from ("", style("Tries, from the processor's log", "bold"))
        for attempt in self.tries:
            yield from attempt.draw(width, style)
        if not self.tries:
            yield "    none there (any more)"
        yield from ("", style("Audit records", "bold"))
        for change in self.audit:
            status = f" {change.status}" if change.status else ""
            yield from wrapped(f"{to_second(change.at)}  {change.change}{status} by {change.actor}", width, indent=4)
        yield from ("", style("Trace", "bold"))
        if self.trace is None:
            yield from wrapped(f"{self.trace_id or 'no trace id'}: X-Ray has nothing of it", width, indent=4)
        else:
            yield from Waterfall(trace=self.trace).draw(width, style)

    def _head(self) -> list[tuple[str, str | None]]:
        received = None if self.received_at is None else to_second(self.received_at)
        return [
            ("Webhook", self.webhook_id),
            ("Event type", self.event_type),
            ("Status", self.status),
            ("Payment", self.payment_id),
            ("Amount", self.amount),
            ("Error", self.error),
            ("Fingerprint", self.fingerprint),
            ("Received", received),
            ("Attempts", str(self.attempts)),
            ("Message", self.message_id),
            ("Queued", to_second(self.sent_at)),
            ("Receive count", str(self.receive_count)),
        ]


def view(
    letter: DeadLetter,
    *,
    log: Iterable[LogEvent],
    trail: Iterable[AuditRecord],
    traces: Iterable[TraceDocuments],
) -> DeadLetterView:
    """Put together a dead letter, the processor's log lines, the audit records and the trace."""
    wanted = letter.message.webhook_id
    lines = (event.fields() for event in log)
    tries = tuple(_attempt(line) for line in lines if line.get("webhookId") == wanted and "attempt" in line)
    changes = tuple(Change(at=r.at, change=r.change, status=r.status, actor=r.actor) for r in trail)
    trace = next((build(documents) for documents in traces), None)
    short = row(letter)
    members = {member.name: getattr(short, member.name) for member in fields(short)}
    return DeadLetterView(**members, tries=tries, audit=changes, trace=trace)


def _attempt(line: Mapping[str, Any]) -> Attempt:
    error = f"{line['errorClass']}: {line.get('error', '')}" if "errorClass" in line else None
    return Attempt(
        at=str(line.get("time", "")),
        attempt=line.get("attempt"),
        outcome=str(line.get("outcome", "")),
        error=error,
        trace_id=line.get("traceId"),
        duration_ms=line.get("durationMs"),
    )


def _amount(letter: DeadLetter) -> str | None:
    event = letter.event
    if event is None or event.amount_minor is None or event.currency is None:
        return None
    return str(Money(amount_minor=event.amount_minor, currency=event.currency))
