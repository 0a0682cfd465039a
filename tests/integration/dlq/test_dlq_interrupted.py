"""A redrive in a process of its own, at a terminal: it tells as it goes, and Ctrl-C ends it in good order."""

import json
import re
import shlex
from pathlib import Path

import pytest

from lambdas.shared.webhook import Status
from tests.dead_letters import DeadLetters, stripe_event
from tests.redrive_process import running

pytestmark = pytest.mark.integration


def test_interrupted_redrive_ends_the_batch_in_hand_and_says_how_to_go_on(
    dead_letters: DeadLetters, tmp_path: Path
) -> None:
    """Lines while it runs, rate and time left on stderr, exit 130; the printed command does the rest, each once."""
    ids = dead_letters.add_many([stripe_event(f"int{n}") for n in range(60)])
    options = ["--rate", "20", "-o", "jsonl", "--journal", str(tmp_path / "journal")]
    with running("dlq", "redrive", *options, environment=dead_letters.cli_environment()) as process:
        lines = [json.loads(process.stdout.readline()) for _ in range(25)]
        assert process.process.is_alive()
        assert {line["event"] for line in lines} == {"redriven"}
        process.interrupt()
        report = json.loads(process.stdout.readlines()[-1])
        assert process.wait() == 130
        told = process.told()
    assert report["stopped_by"] == "interrupt"
    assert 25 <= report["redriven"] < 60
    assert len(dead_letters.listed()) == 60 - report["redriven"]
    assert re.search(r"redriving \d+ of about 60, \d+/s, \d+ s left", told)
    assert "stopping after the batch in hand" in told
    (command,) = re.findall(r"go on with: webhookctl (.+)\r", told)
    assert dead_letters.cli.code(*shlex.split(command))[0] == 0
    final = dead_letters.settled(ids, within_s=30)
    assert {(webhook.status, webhook.seq) for webhook in final.values()} == {(Status.PROCESSED, 3)}
