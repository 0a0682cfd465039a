"""Audit lines of what operators do: who, when, on what, with which outcome.

They stand in the audit log group beside the webhooks' own lines, in the stream `operator/<date>`, one JSON object a
line, with camel-case keys like those.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from lambdas.shared.clock import iso

LINE_TYPE: Final = "operator"
"""`type` of an operator's line; a webhook's line has none or another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Who acts: the AWS principal's ARN, and the account's name on the operator's machine."""

    principal: str
    user: str

    @property
    def name(self) -> str:
        """The principal without the account, e.g. `Admin/alice`."""
        return self.principal.rpartition(":")[2].partition("/")[2] or self.principal.rpartition(":")[2]

    @property
    def actor(self) -> str:
        """The `actor` of audit lines."""
        return f"operator:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorAction:
    """One line: an action began, or ended with an outcome. `details` holds no body and no secret."""

    action: str
    action_id: str
    environment: str
    operator: Operator
    at: datetime
    outcome: str
    webhook_id: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        """Return the audit line."""
        line = {
            "type": LINE_TYPE,
            "at": iso(self.at),
            "actor": self.operator.actor,
            "principal": self.operator.principal,
            "user": self.operator.user,
            "action": self.action,
            "actionId": self.action_id,
            "environment": self.environment,
            "outcome": self.outcome,
            **({"webhookId": self.webhook_id} if self.webhook_id else {}),
            **self.details,
        }
        return json.dumps(line, separators=(",", ":"), ensure_ascii=True)


class LogWriter(Protocol):
    """Appends lines to a log stream."""

    def append(self, group: str, stream: str, messages: list[str], *, at: datetime) -> None:
        """Write lines to a stream, which is made when it is missing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorAudit:
    """Where an environment's operator lines go."""

    logs: LogWriter
    group: str

    def record(self, action: OperatorAction) -> None:
        """Write the line. Raises WebhookctlError: what cannot be audited is not done."""
        self.logs.append(self.group, f"operator/{action.at:%Y-%m-%d}", [action.line()], at=action.at)
