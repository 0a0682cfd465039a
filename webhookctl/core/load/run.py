"""Run a load scenario and prove afterwards, from table, queue and audit log, that nothing acknowledged is missing."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol

from lambdas.shared.webhook import Status
from webhookctl.core.logs import LogReader
from webhookctl.errors import NotFoundError, UsageError

SCENARIOS: Final[Mapping[str, str]] = {
    "rate_limit": "one address under the limit, one just above, one far above until blocked and let in again",
    "steady": "all providers mixed at a steady rate, from ten addresses",
    "burst": "many addresses at once against the stage's throttle; what is refused is retried",
    "duplicates": "a retry storm: each webhook delivered several times",
    "forged": "bad signatures under load beside genuine webhooks",
    "soak": "ordinary traffic with duplicates and forgeries, for a long time",
}
DRAIN_TIMEOUT_S: Final = 180.0
_POLL_S: Final = 1.0
_GOOD: Final = range(200, 300)


class StatusReader(Protocol):
    """Reads where webhooks stand."""

    def statuses(self, webhook_ids: Sequence[str]) -> dict[str, Status]:
        """Return the status of each stored webhook among the ids; an id that is not stored is left out."""
        ...


class QueueDepth(Protocol):
    """Counts what waits in the environment's queues."""

    def depth(self) -> int:
        """Return how many messages the processing queue holds, in flight or not (approximate, as SQS counts)."""
        ...

    def dead_letters(self) -> int:
        """Return how many messages the DLQ holds (approximate)."""
        ...


class Runner(Protocol):
    """Starts a scenario's process."""

    def run(self, plan: "LoadPlan") -> Iterator[Mapping[str, Any]]:
        """Yield the scenario's progress lines; return when it ended. Raises WebhookctlError when it could not run."""
        ...

    def report(self, folder: Path) -> Path:
        """Write the HTML report of a folder and return its path."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlan:
    """What will be sent where. A `rate_rps` or `seconds` of None leaves it to the scenario."""

    scenario: str
    host: str
    folder: Path
    waf_lag_s: float
    rate_rps: float | None = None
    seconds: float | None = None
    stage_rate: float | None = None
    stage_burst: float | None = None
    provider_address: str = ""
    workers: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that the proof looked at."""

    name: str
    law: str
    measured: str
    is_kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundRow:
    """One line of the verdict."""

    TABLE: ClassVar = ("verdict", "bound", "measured", "law")
    verdict: str
    bound: str
    measured: str
    law: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadResult:
    """The verdict of a run."""

    scenario: str
    sent: int
    acknowledged: int
    bounds: tuple[BoundRow, ...]
    report: str

    @property
    def broken(self) -> list[str]:
        """The names of the bounds that did not hold."""
        return [row.bound for row in self.bounds if row.verdict != "kept"]


def check_scenario(name: str) -> str:
    """Return `name` if it is a scenario. Raises UsageError."""
    if name not in SCENARIOS:
        raise UsageError(f"no scenario {name!r}", hint=f"one of: {', '.join(SCENARIOS)}")
    return name


def run_load(
    plan: LoadPlan,
    *,
    runner: Runner,
    table: StatusReader,
    queue: QueueDepth,
    logs: LogReader,
    audit_group: str,
    now: Callable[[], datetime],
    on_progress: Callable[[Mapping[str, Any]], None],
    sleep: Callable[[float], None] = time.sleep,
) -> LoadResult:
    """Run the plan, prove it, write the report and return the verdict."""
    started, dead_before = now(), queue.dead_letters()
    depths: list[tuple[float, int]] = []
    for line in runner.run(plan):
        depths.append((now().timestamp(), queue.depth()))
        on_progress(line)
    record = _record(plan.folder)
    deliveries = list(_journal(plan.folder))
    acknowledged = sorted({webhook for webhook, status in deliveries if status in _GOOD})
    _drain(queue, table, acknowledged, depths, now=now, sleep=sleep)
    checks = [
        *_stored_checks(table, acknowledged, dead=queue.dead_letters() - dead_before),
        _forgery_check(table, deliveries, acknowledged),
        _audit_check(logs, audit_group, acknowledged, started=started, now=now, sleep=sleep),
    ]
    proof = {"checks": [asdict(check) for check in checks], "queue_depth": depths}
    (plan.folder / "proof.json").write_text(json.dumps(proof), encoding="utf-8")
    bounds = [_row(bound) for bound in [*record["bounds"], *map(asdict, checks)]]
    return LoadResult(
        scenario=plan.scenario,
        sent=len(deliveries),
        acknowledged=len(acknowledged),
        bounds=tuple(bounds),
        report=str(runner.report(plan.folder)),
    )


def _record(folder: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads((folder / "observations.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise NotFoundError("the scenario left no record", hint=f"see {folder / 'locust.log'}") from error
    return record


def _journal(folder: Path) -> Iterator[tuple[str, int]]:
    with (folder / "journal.jsonl").open(encoding="utf-8") as file:
        for line in file:
            entry = json.loads(line)
            yield entry["webhook_id"], entry["status"]


def _row(bound: Mapping[str, Any]) -> BoundRow:
    return BoundRow(
        verdict="kept" if bound["is_kept"] else "BROKEN",
        bound=bound["name"],
        measured=str(bound["measured"]),
        law=bound["law"],
    )


def _drain(
    queue: QueueDepth,
    table: StatusReader,
    acknowledged: Sequence[str],
    depths: list[tuple[float, int]],
    *,
    now: Callable[[], datetime],
    sleep: Callable[[float], None],
) -> None:
    """Wait until everything acknowledged is processed or dead, or nothing has moved for a long time."""
    deadline = now().timestamp() + DRAIN_TIMEOUT_S
    while now().timestamp() < deadline:
        depths.append((now().timestamp(), queue.depth()))
        open_ids = [w for w, status in table.statuses(acknowledged).items() if status is Status.RECEIVED]
        if not open_ids:
            return
        sleep(_POLL_S)


def _stored_checks(table: StatusReader, acknowledged: Sequence[str], *, dead: int) -> list[Check]:
    statuses = table.statuses(acknowledged)
    missing = [webhook for webhook in acknowledged if webhook not in statuses]
    done = sum(status is Status.PROCESSED for status in statuses.values())
    failed = sum(status is Status.FAILED for status in statuses.values())
    waiting = len(statuses) - done - failed
    return [
        Check(
            name="nothing acknowledged is missing",
            law="each webhook answered 2xx is in the table",
            measured=f"{len(missing)} of {len(acknowledged)} missing",
            is_kept=not missing and bool(acknowledged),
        ),
        Check(
            name="everything acknowledged is processed or stands in the DLQ",
            law="PROCESSED, or FAILED with a message in the DLQ",
            measured=f"{done} processed, {failed} failed, {waiting} waiting",
            is_kept=waiting == 0 and failed <= max(dead, 0),
        ),
    ]


def _forgery_check(table: StatusReader, deliveries: Sequence[tuple[str, int]], acknowledged: Sequence[str]) -> Check:
    refused = sorted({webhook for webhook, status in deliveries if status in (400, 401)} - set(acknowledged))
    stored = table.statuses(refused)
    return Check(
        name="nothing refused is stored",
        law="a webhook answered 400 or 401 is not in the table",
        measured=f"{len(stored)} of {len(refused)} stored",
        is_kept=not stored,
    )


def _audit_check(
    logs: LogReader,
    group: str,
    acknowledged: Sequence[str],
    *,
    started: datetime,
    now: Callable[[], datetime],
    sleep: Callable[[float], None],
) -> Check:
    wanted = set(acknowledged)
    deadline = now().timestamp() + DRAIN_TIMEOUT_S / 3
    while True:
        audited = {str(event.fields().get("webhookId")) for event in logs.events(group, start=started)}
        missing = wanted - audited
        if not missing or now().timestamp() > deadline:
            break
        sleep(_POLL_S)
    return Check(
        name="everything acknowledged is in the audit log",
        law="each webhook answered 2xx has an audit line",
        measured=f"{len(missing)} of {len(wanted)} without",
        is_kept=not missing and bool(wanted),
    )
