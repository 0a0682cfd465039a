"""Segments on disk: SQLite in WAL mode, so that traces survive restarts and even a SIGKILL of the process.

Bounded: traces are dropped after `RETENTION_S` as on AWS, and the oldest ones earlier when the file would outgrow
`max_bytes`. Safe to use from several threads; every call is one short transaction.
"""

import json
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webhookctl.local.xray.compile import compile_trace
from webhookctl.local.xray.view import TraceView

RETENTION_S = 30 * 24 * 3600
"""X-Ray keeps traces for 30 days (X-Ray FAQ)."""
MAX_DOCUMENT_BYTES = 64 * 1024
"""The longest segment document (X-Ray developer guide, "Segment documents")."""
MAX_TRACE_BYTES = 500 * 1024
"""BatchGetTraces says LimitExceeded above this (X-Ray quotas)."""
MAX_STORE_BYTES = 256 * 1024 * 1024

_TRACE_ID = re.compile(r"1-([0-9a-f]{8})-[0-9a-f]{24}")
_SEGMENT_ID = re.compile(r"[0-9a-f]{16}")
_PRUNE_EVERY = 500

_SCHEMA = """
CREATE TABLE IF NOT EXISTS traces (
    trace_id TEXT PRIMARY KEY, started INTEGER NOT NULL, first REAL NOT NULL, last REAL NOT NULL,
    revision INTEGER NOT NULL, bytes INTEGER NOT NULL, view TEXT
);
CREATE INDEX IF NOT EXISTS traces_started ON traces (started, trace_id);
CREATE INDEX IF NOT EXISTS traces_last ON traces (last);
CREATE TABLE IF NOT EXISTS segments (
    trace_id TEXT NOT NULL, id TEXT NOT NULL, in_progress INTEGER NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (trace_id, id)
);
"""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A document that was not stored, as PutTraceSegments reports it."""

    id: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class StoredTrace:
    """The documents of a trace, each as it was sent. `limit_exceeded`: documents beyond the size limit are left out."""

    trace_id: str
    documents: tuple[dict[str, Any], ...]
    limit_exceeded: bool = False


class TraceStore:
    """All traces of a local environment."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_STORE_BYTES, clock: Callable[[], float] = time.time) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._max_bytes = max_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._puts = 0
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Finish; everything put before is on disk."""
        with self._lock:
            self._db.close()

    def put(self, documents: Iterable[str]) -> list[Rejected]:
        """Store segment documents (JSON texts); return those that are not valid. A complete one is never undone."""
        rejected: list[Rejected] = []
        with self._lock, self._db:
            for text in documents:
                document = _checked(text)
                if isinstance(document, Rejected):
                    rejected.append(document)
                else:
                    self._put(document, text)
                    self._puts += 1
            if self._puts >= _PRUNE_EVERY:
                self._puts = 0
                self._prune()
        return rejected

    def _put(self, document: dict[str, Any], text: str) -> None:
        trace_id, start = document["trace_id"], float(document["start_time"])
        end = float(document.get("end_time") or start)
        self._db.execute(
            "INSERT INTO segments VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET document = excluded.document,"
            " in_progress = excluded.in_progress WHERE excluded.in_progress <= segments.in_progress",
            (trace_id, document["id"], int(bool(document.get("in_progress"))), text),
        )
        self._db.execute(
            "INSERT INTO traces VALUES (?, ?, ?, ?, 1, ?, NULL) ON CONFLICT DO UPDATE SET view = NULL,"
            " first = min(first, excluded.first), last = max(last, excluded.last), revision = revision + 1,"
            " bytes = bytes + excluded.bytes",
            (trace_id, _started(trace_id), start, end, len(text)),
        )

    def _prune(self) -> None:
        self._delete("started < ?", (self._clock() - RETENTION_S,))
        while self._used() > self._max_bytes:
            row = self._db.execute("SELECT count(*) FROM traces").fetchone()
            oldest = "trace_id IN (SELECT trace_id FROM traces ORDER BY started, trace_id LIMIT ?)"
            self._delete(oldest, (max(int(row[0]) // 10, 1),))
            if not row[0]:
                break

    def _delete(self, where: str, values: tuple[float, ...]) -> None:
        chosen = f"SELECT trace_id FROM traces WHERE {where}"  # noqa: S608 - `where` is a literal of this class
        self._db.execute(f"DELETE FROM segments WHERE trace_id IN ({chosen})", values)  # noqa: S608
        self._db.execute(f"DELETE FROM traces WHERE {where}", values)  # noqa: S608

    def _used(self) -> int:
        pages, free, size = (
            int(self._db.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size

    def get(self, trace_id: str) -> StoredTrace | None:
        """Return the documents of a trace, None when it is not known."""
        with (
            self._lock,
            closing(
                self._db.execute("SELECT document FROM segments WHERE trace_id = ? ORDER BY id", (trace_id,))
            ) as cursor,
        ):
            texts = [str(row[0]) for row in cursor]
        kept, size = [], 0
        for text in texts:
            size += len(text)
            if size <= MAX_TRACE_BYTES:
                kept.append(json.loads(text))
        return StoredTrace(trace_id, tuple(kept), limit_exceeded=size > MAX_TRACE_BYTES) if texts else None

    def view(self, trace_id: str) -> TraceView | None:
        """Return the compiled view of a trace, compiling it when segments came since."""
        with self._lock:
            row = self._db.execute("SELECT revision, view FROM traces WHERE trace_id = ?", (trace_id,)).fetchone()
        if row is None:
            return None
        if row[1] is not None:
            return TraceView.from_json(json.loads(row[1]))
        stored = self.get(trace_id)
        view = compile_trace(trace_id, stored.documents if stored else (), revision=int(row[0]))
        with self._lock, self._db:
            self._db.execute(
                "UPDATE traces SET view = ? WHERE trace_id = ? AND revision = ?",
                (json.dumps(view.to_json()), trace_id, row[0]),
            )
        return view

    def trace_ids(
        self, start: float, end: float, *, by_event: bool = False, before: tuple[int, str] | None = None
    ) -> Iterator[tuple[int, str]]:
        """Yield (start in whole epoch seconds, id), newest first, of the traces in [start, end).

        `by_event`: the traces that were active then, whenever they began. `before`: continue behind this one.
        """
        where = "first < ? AND last >= ?" if by_event else "started < ? AND started >= ?"
        begin = float(int(start)) if not by_event else start
        query = (
            f"SELECT started, trace_id FROM traces WHERE {where}"  # noqa: S608 - a literal of this function
            " AND (started, trace_id) < (?, ?) ORDER BY started DESC, trace_id DESC LIMIT 500"
        )
        at = before or (2**62, "")
        while True:
            with self._lock:
                rows = self._db.execute(query, (end, begin, *at)).fetchall()
            for row in rows:
                at = (int(row[0]), str(row[1]))
                yield at
            if not rows:
                return


def _checked(text: str) -> dict[str, Any] | Rejected:
    """Return a valid document, or why it is not one."""
    if len(text.encode()) > MAX_DOCUMENT_BYTES:
        return Rejected("", "SizeLimitExceeded", "the segment document is longer than 64 kB")
    try:
        document = json.loads(text)
    except ValueError:
        return Rejected("", "ParseError", "the segment document is not JSON")
    if not isinstance(document, dict):
        return Rejected("", "ParseError", "the segment document is not an object")
    fault = next((f"Invalid segment: {name} is missing or malformed" for name in _faults(document)), None)
    return Rejected(str(document.get("id", "")), "MissingOrInvalid", fault) if fault else document


def _faults(document: dict[str, Any]) -> Iterator[str]:
    if not _TRACE_ID.fullmatch(str(document.get("trace_id"))):
        yield "trace_id"
    if not _SEGMENT_ID.fullmatch(str(document.get("id"))):
        yield "id"
    if not isinstance(document.get("name"), str):
        yield "name"
    if not isinstance(document.get("start_time"), int | float):
        yield "start_time"
    if not (isinstance(document.get("end_time"), int | float) or document.get("in_progress")):
        yield "end_time"


def _started(trace_id: str) -> int:
    match = _TRACE_ID.fullmatch(trace_id)
    return int(match.group(1), 16) if match else 0
