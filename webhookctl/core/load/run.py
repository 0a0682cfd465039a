"""Run a load scenario and prove afterwards, from table, queue and audit log, that nothing acknowledged is missing."""

import json
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from webhookctl.core.load.proof import Witness, acknowledged_of
from webhookctl.core.wrapped import wrapped
from webhookctl.errors import NotFoundError, UsageError

SCENARIOS: Final[Mapping[str, str]] = {
    "rate_limit": "one address under the limit, one just above, one far above until blocked and let in again",
    "steady": "all providers mixed at a steady rate, from ten addresses",
    "burst": "many addresses at once against the stage's throttle; what is refused is retried",
    "duplicates": "a retry storm: each webhook delivered several times",
    "forged": "bad signatures under load beside genuine webhooks",
    "soak": "ordinary traffic with duplicates and forgeries, for a long time",
}
BROKEN: Final = "BROKEN"
_COLOURS: Final = {"kept": "green", BROKEN: "red"}
RECORD: Final = "observations.json"
_COUNT: Final = 4
"""Where a cell of the record holds its number of requests."""


class Runner(Protocol):
    """Starts a scenario's process."""

    def run(self, plan: "LoadPlan") -> Generator[Mapping[str, Any]]:
        """Yield the scenario's progress lines; return when it ended. Raises WebhookctlError when it could not run.

        Closed before its end, it lets the scenario conclude and write what it has.
        """
        ...

    def report(self, folder: Path) -> Path:
        """Write the HTML report of a folder and return its path."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlan:
    """What will be sent where. A `rate_rps` or `seconds` of None leaves it to the scenario."""

    scenario: str
    environment: str
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
class BoundRow:
    """One bound of the verdict."""

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
    is_interrupted: bool = False

    def draw(self, width: int, style: Callable[..., str]) -> Iterator[str]:
        """Yield the verdict for a terminal: each bound whole, with what was measured and why below it."""
        indent = max((len(row.verdict) for row in self.bounds), default=0) + 2
        for row in self.bounds:
            first, *more = wrapped(f"{row.bound}: {row.measured}", width, indent=indent)
            yield style(row.verdict.ljust(indent), _COLOURS.get(row.verdict, "dim")) + first[indent:]
            yield from more
            yield from (style(line, "dim") for line in wrapped(row.law, width, indent=indent))
        yield ""
        yield from wrapped(f"{self.sent} requests, {self.acknowledged} webhooks acknowledged", width)

    @property
    def broken(self) -> list[str]:
        """The names of the bounds that did not hold."""
        return [row.bound for row in self.bounds if row.verdict == BROKEN]


def check_scenario(name: str) -> str:
    """Return `name` if it is a scenario. Raises UsageError."""
    if name not in SCENARIOS:
        raise UsageError(f"no scenario {name!r}", hint=f"one of: {', '.join(SCENARIOS)}")
    return name


def run_load(
    plan: LoadPlan, *, runner: Runner, witness: Witness, on_progress: Callable[[Mapping[str, Any]], None]
) -> LoadResult:
    """Run the plan, prove it, write the report and return the verdict. `witness` was made before.

    A Ctrl-C ends the load, and what was sent until then is proved; another one ends that too.
    """
    is_interrupted = not _is_run_to_its_end(plan, runner, witness, on_progress)
    record = _record(plan.folder)
    deliveries = list(_journal(plan.folder))
    checks = witness.prove(deliveries, recorded=sum(cell[_COUNT] for cell in record["cells"]))
    proof = {
        "checks": [asdict(check) for check in checks],
        "queue_depth": witness.depths,
        "is_interrupted": is_interrupted,
    }
    (plan.folder / "proof.json").write_text(json.dumps(proof), encoding="utf-8")
    bounds = [_row(bound) for bound in [*record["bounds"], *map(asdict, checks)]]
    return LoadResult(
        scenario=plan.scenario,
        sent=len(deliveries),
        acknowledged=len(acknowledged_of(deliveries)),
        bounds=tuple(bounds),
        report=str(runner.report(plan.folder)),
        is_interrupted=is_interrupted,
    )


def _is_run_to_its_end(
    plan: LoadPlan, runner: Runner, witness: Witness, on_progress: Callable[[Mapping[str, Any]], None]
) -> bool:
    """Run the plan, and say whether nobody broke it off. Raises KeyboardInterrupt when it left nothing to prove."""
    with closing(runner.run(plan)) as lines:
        try:
            for line in lines:
                witness.look()
                on_progress(line)
        except KeyboardInterrupt:
            on_progress({"note": "interrupted: proving what was sent (Ctrl-C again to leave)"})
        else:
            return True
    if not (plan.folder / RECORD).is_file():
        raise KeyboardInterrupt
    return False


def _record(folder: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except OSError as error:
        raise NotFoundError("the scenario left no record", hint=f"see {folder / 'locust.log'}") from error
    return record


def _journal(folder: Path) -> Iterator[tuple[str, int]]:
    with (folder / "journal.jsonl").open(encoding="utf-8") as file:
        for line in file:
            entry = json.loads(line)
            yield entry["webhook_id"], entry["status"]


def _row(bound: Mapping[str, Any]) -> BoundRow:
    verdict = "kept" if bound["is_kept"] else BROKEN
    return BoundRow(
        verdict=verdict if bound.get("is_exercised", True) else "not exercised",
        bound=bound["name"],
        measured=str(bound["measured"]),
        law=bound["law"],
    )
