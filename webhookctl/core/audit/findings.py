"""What can be wrong with an audit log or its table, and what judging needs to know of lines and rows."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

END: Final = 2**62
"""A place in the log behind all lines."""


class Kind(StrEnum):
    """The kinds of findings."""

    EDITED_LINE = "edited_line"
    MISSING_LINE = "missing_line"
    FORGED_LINE = "forged_line"
    REORDERED_LINE = "reordered_line"
    CHANGED_ROW = "row_changed_without_record"
    DELETED_ROW = "row_deleted"
    CHECKPOINT = "checkpoint_mismatch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that does not fit. `seq` is the write of the webhook that it concerns."""

    TABLE: ClassVar = ("finding", "webhook_id", "seq", "detail")
    finding: Kind
    webhook_id: str
    seq: int | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFacts:
    """What judging needs of a line. `position` is its place in the log; `at_ms` its log time.

    `is_genuine`: its seal holds; `written` is the text of a line whose seal does not. `is_chained`: the audit logger
    saw its chain hash fit the state, and the write raise `seq` by one. `event` is the stream record's id. `previous` is
    the write that this one came after: 0 of a first one, its own of a removal, None when no number is told.
    `changes`: what it tells of the state, the whole of it with `is_whole`, as JSON; empty when unknown. `expires`: when
    the row expires by it, as Unix time. `prev` is known of whole lines.
    """

    seq: int
    position: int
    at_ms: int
    is_genuine: bool
    is_chained: bool
    is_removal: bool
    by_ttl: bool
    chain: bytes
    prev: bytes
    is_whole: bool
    changes: bytes
    previous: int | None
    is_insert: bool
    event: bytes
    expires: int | None = None
    written: str = ""
    first_position: int | None = None

    @property
    def stands_first(self) -> int:
        """Its first place in the log, where it was delivered more than once."""
        return self.position if self.first_position is None else self.first_position


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFacts:
    """What judging needs of a row. `is_intact`: chain hash and body hash fit. `is_recent`: its line may still come.

    `received_ms`: its first write's time by itself, 0 when it tells none.
    `is_expected`: its last change lies in the window that is read, so that there must be a line of it. `by_operator`:
    an operator made its last change, of which the row does not say when it was.
    """

    seq: int
    is_intact: bool
    is_expected: bool
    is_recent: bool
    chain: bytes
    prev: bytes
    by_operator: bool = False
    received_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What was read. `whole_log`: from its beginning, so that first writes must be there.

    `rows_read_at_ms`: lines after it may tell of changes that the rows don't show yet. `expired_before_s`: a row that
    expired later may have gone without its line having come yet. `log_begins_ms`: what is older the log group no longer
    keeps; 0 when it has kept all.
    """

    whole_log: bool
    rows_read_at_ms: int
    expired_before_s: float = 0
    log_begins_ms: int = 0

    def holds_all_of(self, row: RowFacts | None) -> bool:
        """Say whether the log as it was read must hold every line of a row's first life; None is a row that is gone."""
        received_ms = row.received_ms if row is not None else 0
        return self.whole_log and self.log_begins_ms <= received_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A write, or a row's removal, without a genuine line; with `until` also all writes from `seq` up to that one.

    A line that does not hold and fits here counts as this one, edited. Where none does, `kind` and `detail` are the
    finding, if the gap `is_required`; one that is not may have its line outside of what was read, or (`may_come`) its
    line may still come. `chain` is its chain hash, where that is known. Its place in the log is between `after` and
    `before`. A removal that `may_be_expiry` is not of a row that was to stay for longer.
    """

    webhook_id: str
    seq: int
    until: int | None = None
    chain: bytes = b""
    after: int = -1
    before: int = END
    is_removal: bool = False
    is_required: bool = True
    may_come: bool = False
    may_be_expiry: bool = True
    kind: Kind = Kind.MISSING_LINE
    detail: str = "no line tells of this write"

    def finding(self) -> Finding:
        """Return the finding that it is when no line fits."""
        return Finding(finding=self.kind, webhook_id=self.webhook_id, seq=self.seq, detail=self.detail)
