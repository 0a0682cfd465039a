"""A redrive that is killed, again and again, loses nothing and does nothing twice."""

import json
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lambdas.shared.webhook import Status
from tests.dead_letters import DeadLetters, stripe_event
from tests.redrive_process import Running, running

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]

MESSAGES = 500
KILLS = 20
STARTS = 60
REFILL = 100
"""Dead letters that are added when a run ended by itself, with nothing left, before it could be killed."""


def test_redrive_killed_at_twenty_points_processes_each_exactly_once(dead_letters: DeadLetters, tmp_path: Path) -> None:
    """SIGKILL after random happenings, resume; in the end each webhook has one effect and no dead letter is left."""
    ids = dead_letters.add_many([stripe_event(f"k{n:03}") for n in range(MESSAGES)])
    journal = tmp_path / "journal.jsonl"
    chance = random.Random(20)
    kills = 0
    for start in range(STARTS):
        if _is_killed(dead_letters, journal, after=chance.randint(0, 19), pause_s=chance.random() * 0.05):
            kills += 1
        else:
            ids += dead_letters.add_many([stripe_event(f"more{start}_{n:03}") for n in range(REFILL)])
        if kills == KILLS:
            break
    assert kills == KILLS
    with _redrive(dead_letters, journal) as last:
        report = json.loads(last.stdout.readlines()[-1])
        assert last.wait() == 0
    assert report["stopped_by"] == "empty"
    assert not dead_letters.listed()
    final = dead_letters.settled(ids, within_s=60)
    assert {webhook.status for webhook in final.values()} == {Status.PROCESSED}
    assert {webhook.seq for webhook in final.values()} == {3}
    assert len(final) == len(ids)


def _is_killed(dead_letters: DeadLetters, journal: Path, *, after: int, pause_s: float) -> bool:
    """Start or resume the redrive and kill it some time after so many happenings; False: it had ended by itself."""
    with _redrive(dead_letters, journal) as process:
        for _ in range(after + 1):
            if not process.stdout.readline():
                break
        process.process.join(pause_s)
        code = process.kill()
        assert code in (0, -signal.SIGKILL)
        return code != 0


@contextmanager
def _redrive(dead_letters: DeadLetters, journal: Path) -> Iterator[Running]:
    """Run it with two threads, which hide a part of the queue only: so the next run need not wait for it."""
    is_begun = journal.exists() and b"\n" in journal.read_bytes()
    begins = ["--resume"] if is_begun else ["--visibility", "5"]
    options = ["--journal", str(journal), "--rate", "110", "-o", "jsonl", "--quiet"]
    with running("dlq", "redrive", *options, *begins, environment=dead_letters.cli_environment()) as process:
        yield process
