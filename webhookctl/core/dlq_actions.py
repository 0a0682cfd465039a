"""Export, import and purge as operator actions: each leaves its line in the audit log."""

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path

from webhookctl.core.dlq.archive import Archive, Exported, Imported, Purged, check_file, export, import_file, purge
from webhookctl.core.dlq.filter import DeadLetterFilter
from webhookctl.core.dlq.scan import ScanLimits
from webhookctl.core.redrive.native import refuse_while_moving
from webhookctl.core.redrive.run import RedriveDesk
from webhookctl.errors import WebhookctlError

_LIMITS = ScanLimits(visibility_s=60)
_LONGEST_ERROR = 500


def export_dead_letters(
    desk: RedriveDesk, filters: DeadLetterFilter, path: Path, *, has_payloads: bool, most: int
) -> Exported:
    """Write dead letters to a new file. Raises UsageError when it exists."""
    described = {"filter": filters.describe(), "payloads": has_payloads, "file": path.name}
    with Archive(path, has_payloads=has_payloads) as archive, _accounted(desk, "dlq.export", described) as close:
        report = export(desk.source.look(filters, limits=_LIMITS, most=most), archive)
        close("done", {"exported": report.exported})
    return report


def import_dead_letters(desk: RedriveDesk, path: Path) -> Imported:
    """Put the messages of an export back into the dead-letter queue. Raises UsageError when the file is not one."""
    check_file(path)
    with _accounted(desk, "dlq.import", {"file": path.name}) as close:
        report = import_file(path, desk.source.queue)
        close("partial" if report.failed else "done", {"imported": report.imported, "failed": report.failed})
    return report


def purge_dead_letters(
    desk: RedriveDesk,
    filters: DeadLetterFilter,
    path: Path | None,
    *,
    has_payloads: bool,
    most: int,
    stop: threading.Event,
) -> Purged:
    """Delete dead letters, each after it is exported to `path` (None: without a copy), until `stop` is set.

    Raises UsageError when the file exists or a native move task runs.
    """
    refuse_while_moving(desk.moves, desk.source.queue.depth().arn)
    archive = None if path is None else Archive(path, has_payloads=has_payloads)
    described = {"filter": filters.describe(), "file": None if path is None else path.name}
    with archive or nullcontext(), _accounted(desk, "dlq.purge", described) as close:
        scan = replace(desk.source, stop=stop).scan(_LIMITS)
        report = purge(scan, matches=filters.matches, archive=archive, most=most)
        outcome = "interrupted" if report.is_stopped else "partial" if report.undeleted else "done"
        close(outcome, {"purged": report.purged, "undeleted": report.undeleted})
    return report


@contextmanager
def _accounted(
    desk: RedriveDesk, action: str, details: Mapping[str, object]
) -> Iterator[Callable[[str, Mapping[str, int]], None]]:
    """Write the action's first line, and its last in every case: by what is yielded, or of the failure."""
    action_id = f"op-{uuid.uuid4().hex[:12]}"

    def close(outcome: str, counts: Mapping[str, int]) -> None:
        desk.account(action, action_id, outcome, details={**details, "counts": dict(counts)})

    desk.account(action, action_id, "started", details=details)
    try:
        yield close
    except BaseException as error:
        with suppress(WebhookctlError):  # the first error says more
            desk.account(
                action,
                action_id,
                "failed",
                details={**details, "error": (str(error) or type(error).__name__)[:_LONGEST_ERROR]},
            )
        raise
