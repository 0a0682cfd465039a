"""Export, import and purge as operator actions: each leaves its line in the audit log."""

import uuid
from pathlib import Path

from webhookctl.core.dlq.archive import Archive, Exported, Imported, Purged, check_file, export, import_file, purge
from webhookctl.core.dlq.filter import DeadLetterFilter
from webhookctl.core.dlq.scan import ScanLimits
from webhookctl.core.redrive.native import refuse_while_moving
from webhookctl.core.redrive.run import RedriveDesk

_LIMITS = ScanLimits(visibility_s=60)


def export_dead_letters(
    desk: RedriveDesk, filters: DeadLetterFilter, path: Path, *, has_payloads: bool, most: int
) -> Exported:
    """Write dead letters to a new file. Raises UsageError when it exists."""
    action_id = _action_id()
    described = {"filter": filters.describe(), "payloads": has_payloads}
    with Archive(path, has_payloads=has_payloads) as archive:
        desk.account("dlq.export", action_id, "started", details=described)
        report = export(desk.source.look(filters, limits=_LIMITS, most=most), archive)
    desk.account("dlq.export", action_id, "done", details={**described, "counts": {"exported": report.exported}})
    return report


def import_dead_letters(desk: RedriveDesk, path: Path) -> Imported:
    """Put the messages of an export back into the dead-letter queue. Raises UsageError when the file is not one."""
    check_file(path)
    action_id = _action_id()
    desk.account("dlq.import", action_id, "started", details={})
    report = import_file(path, desk.source.queue)
    counts = {"imported": report.imported, "failed": report.failed}
    desk.account("dlq.import", action_id, "partial" if report.failed else "done", details={"counts": counts})
    return report


def purge_dead_letters(
    desk: RedriveDesk, filters: DeadLetterFilter, path: Path | None, *, has_payloads: bool, most: int
) -> Purged:
    """Delete dead letters, each after it is exported to `path` (None: without a copy).

    Raises UsageError when the file exists or a native move task runs.
    """
    action_id = _action_id()
    refuse_while_moving(desk.moves, desk.source.queue.depth().arn)
    archive = None if path is None else Archive(path, has_payloads=has_payloads)
    described = {"filter": filters.describe(), "exported": archive is not None}
    desk.account("dlq.purge", action_id, "started", details=described)
    scan = desk.source.scan(_LIMITS)
    if archive is None:
        report = purge(scan, matches=filters.matches, archive=None, most=most)
    else:
        with archive:
            report = purge(scan, matches=filters.matches, archive=archive, most=most)
    counts = {"purged": report.purged, "undeleted": report.undeleted}
    outcome = "partial" if report.undeleted else "done"
    desk.account("dlq.purge", action_id, outcome, details={**described, "counts": counts})
    return report


def _action_id() -> str:
    return f"op-{uuid.uuid4().hex[:12]}"
