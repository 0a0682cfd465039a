"""What stays small in memory: beyond a bound it lives in a temporary file."""

import sqlite3
from types import TracebackType
from typing import Self


class Spilling:
    """Has a temporary database from the first need on. Use as a context manager; the file goes with it."""

    def __init__(self) -> None:
        self._file: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def _opened(self, table: str) -> sqlite3.Connection:
        """Return the database, at first with `table` (the text after CREATE TABLE)."""
        if self._file is None:
            self._file = sqlite3.connect("", isolation_level=None)  # an empty name is a temporary file
            self._file.execute("PRAGMA journal_mode = OFF")
            self._file.execute(f"CREATE TABLE {table} WITHOUT ROWID")
        return self._file


def storable(value: object) -> str:
    """Return a value as a text that SQLite can store, whatever stands in it: lone surrogates, as escapes."""
    return str(value).encode(errors="backslashreplace").decode()
