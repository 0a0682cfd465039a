"""docs/runbook.md: every command on the page works, in the page's order, and prints what the page shows."""

import contextlib
import io
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

from lambdas.shared.webhook import Status
from tests.dead_letters import DeadLetters, paypal_event, stripe_event
from webhookctl import cli

pytestmark = pytest.mark.integration

RUNBOOK = Path(__file__).parents[3] / "docs" / "runbook.md"
BLOCK = re.compile(r"^```console\n(.+?)^```$", re.MULTILINE | re.DOTALL)
CHANGES = re.compile(r"rd-\w+|\d{4}-\d\d-\d\d \S+Z|\d+[dhms](?: \d+[dhms])*\b|after [\d.]+ s|(?<=journal: )\S+")
"""What differs from run to run: ids, times, ages, the home."""


@dataclass
class Step:
    """A command of the page and what the page shows of its output; nothing where it shows none."""

    words: list[str]
    shown: str


def steps() -> list[Step]:
    found = []
    for block in BLOCK.findall(RUNBOOK.read_text(encoding="utf-8")):
        for part in re.split(r"^\$ webhookctl ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            found.append(Step(shlex.split(command), shown))
    return found


def typed(words: list[str]) -> tuple[int, str]:
    """Run a command line as an operator sees it: stdout and stderr on one screen."""
    screen = io.StringIO()
    with contextlib.redirect_stdout(screen), contextlib.redirect_stderr(screen):
        code = cli.run([*words, "--no-input"])
    return code, screen.getvalue()


def test_every_command_of_the_runbook_works_and_prints_what_it_shows(
    dead_letters: DeadLetters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator who types the page from top to bottom ends with an empty queue and everything processed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("WEBHOOKCTL_HOME", str(dead_letters.cli.home))
    (tmp_path / "fix.json").write_text('[{"op": "remove", "path": "/webhookctl"}]')
    ids = [
        *dead_letters.add_many([stripe_event("runbook_a"), stripe_event("runbook_e"), stripe_event("runbook_p")]),
        dead_letters.add("paypal", paypal_event("runbook_b"), error="the ledger refused the amount"),
    ]
    dead_letters.process_behind_the_back("stripe:evt_runbook_p")
    page = steps()
    assert len(page) == 11
    for step in page:
        if "--patch" in step.words:  # these fail for ever, so the redrives above must not have met them
            ids.append(dead_letters.add("stripe", {**stripe_event("runbook_c"), "webhookctl": {"failTimes": 1000}}))
        if "purge" in step.words:
            ids.append(dead_letters.add("stripe", stripe_event("runbook_d")))
        code, printed = typed(step.words)
        assert code == 0, (step.words, printed)
        if step.shown:
            assert CHANGES.sub("~", printed) == CHANGES.sub("~", step.shown), step.words
    assert not dead_letters.listed()
    final = dead_letters.settled(ids, within_s=30)
    assert {webhook.status for webhook in final.values()} == {Status.PROCESSED}
    assert len(final) == 6
