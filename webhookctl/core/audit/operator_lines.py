"""Audit lines of what operators do: who, when, on what, with which outcome.

The audit logger seals them and writes them beside the webhooks' own lines; this side only tells it what to record.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from lambdas.shared.clock import iso
from lambdas.shared.operator_line import operator_name
from webhookctl.errors import WebhookctlError

_LONGEST_TEXT: Final = 500
_MOST_ITEMS: Final = 50
"""Longer texts and lists are cut: a line says what was done, not every id of a long filter."""
MOST_AT_ONCE: Final = 100


class UnrecordedError(WebhookctlError):
    """The audit logger did not record an action, so it is not done, or not gone on with: exit 1."""

    code = "unrecorded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Who acts: the AWS principal's ARN, and the account's name on the operator's machine."""

    principal: str
    user: str

    @property
    def name(self) -> str:
        """The principal without the account, e.g. `Admin/alice`."""
        return operator_name(self.principal)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorAction:
    """One line: an action began, or ended with an outcome. `details` holds no body and no secret."""

    action: str
    action_id: str
    operator: Operator
    at: datetime
    outcome: str
    webhook_id: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """Return what the audit logger is told."""
        return {
            "at": iso(self.at),
            "principal": self.operator.principal,
            "user": self.operator.user,
            "action": self.action,
            "actionId": self.action_id,
            "outcome": self.outcome,
            **({"webhookId": self.webhook_id} if self.webhook_id else {}),
            **{name: _cut(value) for name, value in self.details.items()},
        }


class AuditLogger(Protocol):
    """Seals and writes audit lines."""

    def record(self, actions: Sequence[Mapping[str, Any]], *, previous: str | None) -> list[str]:
        """Have lines written for actions; return their ids. Raises WebhookctlError when they are not all written."""
        ...


@dataclass(slots=True)
class _Entry:
    action: OperatorAction
    is_settled: bool = False
    error: WebhookctlError | None = None


@dataclass(slots=True, kw_only=True)
class OperatorAudit:
    """Where a run's actions are recorded, each naming the line before it, so that no line between two can go unseen.

    Threads may record at once: what waits while a call is under way goes with the next, in one call.
    """

    logger: AuditLogger
    _previous: str | None = None
    _waiting: list[_Entry] = field(default_factory=list)
    _queue: threading.Lock = field(default_factory=threading.Lock)
    _calling: threading.Lock = field(default_factory=threading.Lock)

    def record(self, action: OperatorAction) -> None:
        """Write the line. Raises WebhookctlError: what cannot be audited is not done."""
        entry = _Entry(action)
        with self._queue:
            self._waiting.append(entry)
        while not entry.is_settled:
            with self._calling:
                if not entry.is_settled:
                    self._record_waiting()
        if entry.error is not None:
            raise entry.error

    def _record_waiting(self) -> None:
        with self._queue:
            entries, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
        error: WebhookctlError | None = UnrecordedError("the recording of an action was interrupted")
        try:
            told = [entry.action.told() for entry in entries]
            self._previous = self.logger.record(told, previous=self._previous)[-1]
            error = None
        except WebhookctlError as refused:
            error = refused
        finally:
            for entry in entries:
                entry.is_settled, entry.error = True, error


def _cut(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return value[: _LONGEST_TEXT - 1] + "\u2026"
    if isinstance(value, Mapping):
        return {name: _cut(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        more = [f"and {len(value) - _MOST_ITEMS:,} more"] if len(value) > _MOST_ITEMS else []
        return [*(_cut(item) for item in value[:_MOST_ITEMS]), *more]
    return value
