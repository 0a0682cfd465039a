"""Broken lines that fit no gap of the webhook that they name, and the gaps of others: the id may be what was edited."""

import sqlite3
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Final, Self

from webhookctl.core.audit.findings import Finding, Gap, Kind, LineFacts
from webhookctl.core.audit.index import LINE_COLUMNS, line_of, line_values
from webhookctl.core.audit.matching import Prove, edited, forged, tells_its_chain

TRIED: Final = 32
"""So many of the gaps with a line's number are tried: those nearest to it in the log."""
_SCHEMA: Final = f"""
CREATE TABLE strays ({LINE_COLUMNS});
CREATE TABLE gaps (
    webhook TEXT, seq INTEGER, until INTEGER, chain BLOB, after INTEGER, before INTEGER, removal INTEGER,
    required INTEGER, may_come INTEGER, may_be_expiry INTEGER, kind TEXT, detail TEXT, place INTEGER
);
CREATE INDEX gap_places ON gaps (seq, place) WHERE until IS NULL;
CREATE INDEX gap_chains ON gaps (chain) WHERE chain != x'';
"""


class Leftovers:
    """What is left over of all webhooks, on disk. Use as a context manager."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)  # an empty name is a temporary file
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def add(self, webhook_id: str, gaps: Iterable[Gap], strays: Iterable[LineFacts]) -> None:
        """Take what is left over of a webhook."""
        self._insert("gaps", (_values(gap) for gap in gaps))
        self._insert("strays", (line_values(webhook_id, line) for line in strays))

    def findings(self, prove: Prove) -> Iterator[Finding]:
        """Yield what the leftovers come to."""
        for values in self._db.execute("SELECT * FROM strays ORDER BY position"):
            webhook_id, line = str(values[0]), line_of(values)
            number, gap = self._fitting(line, prove)
            if gap is None:
                yield forged(webhook_id, line.seq)
                continue
            self._db.execute("DELETE FROM gaps WHERE rowid = ?", (number,))
            yield from edited(gap, line, prove, told=f"; it names the webhook {webhook_id}")
        for values in self._db.execute("SELECT rowid, * FROM gaps WHERE required ORDER BY webhook, seq"):
            yield _gap(values).finding()

    def _insert(self, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
        for values in rows:
            self._db.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)  # noqa: S608 - ours

    def _fitting(self, line: LineFacts, prove: Prove) -> tuple[int, Gap | None]:
        for values in self._near(line):
            gap = _gap(values)
            if tells_its_chain(gap, line) or prove(line, {"webhookId": gap.webhook_id}):
                return values[0], gap
        return 0, None

    def _near(self, line: LineFacts) -> Iterator[tuple[Any, ...]]:
        """Yield a gap with the line's chain hash, then those with its number that are nearest to it in the log."""
        if line.chain:
            yield from self._db.execute(
                "SELECT rowid, * FROM gaps WHERE chain = ? AND chain != x'' AND until IS NULL"
                " AND (required OR may_come) LIMIT 1",
                (line.chain,),
            )
        nearest = "SELECT rowid, * FROM gaps WHERE seq = ? AND until IS NULL AND place {} ? ORDER BY place {} LIMIT ?"
        here = (line.seq, line.position, TRIED // 2)
        yield from self._db.execute(nearest.format("<=", "DESC"), here).fetchall()
        yield from self._db.execute(nearest.format(">", "ASC"), here).fetchall()


def _values(gap: Gap) -> tuple[Any, ...]:
    place = gap.after if gap.after >= 0 else gap.before
    return (
        gap.webhook_id, gap.seq, gap.until, gap.chain, gap.after, gap.before, gap.is_removal, gap.is_required,
        gap.may_come, gap.may_be_expiry, gap.kind.value, gap.detail, place,
    )  # fmt: skip


def _gap(values: tuple[Any, ...]) -> Gap:
    return Gap(
        webhook_id=values[1],
        seq=values[2],
        until=values[3],
        chain=values[4],
        after=values[5],
        before=values[6],
        is_removal=bool(values[7]),
        is_required=bool(values[8]),
        may_come=bool(values[9]),
        may_be_expiry=bool(values[10]),
        kind=Kind(values[11]),
        detail=values[12],
    )
