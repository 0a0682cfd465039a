"""Log lines as an operator reads them: merged by time, without the platform's noise, JSON laid out."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from webhookctl.core.logs import LogEvent

_PLATFORM = ("START RequestId:", "END RequestId:", "REPORT RequestId:", "INIT_START ")
"""How the Lambda service's own lines begin."""
_METRIC = "metric"
_TOLD = frozenset(
    {
        *("time", "function", "environment", "level", "_aws", "type"),
        *("timestamp", "formatVersion", "webaclId", "httpSourceName", "httpSourceId", "terminatingRuleType"),
    }
)
"""Members that the line's head tells already, or that say nothing to a reader; the second row is the firewall's."""
_PROOF = frozenset(
    {"v", "streamEventId", "prevHash", "chainHash", "hmac", "hmacKeyId", "bodySha256", "previous", "eventCreatedAt"}
)
"""Members of audit lines that `audit verify` reads; `-o jsonl` prints them."""
_EMPTY: tuple[object, ...] = (None, "", [], {})
_COLOURS = {"receiver": "cyan", "processor": "green", "audit": "yellow", "api": "bold", "waf": "red"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line. `fields` are the members of a JSON line, empty for any other."""

    TABLE: ClassVar = ("at", "source", "message")
    at: datetime
    source: str
    message: str
    fields: Mapping[str, Any]

    def draw(self, width: int, style: Callable[..., str]) -> Iterator[str]:
        """Yield the line for a terminal, however long: `time source LEVEL key=value ...`."""
        del width
        level = str(self.fields.get("level", "INFO"))
        told = {k: v for k, v in self.fields.items() if k not in _TOLD | _PROOF and v not in _EMPTY}
        text = " ".join(f"{style(key, 'dim')}={_shown(value)}" for key, value in told.items()) or self.message
        mark = "" if level == "INFO" else style(f"{level} ", "red" if level == "ERROR" else "yellow")
        head = f"{self.at:%H:%M:%S}.{self.at.microsecond // 1000:03d} "
        yield head + style(f"{self.source:<9}", _COLOURS.get(self.source, "bold")) + f" {mark}{text}"


def lines(
    events: Iterable[LogEvent], sources: Mapping[str, str], *, grep: str | None = None, platform: bool = False
) -> Iterator[Line]:
    """Yield the lines of log groups (group -> whose) that hold `grep`.

    `platform`: with the Lambda service's own, and those that carry nothing but metrics.
    """
    for event in events:
        if grep is not None and grep not in event.message:
            continue
        fields = event.fields()
        is_noise = event.message.startswith(_PLATFORM) or fields.get("type") == _METRIC
        if platform or not is_noise:
            yield Line(at=event.at, source=sources[event.group], message=event.message, fields=fields)


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
