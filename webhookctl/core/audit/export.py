"""`audit export`: the records as JSON lines or CSV, one at a time."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from lambdas.shared.audit_record import CHAINED
from lambdas.shared.clock import iso, parse_iso
from webhookctl.core.audit.records import AuditFilter, AuditRecord
from webhookctl.core.logs import LogEvent
from webhookctl.core.operator_file import reading


class Format(StrEnum):
    """How a record is written."""

    JSONL = "jsonl"
    CSV = "csv"


_TIME = re.compile(r'"(?:changedAt|at)": ?(?:"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}Z)"|([0-9]{12,14}))')
_LOGGED = "loggedAt"
"""When the log took the line, as the export adds it: it stands first, and no seal covers it."""
_LOGGED_FIRST = re.compile(r'\{"loggedAt": ?"([0-9TZ:.-]{20,30})", ?')
_UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)

CSV_COLUMNS = (
    "type", "changedAt", "at", "change", "action", "outcome", *CHAINED, "principal", "previousStatus", "previousSeq",
    "isChained", "streamEventId", "lineId", "actionId", "recordedAt", "prevHash", "chainHash", "hmacKeyId", "hmac",
)  # fmt: skip
"""The columns of a CSV export; `at`, `action`, `outcome` and `principal` are those of operator lines."""


def export(found: Iterable[AuditRecord], *, form: Format) -> Iterator[str]:
    """Yield the lines of an export, without line ends. JSON lines are whole and hold the seal: they still verify."""
    if form is Format.JSONL:
        for record in found:
            told = {f"={name}" if name == _LOGGED else name: value for name, value in record.line.items()}
            line = {_LOGGED: iso(record.written_at), **told}
            yield json.dumps(line, separators=(",", ":"), ensure_ascii=True)
        return
    yield _row(CSV_COLUMNS)
    for record in found:
        yield _row(_cell(record.line.get(name)) for name in CSV_COLUMNS)


def _row(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def _cell(value: object) -> str:
    """Return a cell. A text that a spreadsheet would run as a formula is quoted (OWASP, CSV injection)."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return f"'{text}" if isinstance(value, str) and text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


class ExportedLog:
    """A JSONL export read as an audit log; a line's place in the file is its place in the log."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def lines(self, wanted: AuditFilter, *, start: datetime, end: datetime | None = None) -> Iterator[LogEvent]:
        """Yield the lines of a window. Raises NotFoundError, UsageError when the file can't be read."""
        del wanted  # only narrows
        for event in self._events(before=max(start, _UNKNOWN)):
            if start <= event.at and (end is None or event.at < end):
                yield event

    def ends_at(self) -> datetime | None:
        """Return the latest log time of any line, None when there is none. Raises UsageError as `lines` does."""
        return max((event.at for event in self._events(before=_UNKNOWN) if event.at != _UNKNOWN), default=None)

    def _events(self, *, before: datetime) -> Iterator[LogEvent]:
        with reading(self._path), self._path.open(encoding="utf-8") as file:
            for number, text in enumerate(file):
                event = _event(number, text.rstrip("\n"), before=before)
                before = event.at
                yield event


def _event(number: int, text: str, *, before: datetime) -> LogEvent:
    """Return a line as an event. Its time is the log's; the change's own where an older export does not tell that."""
    logged, line = _without_logged(text)
    at = _read(logged) or _changed_at(line) or before  # a line without a readable time is kept, and judged
    return LogEvent(at=at, group="", stream="", message=line, event_id=str(number))


def _without_logged(text: str) -> tuple[object, str]:
    """Return the log time that was added to a line, and the line as it was sealed."""
    first = _LOGGED_FIRST.match(text)
    if first is not None:
        return first[1], "{" + text[first.end() :]
    if f'"{_LOGGED}"' not in text:
        return None, text
    try:
        line = json.loads(text)  # another program has put the members into another order
        return line.pop(_LOGGED, None), json.dumps(line)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None, text


def _changed_at(line: str) -> datetime | None:
    told = _TIME.search(line)
    if told is None:
        return None
    return _read(told[1] or int(told[2]))


def _read(told: object) -> datetime | None:
    """Return a time that is told as text or in milliseconds, None for what is none."""
    try:
        if isinstance(told, int):
            return datetime.fromtimestamp(told / 1000, UTC)
        return parse_iso(told) if isinstance(told, str) else None
    except (ValueError, OverflowError, OSError):
        return None
