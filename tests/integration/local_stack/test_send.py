"""The sender against the product's own stack on the local environment."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stack.outputs import PROVIDERS
from tests.conftest import Cli
from webhookctl.core.samples import catalogue
from webhookctl.core.scenario import drafts as scenario
from webhookctl.core.send.chaos_cases import CASES

pytestmark = pytest.mark.integration


def printed(deployed: Cli, *words: str) -> bytes:
    """Run a command that prints bytes, as a process of its own."""
    environment = {**os.environ, "WEBHOOKCTL_HOME": str(deployed.home)}
    command = [sys.executable, "-m", "webhookctl", *words]
    return subprocess.run(command, check=True, capture_output=True, env=environment).stdout


def test_chaos_ends_as_expected(deployed: Cli) -> None:
    """One of each bad thing for every provider: exit 0, every line as expected, nothing forged stored."""
    lines = deployed.json("send", "--chaos")
    assert [line for line in lines if not line["as_expected"]] == []
    assert len(lines) == sum(case.applies_to(name) for case in CASES for name in PROVIDERS)


@pytest.mark.slow
def test_every_event_of_the_catalogue_is_processed(deployed: Cli, tmp_path: Path) -> None:
    """No sample is refused, and none fails in processing."""
    everything = {name: {"steps": list(catalogue.event_types(name))} for name in PROVIDERS}
    (tmp_path / "everything.yaml").write_text(json.dumps({"sequences": everything}))
    lines = deployed.json("send", "--scenario", str(tmp_path / "everything.yaml"), "--wait", "--timeout", "120s")
    assert {line["provider"]: line["processed"] for line in lines} == {
        name: len(catalogue.event_types(name)) for name in PROVIDERS
    }


@pytest.mark.parametrize("name", scenario.names())
def test_a_shuffled_scenario_ends_as_it_says(deployed: Cli, name: str) -> None:
    """Random order and duplicates do not change how the payment ends."""
    lines = deployed.json("send", "--scenario", name, "--shuffle", "--duplicate", "1", "--wait")
    assert all(line["as_expected"] for line in lines)


def test_a_webhook_that_fails_twice_is_processed_at_the_third_try(deployed: Cli) -> None:
    """The order to fail is honoured, and the trip shows the attempts."""
    (trip,) = deployed.json("send", "square", "--fail-times", "2", "--wait")["timelines"]
    assert (trip["status"], trip["attempts"]) == ("PROCESSED", 3)


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_a_pasted_curl_command_is_accepted(deployed: Cli) -> None:
    """What is printed is a request that the receiver takes, binary bodies included."""
    command = printed(deployed, "send", "paypal", "--print", "curl").decode()
    done = subprocess.run(["/bin/sh", "-c", command], check=True, capture_output=True, text=True)
    assert '"outcome": "accepted"' in done.stdout


def test_a_resent_webhook_is_a_duplicate(deployed: Cli) -> None:
    """The stored bytes are accepted again, and the item does not change."""
    sent = deployed.json("send", "stripe", "--wait")
    webhook_id = sent["deliveries"][0]["webhook_id"]

    def state() -> list[Any]:
        found = deployed.json("events", "show", webhook_id)
        return [found[name] for name in ("status", "seq", "chain_hash", "attempts", "processed_at")]

    before = state()
    (again,) = deployed.json("events", "resend", webhook_id)["deliveries"]
    assert (again["status"], again["outcome"]) == (200, "duplicate")
    assert state() == before


def test_a_stored_webhook_s_signature_is_explained(deployed: Cli, tmp_path: Path) -> None:
    """The body comes from the table, the headers from the capture; a wrong key has a cause."""
    sent = deployed.json("send", "stripe", "--wait")
    webhook_id = sent["deliveries"][0]["webhook_id"]
    body, headers = tmp_path / "body.json", tmp_path / "headers.txt"
    (tmp_path / "old.txt").write_text("whsec_the_old_one")
    body.write_bytes(printed(deployed, "events", "show", webhook_id, "--body"))
    old = ("--secret-from", str(tmp_path / "old.txt"))
    headers.write_bytes(printed(deployed, "send", "stripe", "--file", str(body), *old, "--print", "headers"))
    words = ("verify", "explain", "--headers", str(headers), "--webhook", webhook_id)
    code, text = deployed.code(*words, "--also-try", str(tmp_path / "old.txt"), "-o", "json")
    assert (code, json.loads(text)["cause"]) == (7, "another key")
