"""An audit log and a table side by side on disk, sorted by webhook: memory stays flat however long the log is."""

import sqlite3
from collections.abc import Iterator
from itertools import groupby
from types import TracebackType
from typing import Any, Self

from webhookctl.core.audit.findings import LineFacts, RowFacts
from webhookctl.core.audit.operators import OperatorFacts

LINE_COLUMNS = (
    "webhook TEXT, seq INTEGER, position INTEGER, at_ms INTEGER, genuine INTEGER, chained INTEGER, removal INTEGER,"
    " ttl INTEGER, chain BLOB, prev BLOB, whole INTEGER, changes BLOB, previous INTEGER, inserted INTEGER, event BLOB,"
    " expires INTEGER, written TEXT"
)
_SCHEMA = f"""
CREATE TABLE lines ({LINE_COLUMNS});
CREATE TABLE operator_lines (
    id TEXT, previous TEXT, digest BLOB, at_ms INTEGER, genuine INTEGER, own INTEGER, told TEXT
);
CREATE INDEX operator_ids ON operator_lines (id, genuine);
CREATE TABLE row_facts (
    webhook TEXT, seq INTEGER, intact INTEGER, recent INTEGER, chain BLOB, prev BLOB, expected INTEGER,
    operator INTEGER, received INTEGER
);
"""
_BATCH, _BATCH_BYTES = 2_000, 4 * 1024**2


class AuditIndex:
    """Takes lines and rows in any order; `webhooks()` gives them back together, by webhook id."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)  # an empty name is a temporary file
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.executescript(_SCHEMA)
        self._lines: list[tuple[Any, ...]] = []
        self._rows: list[tuple[Any, ...]] = []
        self._held = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def add_line(self, webhook_id: str, line: LineFacts) -> None:
        """Take a line."""
        self._lines.append(line_values(webhook_id, line))
        self._held += len(line.written)
        if len(self._lines) >= _BATCH or self._held >= _BATCH_BYTES:
            self._write()

    def add_row(self, webhook_id: str, row: RowFacts) -> None:
        """Take a row."""
        flags = row.is_intact, row.is_recent
        self._rows.append(
            (webhook_id, row.seq, *flags, row.chain, row.prev, row.is_expected, row.by_operator, row.received_ms)
        )
        if len(self._rows) >= _BATCH:
            self._write()

    def add_operator_line(self, line: OperatorFacts) -> None:
        """Take an operator's line."""
        values = (line.line_id, line.previous, line.digest, line.at_ms, line.is_genuine, line.has_own_id, line.told)
        self._db.execute("INSERT INTO operator_lines VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def operator_digests(self, *, until_ms: int) -> Iterator[bytes]:
        """Yield the hashes of the genuine operators' lines up to a log time, each once, in the order of the hashes."""
        query = "SELECT DISTINCT digest FROM operator_lines WHERE genuine AND at_ms <= ? ORDER BY digest"
        yield from (bytes(row[0]) for row in self._db.execute(query, (until_ms,)))

    def has_broken_lines(self) -> bool:
        """Say whether there is a line of a write whose seal does not hold."""
        self._write()
        return self._db.execute("SELECT 1 FROM lines WHERE NOT genuine LIMIT 1").fetchone() is not None

    def count_operator_lines(self) -> int:
        """Return the number of genuine operators' lines; one that was sealed twice counts once."""
        query = "SELECT count(DISTINCT id) FROM operator_lines WHERE genuine"
        return int(self._db.execute(query).fetchone()[0])

    def last_operator_line_ms(self) -> int:
        """Return the log time of the last genuine operators' line, 0 without one."""
        return int(self._db.execute("SELECT ifnull(max(at_ms), 0) FROM operator_lines WHERE genuine").fetchone()[0])

    def broken_operator_lines(self) -> Iterator[tuple[str, bool]]:
        """Yield (what it tells, whether it stands in a genuine line's place) of the lines whose seal does not hold."""
        query = (
            "SELECT told, own AND NOT EXISTS (SELECT 1 FROM operator_lines AS other WHERE other.id = line.id AND"
            " (other.genuine OR other.rowid < line.rowid)) FROM operator_lines AS line WHERE NOT genuine ORDER BY rowid"
        )
        yield from ((str(told), bool(replaces)) for told, replaces in self._db.execute(query))

    def operator_gaps(self, *, from_ms: int) -> Iterator[str]:
        """Yield what those genuine lines from a log time on tell that name a line before them which is not there."""
        query = (
            "SELECT told FROM operator_lines AS line WHERE genuine AND previous IS NOT NULL AND at_ms >= ?"
            " AND NOT EXISTS (SELECT 1 FROM operator_lines AS other"
            " WHERE other.id = line.previous AND (other.genuine OR other.own))"
            " GROUP BY previous ORDER BY min(rowid)"
        )
        yield from (str(row[0]) for row in self._db.execute(query, (from_ms,)))

    def webhooks(self) -> Iterator[tuple[str, list[LineFacts], RowFacts | None]]:
        """Yield every webhook that has lines or a row, in the order of ids."""
        self._write()
        lines = self._db.execute("SELECT * FROM lines ORDER BY webhook, position")
        rows = self._db.execute("SELECT * FROM row_facts ORDER BY webhook")
        row = rows.fetchone()
        for webhook_id, group in groupby(lines, key=lambda line: str(line[0])):
            while row is not None and row[0] < webhook_id:
                yield row[0], [], _row(row)
                row = rows.fetchone()
            own = row if row is not None and row[0] == webhook_id else None
            yield webhook_id, [line_of(line) for line in group], _row(own) if own else None
            row = rows.fetchone() if own else row
        while row is not None:
            yield row[0], [], _row(row)
            row = rows.fetchone()

    def last_states(self, *, until_ms: int) -> Iterator[tuple[str, int, bytes]]:
        """Yield (webhook id, seq, chain hash) of every webhook's last genuine line up to a log time, by webhook id.

        Of a row that came again after it expired: of the life with more writes, and of equal ones the later.
        """
        self._write()
        query = (
            "SELECT webhook, seq, chain, max((seq << 33) + position) FROM lines"
            " WHERE genuine AND chained AND NOT removal AND at_ms <= ? GROUP BY webhook ORDER BY webhook"
        )
        yield from ((str(w), int(seq), bytes(chain)) for w, seq, chain, _ in self._db.execute(query, (until_ms,)))

    def _write(self) -> None:
        self._insert("lines", self._lines)
        self._insert("row_facts", self._rows)
        self._lines, self._rows, self._held = [], [], 0

    def _insert(self, table: str, values: list[tuple[Any, ...]]) -> None:
        if values:
            marks = ", ".join("?" * len(values[0]))
            self._db.execute("BEGIN")
            self._db.executemany(f"INSERT INTO {table} VALUES ({marks})", values)  # noqa: S608 - a name of ours
            self._db.execute("COMMIT")


def line_values(webhook_id: str, line: LineFacts) -> tuple[Any, ...]:
    """Return a line as a row of `LINE_COLUMNS`."""
    return (
        webhook_id, line.seq, line.position, line.at_ms, line.is_genuine, line.is_chained, line.is_removal,
        line.by_ttl, line.chain, line.prev, line.is_whole, line.changes, line.previous, line.is_insert, line.event,
        line.expires, line.written,
    )  # fmt: skip


def line_of(values: tuple[Any, ...]) -> LineFacts:
    """Return the line of a row of `LINE_COLUMNS`."""
    return LineFacts(
        seq=values[1],
        position=values[2],
        at_ms=values[3],
        is_genuine=bool(values[4]),
        is_chained=bool(values[5]),
        is_removal=bool(values[6]),
        by_ttl=bool(values[7]),
        chain=values[8],
        prev=values[9],
        is_whole=bool(values[10]),
        changes=values[11],
        previous=values[12],
        is_insert=bool(values[13]),
        event=values[14],
        expires=values[15],
        written=values[16],
    )


def _row(values: tuple[Any, ...]) -> RowFacts:
    return RowFacts(
        seq=values[1],
        is_intact=bool(values[2]),
        is_recent=bool(values[3]),
        chain=values[4],
        prev=values[5],
        is_expected=bool(values[6]),
        by_operator=bool(values[7]),
        received_ms=values[8],
    )
