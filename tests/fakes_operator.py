"""The audit logger for operators' actions without Lambda: the real validation and sealing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lambdas.audit.operator import operator_lines
from lambdas.shared.audit_record import AuditKey
from webhookctl.core.audit.operator_lines import UnrecordedError

KEY = AuditKey(id="audit-1", value=b"seal-of-the-audit-tests")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class FakeAuditLogger:
    """Implements core's audit logger; `lines` is its log, `is_down` makes it fail."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    is_down: bool = False

    def record(self, actions: Sequence[Mapping[str, Any]], *, previous: str | None) -> list[str]:
        if self.is_down:
            raise UnrecordedError("the audit logger is down")
        event = {"operatorActions": list(actions), "previousLine": previous}
        sealed = operator_lines(event, key=KEY, environment="dev", now=NOW)
        self.lines += sealed
        return [line["lineId"] for line in sealed]
