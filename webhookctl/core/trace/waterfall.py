"""A trace as a picture of bars for a terminal of any width."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from webhookctl.core.logs import LogEvent
from webhookctl.core.trace.clock import span_of_time
from webhookctl.core.trace.tree import Span, TraceTree

Style = Callable[..., str]
"""`style(text, *names)` colours a text, or returns it as it is."""

_BLOCKS = " ▏▎▍▌▋▊▉█"
_BARS = {"wait": "░", "audit": "◆"}
_MARKS = {"fault": "✗", "error": "✗", "throttle": "✗"}
_COLOURS = {"fault": "red", "error": "red", "throttle": "yellow", "ok": "green"}
_KNOWN = frozenset({"webhook_id", "event_id", "event_type", "provider", "seq", "status"})
"""Annotations that the head tells once for all spans, or that an audit line tells."""
_REPEATED = frozenset(
    (
        *("time", "function", "environment", "type", "level", "traceId", "webhookId", "eventId", "eventType"),
        *("provider", "requestId", "messageId", "_aws"),
    )
)
"""Members that every log line of a trace repeats, or that tell a reader of the picture nothing."""
_LEAST_BARS, _LEAST_NAME, _TOOK = 16, 4, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """A trace that draws itself. `logs`: (whose, line) to be put between the spans by time."""

    trace: TraceTree
    logs: tuple[tuple[str, LogEvent], ...] = ()

    def draw(self, width: int, style: Style) -> Iterator[str]:
        """Yield the lines of the picture, none longer than `width`."""
        yield style(
            cut(f"{self.trace.webhook_id or 'no webhook'}  {self.trace.event_type or ''}".rstrip(), width), "bold"
        )
        yield from self.facts(width)
        yield ""
        yield from self.bars(width, style, label=self.label_width(width))

    def facts(self, width: int, *more: str) -> Iterator[str]:
        """Yield the trace's id, and what it comes to."""
        trace = self.trace
        told = [f"{trace.started_at:%Y-%m-%d %H:%M:%S} UTC", *more, span_of_time(trace.duration_s)]
        if trace.attempts:
            told.append(attempts(trace.attempts))
        if trace.outcome:
            told.append(trace.outcome)
        if trace.limit_exceeded:
            told.append("too large: parts are missing")
        yield cut(f"trace {trace.trace_id}", width)
        yield cut(" · ".join(told), width)

    def label_width(self, width: int) -> int:
        """Return how many columns the names take, of `width`."""
        longest = max((2 * span.depth + len(_title(span)) for span in self.trace.spans), default=10)
        return max(min(longest, (width - _TOOK - 5) // 2), 10)

    def bars(self, width: int, style: Style, *, label: int) -> Iterator[str]:
        """Yield the axis and below it the bars, after `label` columns of names."""
        room = max(width - label - _TOOK - 5, _LEAST_BARS)
        yield _axis(self.trace.duration_s, label, room)
        told = sorted(self.logs, key=lambda pair: pair[1].at)
        for span in self.trace.spans:
            before = [pair for pair in told if self._offset(pair[1]) < span.start_s]
            yield from (self._log_line(pair, width, style) for pair in before)
            told = told[len(before) :]
            yield _bar_line(span, self.trace.duration_s, label, room, style)
            annotations = _annotations(span)
            if annotations:
                yield cut(" " * (2 * span.depth + 4) + annotations, width)
        yield from (self._log_line(pair, width, style) for pair in told)

    def _offset(self, event: LogEvent) -> float:
        return (event.at - self.trace.started_at).total_seconds()

    def _log_line(self, pair: tuple[str, LogEvent], width: int, style: Style) -> str:
        whose, event = pair
        text = (
            f"    {span_of_time(max(self._offset(event), 0.0)):>8} {whose}: {compact(event.fields()) or event.message}"
        )
        return style(cut(text, width), "dim")


def compact(fields: Mapping[str, Any]) -> str:
    """Return a log line's members as `key=value`, without those that every line of a trace repeats."""
    return " ".join(f"{key}={value}" for key, value in fields.items() if key not in _REPEATED and value is not None)


def attempts(count: int) -> str:
    """Return the number of attempts in words."""
    return f"{count} attempt{'s' if count > 1 else ''}"


def _title(span: Span) -> str:
    return f"{span.name} [{span.note}]" if span.note else span.name


def _name(span: Span, label: int) -> str:
    """Return what stands before a bar: of a long name the end goes, not the mark that says what is odd."""
    indent = "  " * span.depth
    mark = _title(span)[len(span.name) :]
    return cut(indent + cut(span.name, max(label - len(indent) - len(mark), _LEAST_NAME)) + mark, label)


def _axis(duration_s: float, label: int, room: int) -> str:
    end = span_of_time(duration_s)
    return f"{'':{label + 3}}{'took':>{_TOOK}} 0{end:>{max(room - 1, len(end))}}"


def _bar_line(span: Span, duration_s: float, label: int, room: int, style: Style) -> str:
    name = _name(span, label)
    mark = _MARKS.get(span.result, " ")
    took = "" if span.kind == "audit" else span_of_time(span.took_s)
    bar = _bar(span, duration_s, room)
    colour = "dim" if span.kind == "wait" else "cyan" if span.kind == "audit" else _COLOURS.get(span.result, "green")
    left = f"{mark} {name:{label}} {took:>{_TOOK}} "
    return (style(left, "red") if span.result != "ok" else left) + style(bar, colour)


def _bar(span: Span, duration_s: float, room: int) -> str:
    total = duration_s or 1.0
    begin = min(span.start_s / total * room, room - 1 / 8)
    end = min(max(span.end_s / total * room, begin), room)
    if span.kind in _BARS:
        first = min(int(begin), room - 1)
        length = 1 if span.kind == "audit" else max(round(end) - first, 1)
        return " " * first + _BARS[span.kind] * min(length, room - first)
    first, last = int(begin), int(end)
    if last <= first:  # shorter than a column: an eighth at least
        return " " * first + _BLOCKS[min(max(round((end - begin) * 8), 1), 8)]
    return " " * first + "█" * (last - first) + _BLOCKS[round((end - last) * 8)].rstrip()


def _annotations(span: Span) -> str:
    shown = [f"{k}={v}" for k, v in span.annotations.items() if k not in _KNOWN and v != "recorded"]
    if span.status is not None and span.depth == 0:
        shown.insert(0, f"HTTP {span.status}")
    return " ".join(shown)


def cut(text: str, width: int) -> str:
    """Return a text that ends with an ellipsis where it is longer than `width`."""
    return text if len(text) <= width else text[: width - 1] + "…"
