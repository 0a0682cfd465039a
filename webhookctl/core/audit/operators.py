"""What is wrong with operators' lines: their seals, and the lines that the next ones of the same run name."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol

from lambdas.shared.audit_record import AuditKey, canonical, is_genuine
from lambdas.shared.operator_line import is_own_id, line_id
from webhookctl.core.audit.findings import Finding, Kind
from webhookctl.core.audit.spilling import storable

PLACE: Final = "operators"
"""What findings name in place of a webhook."""
LONGEST_RUN: Final = timedelta(days=1)
"""No run of the command line goes on for longer."""
_LONGEST: Final = 60
_ADDED: Final = ("type", "v", "lineId", "recordedAt", "actor", "environment", "hmac", "hmacKeyId")
"""What the audit logger adds to what it was told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorFacts:
    """What judging needs of an operator's line. `has_own_id`: the audit logger gave its id, to this or another line.

    `previous` is the id of the line that the same run of the command line had sealed before.
    """

    line_id: str
    previous: str | None
    digest: bytes
    at_ms: int
    is_genuine: bool
    has_own_id: bool
    told: str

    @classmethod
    def of(cls, line: Mapping[str, Any], keys: Sequence[AuditKey], *, at_ms: int) -> "OperatorFacts":
        """Read a line."""
        previous = line.get("previousLine")
        genuine = is_genuine(line, keys)
        own = None if genuine else _true_id(line, keys)
        return cls(
            line_id=own or storable(line.get("lineId", "")),
            previous=None if previous is None else storable(previous),
            digest=_digest(line),
            at_ms=at_ms,
            is_genuine=genuine,
            has_own_id=genuine or own is not None or is_own_id(line.get("lineId"), keys),
            told=" ".join(_shown(line.get(name)) for name in ("action", "actionId", "outcome")),
        )


def _true_id(line: Mapping[str, Any], keys: Sequence[AuditKey]) -> str | None:
    """Return the id of a line of which nothing but the id was edited, None of another one."""
    recorded = {name: value for name, value in line.items() if name not in _ADDED}
    for key in keys:
        try:
            own = line_id(recorded, key)
        except (TypeError, ValueError, RecursionError):  # what no line of ours holds
            return None
        if is_genuine({**line, "lineId": own}, keys):
            return own
    return None


def _digest(line: Mapping[str, Any]) -> bytes:
    try:
        text = canonical(line)
    except (TypeError, ValueError, RecursionError):  # no line of ours; it needs a digest of its own all the same
        text = repr(sorted(line)).encode(errors="backslashreplace")
    return hashlib.sha256(text).digest()


class OperatorLines(Protocol):
    """All operators' lines of a log."""

    def broken_operator_lines(self) -> Iterator[tuple[str, bool]]:
        """Yield (what it tells, whether it stands in a genuine line's place) of the lines whose seal does not hold."""
        ...

    def operator_gaps(self, *, from_ms: int) -> Iterator[str]:
        """Yield what those genuine lines from a log time on tell that name a line before them which is not there."""
        ...


def judge_operators(lines: OperatorLines, *, whole_log: bool, log_begins_ms: int = 0) -> Iterator[Finding]:
    """Yield the findings. Without the whole log the line that another names may stand before what was read.

    That is also so within a run's length (`LONGEST_RUN`) after the beginning of what the log group still keeps.
    """
    for told, replaces in lines.broken_operator_lines():
        if replaces:
            yield _finding(Kind.EDITED_LINE, f"a line stands here whose seal does not hold: {told}")
        else:
            yield _finding(Kind.FORGED_LINE, f"a line that the audit logger never sealed: {told}")
    if whole_log:
        from_ms = log_begins_ms + LONGEST_RUN // timedelta(milliseconds=1) if log_begins_ms else 0
        for told in lines.operator_gaps(from_ms=from_ms):
            yield _finding(Kind.MISSING_LINE, f"the line before this one of the same run is gone: {told}")


def _finding(kind: Kind, detail: str) -> Finding:
    return Finding(finding=kind, webhook_id=PLACE, seq=None, detail=detail)


def _shown(value: object) -> str:
    text = "".join(c for c in str("?" if value is None else value) if c.isprintable())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "\u2026"
