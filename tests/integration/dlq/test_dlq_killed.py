"""A redrive that is killed, again and again, loses nothing and does nothing twice."""

import json
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lambdas.shared.webhook import Status
from tests.dead_letters import DeadLetters, stripe_event

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]

MESSAGES = 500
KILLS = 20


def test_redrive_killed_at_twenty_points_processes_each_exactly_once(dead_letters: DeadLetters, tmp_path: Path) -> None:
    """SIGKILL after random happenings, resume; in the end each webhook has one effect and no dead letter is left."""
    ids = dead_letters.add_many([stripe_event(f"k{n:03}") for n in range(MESSAGES)])
    journal = tmp_path / "journal.jsonl"
    chance = random.Random(20)
    for _ in range(KILLS):
        _killed(dead_letters, journal, after=chance.randint(0, 19), pause_s=chance.random() * 0.05)
    report = json.loads(_run(dead_letters, journal).communicate(timeout=120)[0].splitlines()[-1])
    assert report["stopped_by"] == "empty"
    assert not dead_letters.listed()
    final = dead_letters.settled(ids, within_s=60)
    assert {webhook.status for webhook in final.values()} == {Status.PROCESSED}
    assert {webhook.seq for webhook in final.values()} == {3}
    assert len(final) == MESSAGES


def _killed(dead_letters: DeadLetters, journal: Path, *, after: int, pause_s: float) -> None:
    """Start or resume the redrive and kill it some time after so many happenings."""
    process = _run(dead_letters, journal)
    assert process.stdout is not None
    for _ in range(after + 1):
        if not process.stdout.readline():
            break
    try:
        process.wait(timeout=pause_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL


def _run(dead_letters: DeadLetters, journal: Path) -> subprocess.Popen[str]:
    resume = ["--resume"] if journal.exists() and b"\n" in journal.read_bytes() else []
    options = ["--journal", str(journal), "--rate", "200", "--visibility", "5", "-o", "jsonl"]
    return subprocess.Popen(
        [sys.executable, "-m", "webhookctl", "dlq", "redrive", *options, *resume],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=dead_letters.cli_environment(),
        text=True,
    )
