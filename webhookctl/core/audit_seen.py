"""A set of strings that stays small in memory: beyond a bound it lives in a temporary file."""

import sqlite3
from types import TracebackType
from typing import Self

IN_MEMORY = 50_000


class SpillingSet:
    """Remembers strings exactly, however many. Use as a context manager; the file goes with it."""

    def __init__(self, *, in_memory: int = IN_MEMORY) -> None:
        self._bound = in_memory
        self._held: set[str] = set()
        self._file: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, text: str) -> bool:
        """Remember `text`; return whether it is new."""
        if text in self._held or self._is_on_disk(text):
            return False
        self._held.add(text)
        if len(self._held) >= self._bound:
            self._spill()
        return True

    def _is_on_disk(self, text: str) -> bool:
        if self._file is None:
            return False
        return self._file.execute("SELECT 1 FROM seen WHERE text = ?", (text,)).fetchone() is not None

    def _spill(self) -> None:
        if self._file is None:
            self._file = sqlite3.connect("", isolation_level=None)  # an empty name is a temporary file
            self._file.execute("PRAGMA journal_mode = OFF")
            self._file.execute("CREATE TABLE seen (text TEXT PRIMARY KEY) WITHOUT ROWID")
        self._file.execute("BEGIN")
        self._file.executemany("INSERT INTO seen VALUES (?)", ((text,) for text in sorted(self._held)))
        self._file.execute("COMMIT")
        self._held.clear()
