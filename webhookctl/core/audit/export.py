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
from lambdas.shared.clock import parse_iso
from webhookctl.core.audit.records import AuditFilter, AuditRecord
from webhookctl.core.logs import LogEvent
from webhookctl.errors import UsageError


class Format(StrEnum):
    """How a record is written."""

    JSONL = "jsonl"
    CSV = "csv"


_TIME = re.compile(r'"(?:changedAt|at)": ?(?:"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}Z)"|([0-9]{12,14}))')
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
            yield json.dumps(record.line, separators=(",", ":"), ensure_ascii=True)
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
        """Yield the lines of a window. Raises UsageError when the file can't be read."""
        del wanted  # only narrows
        try:
            with self._path.open(encoding="utf-8") as file:
                before = max(start, _UNKNOWN)
                for number, text in enumerate(file):
                    event = _event(number, text, before=before)
                    before = event.at
                    if start <= event.at and (end is None or event.at < end):
                        yield event
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{self._path} can't be read: {error}") from error


def _event(number: int, text: str, *, before: datetime) -> LogEvent:
    """Return a line as an event; its time is the change's own, found without parsing the line."""
    told = _TIME.search(text)
    return LogEvent(
        at=_moment(told, before=before), group="", stream="", message=text.rstrip("\n"), event_id=str(number)
    )


def _moment(told: re.Match[str] | None, *, before: datetime) -> datetime:
    """Return the time that a line tells; a line without a readable one is kept, at the time of the line before it."""
    if told is None:
        return before
    try:
        return parse_iso(told[1]) if told[1] else datetime.fromtimestamp(int(told[2]) / 1000, UTC)
    except (ValueError, OverflowError):
        return before
