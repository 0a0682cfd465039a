"""All of a webhook's traces as one picture: the first delivery, the provider's retries, an operator's resend.

Hours may lie between them, so each has its own scale; the names stand in one column.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from webhookctl.core.trace.clock import span_of_time
from webhookctl.core.trace.waterfall import Style, Waterfall, attempts, cut
from webhookctl.core.wrapped import wrapped


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """A webhook's traces, oldest first. `notes` say which are missing, and why."""

    webhook_id: str
    outcome: str | None
    traces: tuple[Waterfall, ...]
    notes: tuple[str, ...] = ()

    def draw(self, width: int, style: Style) -> Iterator[str]:
        """Yield the lines of the picture, none longer than `width`."""
        yield from self.traces[0].draw(width, style) if len(self.traces) == 1 else self._all(width, style)
        if self.notes:
            yield ""
        for note in self.notes:
            yield from (style(line, "yellow") for line in wrapped(f"note: {note}", width))

    def _all(self, width: int, style: Style) -> Iterator[str]:
        first = self.traces[0].trace
        event_type = next((w.trace.event_type for w in self.traces if w.trace.event_type), "")
        told = [f"{len(self.traces)} traces, from {first.started_at:%Y-%m-%d %H:%M:%S} UTC"]
        tried = sum(waterfall.trace.attempts for waterfall in self.traces)
        told += [attempts(tried)] if tried else []
        told += [self.outcome] if self.outcome else []
        yield style(cut(f"{self.webhook_id}  {event_type}".rstrip(), width), "bold")
        yield cut(" · ".join(told), width)
        label = max(waterfall.label_width(width) for waterfall in self.traces)
        for waterfall in self.traces:
            later = (waterfall.trace.started_at - first.started_at).total_seconds()
            yield ""
            yield from waterfall.facts(width, *([f"{span_of_time(later)} later"] if later else []))
            yield from waterfall.bars(width, style, label=label)
