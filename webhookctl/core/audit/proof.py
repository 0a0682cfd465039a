"""Verify an environment's audit log, and write checkpoints of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lambdas.shared.audit_record import AuditKey
from lambdas.shared.clock import iso
from webhookctl.core.audit.checkpoint import load, make
from webhookctl.core.audit.export import ExportedLog
from webhookctl.core.audit.index import AuditIndex
from webhookctl.core.audit.records import AuditFilter, AuditLog
from webhookctl.core.audit.verify import SETTLE, AuditReport, AuditTable, Verifier
from webhookctl.errors import NotFoundError, UsageError

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
"""Before any log line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenCheckpoint:
    """A checkpoint that was written. Note the fingerprint down; it covers the whole file."""

    file: Path
    at: str
    webhooks: int
    root: str
    fingerprint: str


def verify_environment(
    table: AuditTable,
    log: AuditLog,
    *,
    keys: Sequence[AuditKey],
    now: Callable[[], datetime],
    since: datetime | None = None,
    webhook_id: str | None = None,
    checkpoint: str | None = None,
    log_begins: datetime | None = None,
) -> AuditReport:
    """Compare log and table. `checkpoint` is the text of one; what is older than `log_begins` the log no longer keeps.

    Raises UsageError when that is none, or can't be compared because only a part of the log is read; NotFoundError
    when neither knows the webhook.
    """
    if checkpoint is not None and (since is not None or webhook_id is not None):
        raise UsageError("a checkpoint covers the whole log", hint="leave --since and --webhook-id out")
    verifier = Verifier(
        keys=keys,
        now=now,
        since=since,
        webhook_id=webhook_id,
        checkpoint=load(checkpoint, keys) if checkpoint is not None else None,
        settle=_settle(log, now()),
        log_begins=log_begins,
    )
    lines = log.lines(AuditFilter(webhook_id=webhook_id), start=since or BEGINNING)
    report = verifier.verify(table.rows(webhook_id=webhook_id), lines)
    if webhook_id is not None and not report.webhooks:
        raise NotFoundError(
            f"neither the table nor the audit log knows {webhook_id!r}", hint="an id reads <provider>:<event id>"
        )
    return report


def _settle(log: AuditLog, now: datetime) -> timedelta:
    """Return how fresh a change may be to have no line yet; in an export there is none of what came after its end."""
    ended = log.ends_at() if isinstance(log, ExportedLog) else None
    return SETTLE if ended is None else SETTLE + max(now - ended, timedelta(0))


def write_checkpoint(
    log: AuditLog,
    file: Path,
    *,
    environment: str,
    keys: Sequence[AuditKey],
    now: Callable[[], datetime],
    with_states: bool = False,
) -> WrittenCheckpoint:
    """Write the head of the log as it was `SETTLE` ago, so that no line of that time can still arrive."""
    at = iso(now() - SETTLE)
    with AuditIndex() as index:
        Verifier(keys=keys, now=now).index((), log.lines(AuditFilter(), start=BEGINNING), index)
        until_ms = int(datetime.fromisoformat(at).timestamp() * 1000)
        head = make(
            index.last_states(until_ms=until_ms),
            index.operator_digests(until_ms=until_ms),
            environment=environment,
            at=at,
            key=keys[0],
            with_states=with_states,
        )
    file.write_text(head.to_json(), encoding="utf-8")
    return WrittenCheckpoint(file=file, at=at, webhooks=head.items, root=head.root, fingerprint=head.fingerprint)
