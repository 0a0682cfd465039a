"""A load run's verdict: the scenario's own bounds, and what table, queue and audit log say afterwards."""

import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lambdas.shared.webhook import Status
from webhookctl.core.load.proof import Witness
from webhookctl.core.load.run import SCENARIOS, LoadPlan, LoadResult, check_scenario, run_load
from webhookctl.core.logs import LogEvent
from webhookctl.errors import NotFoundError, UsageError

AUDIT = "/aws/lambda/audit-logger-test"
BOUND = {"name": "below is never blocked", "law": "8/s is under it", "measured": "0 of 9 blocked", "is_kept": True}
JOURNAL = (("stripe:evt_1", 200), ("stripe:evt_1", 200), ("square:e-2", 200), ("paypal:WH-3", 403), ("stripe:bad", 401))


@dataclass
class World:
    """A scenario that leaves `journal` behind, and an environment that holds what its fields say."""

    folder: Path
    journal: Sequence[tuple[str, int]] = JOURNAL
    bound: Mapping[str, Any] = field(default_factory=lambda: BOUND)
    stored: dict[str, Status] = field(
        default_factory=lambda: {"stripe:evt_1": Status.PROCESSED, "square:e-2": Status.PROCESSED}
    )
    audited: Sequence[str] = ("stripe:evt_1", "square:e-2")
    effects: Sequence[str] = ("stripe:evt_1", "square:e-2")
    recorded: int = len(JOURNAL)
    dead: list[int] = field(default_factory=lambda: [0, 0])
    clock: datetime = datetime(2026, 3, 1, tzinfo=UTC)
    progress: list[Mapping[str, Any]] = field(default_factory=list)
    on_progress: Callable[[Mapping[str, Any]], None] = field(init=False)

    def __post_init__(self) -> None:
        self.on_progress = self.progress.append

    def run(self, plan: LoadPlan) -> Generator[Mapping[str, Any]]:
        plan.folder.mkdir(parents=True)
        try:
            yield {"elapsed_s": 1.0, "total": len(self.journal)}
        finally:
            self._leave_record(plan)

    def _leave_record(self, plan: LoadPlan) -> None:
        record = {"bounds": [self.bound], "cells": [[1, "below", "127.0.0.1", 200, self.recorded, []]]}
        (plan.folder / "observations.json").write_text(json.dumps(record))
        lines = [json.dumps({"webhook_id": webhook, "status": status}) for webhook, status in self.journal]
        (plan.folder / "journal.jsonl").write_text("".join(f"{line}\n" for line in lines))

    def report(self, folder: Path) -> Path:
        return folder / "report.html"

    def statuses(self, webhook_ids: Sequence[str]) -> dict[str, Status]:
        return {webhook: status for webhook, status in self.stored.items() if webhook in webhook_ids}

    def depth(self) -> int:
        return 3

    def dead_letters(self) -> int:
        return self.dead.pop(0)

    def events(
        self, group: str, *, start: datetime, end: datetime | None = None, pattern: str | None = None
    ) -> Iterator[LogEvent]:
        assert (group, end, pattern) == (AUDIT, None, None)
        received = [{"webhookId": webhook, "actor": "receiver", "status": "RECEIVED"} for webhook in self.audited]
        done = [{"webhookId": webhook, "actor": "processor", "status": "PROCESSED"} for webhook in self.effects]
        for n, line in enumerate([*received, *done, *done[-1:]]):
            event_id = str(min(n, len(received) + len(done) - 1))
            message = json.dumps({**line, "streamEventId": event_id})
            yield LogEvent(at=start, group=group, stream="s", message=message, event_id=str(n))

    def sleep(self, seconds: float) -> None:
        self.clock += timedelta(seconds=seconds)

    def verdict(self) -> LoadResult:
        plan = LoadPlan(
            scenario="rate_limit",
            environment="local",
            host="http://127.0.0.1:1/prod",
            folder=self.folder / "out",
            waf_lag_s=0,
        )
        witness = Witness(
            table=self, queue=self, logs=self, audit_group=AUDIT, now=lambda: self.clock, sleep=self.sleep
        )
        return run_load(plan, runner=self, witness=witness, on_progress=self.on_progress)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_run_that_lost_nothing_keeps_every_bound(world: World) -> None:
    """Deliveries are counted, webhooks once; the proof and the queue's depth lie beside the report."""
    found = world.verdict()
    assert (found.sent, found.acknowledged, found.broken) == (5, 2, [])
    assert [row.verdict for row in found.bounds] == ["kept"] * 8
    assert world.progress == [{"elapsed_s": 1.0, "total": 5}]
    proof = json.loads((world.folder / "out" / "proof.json").read_text())
    assert len(proof["checks"]) == 7
    assert {depth for _, depth in proof["queue_depth"]} == {3}


def lose_one(world: World) -> None:
    del world.stored["square:e-2"]


def leave_one_waiting(world: World) -> None:
    world.stored["square:e-2"] = Status.RECEIVED
    world.effects = ("stripe:evt_1",)


def fail_one_without_a_dead_letter(world: World) -> None:
    world.stored["square:e-2"] = Status.FAILED
    world.effects = ("stripe:evt_1",)


def process_one_twice(world: World) -> None:
    world.effects = (*world.effects, "stripe:evt_1")


def process_one_unseen(world: World) -> None:
    world.effects = ("stripe:evt_1",)


def leave_one_unanswered(world: World) -> None:
    world.journal = (*JOURNAL, ("stripe:evt_9", 0))
    world.recorded += 1


def break_the_intake(world: World) -> None:
    world.journal = (("stripe:evt_1", 200), *((f"stripe:evt_{n}", 500) for n in range(2, 6)))


def lose_a_line_of_the_journal(world: World) -> None:
    world.recorded += 1


def store_a_forgery(world: World) -> None:
    world.stored["stripe:bad"] = Status.RECEIVED


def skip_an_audit_line(world: World) -> None:
    fail_one_without_a_dead_letter(world)
    world.dead = [0, 1]
    world.audited = ("stripe:evt_1",)


def acknowledge_nothing(world: World) -> None:
    world.journal = (("paypal:WH-3", 403),)
    world.recorded = 1


def break_the_scenarios_own(world: World) -> None:
    world.bound = BOUND | {"is_kept": False}


@pytest.mark.parametrize(
    ("harm", "broken"),
    [
        (lose_one, {"nothing acknowledged is missing"}),
        (leave_one_waiting, {"everything acknowledged is processed or stands in the DLQ"}),
        (fail_one_without_a_dead_letter, {"everything acknowledged is processed or stands in the DLQ"}),
        (process_one_twice, {"each webhook takes effect once"}),
        (process_one_unseen, {"each webhook takes effect once"}),
        (leave_one_unanswered, {"everything let through is acknowledged"}),
        (break_the_intake, {"everything let through is acknowledged"}),
        (lose_a_line_of_the_journal, {"the journal holds every request"}),
        (store_a_forgery, {"nothing refused is stored"}),
        (skip_an_audit_line, {"everything acknowledged is in the audit log"}),
        (acknowledge_nothing, {"nothing acknowledged is missing", "everything acknowledged is in the audit log"}),
        (break_the_scenarios_own, {"below is never blocked"}),
    ],
)
def test_each_harm_breaks_its_own_bound(world: World, harm: Callable[[World], None], broken: set[str]) -> None:
    """And no other; the verdict waits for what is slow before it says so."""
    harm(world)
    assert set(world.verdict().broken) == broken


def test_a_failed_webhook_with_its_dead_letter_is_accounted_for(world: World) -> None:
    """FAILED is an end as long as a message stands in the DLQ for it."""
    fail_one_without_a_dead_letter(world)
    world.dead = [2, 3]
    assert world.verdict().broken == []


def test_a_scenario_without_a_record_is_an_error(world: World) -> None:
    """The hint leads to Locust's own log."""

    def crash(plan: LoadPlan) -> Generator[Mapping[str, Any]]:
        plan.folder.mkdir(parents=True)
        yield from ()

    world.run = crash  # type: ignore[method-assign]
    with pytest.raises(NotFoundError) as raised:
        world.verdict()
    assert "locust.log" in (raised.value.hint or "")


def test_an_unknown_scenario_is_told_the_known_ones() -> None:
    """The hint lists all of them."""
    with pytest.raises(UsageError) as raised:
        check_scenario("flood")
    assert all(name in (raised.value.hint or "") for name in SCENARIOS)


def test_a_verdict_is_whole_at_80_columns(world: World) -> None:
    """No bound and no law is cut off: each can be told from the next, and read."""
    harm = "everything acknowledged is processed or stands in the DLQ"
    lines = list(world.verdict().draw(80, lambda text, *_: text))
    assert max(map(len, lines)) <= 80
    text = " ".join(" ".join(lines).split())
    assert harm in text
    assert "each webhook answered 2xx has an audit line" in text
    assert text.endswith("5 requests, 2 webhooks acknowledged")


@pytest.mark.parametrize("where", ["in the scenario", "between its lines"])
def test_an_interrupted_run_is_proved_as_far_as_it_came(world: World, where: str) -> None:
    """The scenario is closed in order, then table and audit log are asked about what it sent."""
    whole = world.run

    def broken_off(plan: LoadPlan) -> Generator[Mapping[str, Any]]:
        yield from whole(plan)
        if where == "in the scenario":
            raise KeyboardInterrupt

    def interrupt(line: Mapping[str, Any]) -> None:
        if where == "between its lines" and "note" not in line:
            raise KeyboardInterrupt

    world.run = broken_off  # type: ignore[method-assign]
    world.on_progress = interrupt
    found = world.verdict()
    assert (found.is_interrupted, found.acknowledged) == (True, 2)
    assert json.loads((world.folder / "out" / "proof.json").read_text())["is_interrupted"]


def test_a_run_that_is_interrupted_before_its_first_request_leaves_nothing(world: World) -> None:
    """There is nothing to prove, and the Ctrl-C is all that happened."""

    def broken_off(plan: LoadPlan) -> Generator[Mapping[str, Any]]:
        plan.folder.mkdir(parents=True)
        yield {"total": 0}
        raise KeyboardInterrupt

    world.run = broken_off  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        world.verdict()
