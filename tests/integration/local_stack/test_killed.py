"""SIGKILL of the local engine while webhooks arrive: what is lost is bounded, said, and complete again after a resend.

Nothing of this exists on AWS: there is no engine, and an acknowledged write is on several disks.
"""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lambdas.shared.webhook import Status
from stack.outputs import TABLE_NAME
from tests.conftest import Cli
from tests.dead_letters import DeadLetters
from tests.eventually import eventually
from webhookctl.local import engine_snapshots, environment
from webhookctl.local.places import Places
from webhookctl.local.state import LocalEnvironment

pytestmark = [pytest.mark.integration, pytest.mark.slow]

STREAM = 80
RATE = 25
TRIES = 3
KILL_AFTER = 20
SNAPSHOT_WITHIN_S = 2 * engine_snapshots.INTERVAL_S + 10


def test_a_sigkill_loses_what_came_after_the_last_snapshot_and_no_more(
    deployed: Cli, local_environment: LocalEnvironment, tmp_path: Path
) -> None:
    """All before the snapshot is there; the provider's list names the lost; sent again, each has one effect."""
    places = Places(local_environment.root)
    kept = [
        delivery["webhook_id"] for delivery in deployed.json("send", "stripe", "--count", "10", "--wait")["deliveries"]
    ]
    _await_snapshot(places)
    letters = DeadLetters(deployed)
    deliveries = _killed_while_sending(letters, places)
    environment.up(places)
    acknowledged = [delivery["webhook_id"] for delivery in deliveries if delivery["status"] == 200]
    assert 0 < len(acknowledged) < STREAM
    assert all(webhook.status is Status.PROCESSED for webhook in letters.table.get_many(kept).values())
    assert set(letters.table.get_many(kept)) == set(kept)
    lost = set(acknowledged) - set(letters.table.get_many(acknowledged))
    assert _missing_by_the_providers_list(deployed, [*kept, *acknowledged], tmp_path) == lost
    everything = _sent_again(deployed)
    deployed.code("events", "reconcile", "--older-than", "0s", "--yes")
    settled = letters.settled(everything, within_s=60)
    assert {(webhook.status, webhook.seq) for webhook in settled.values()} == {(Status.PROCESSED, 2)}
    assert set(settled) == set(everything) >= lost


def _await_snapshot(places: Places) -> None:
    """Wait until the engine has saved what stands there now."""
    done = time.time()

    def is_saved() -> bool:
        return min((places.engine_state / f"{name}.json").stat().st_mtime for name in ("dynamodb", "sqs")) > done

    assert eventually(is_saved, within_s=SNAPSHOT_WITHIN_S)


def _killed_while_sending(letters: DeadLetters, places: Places) -> list[dict[str, Any]]:
    """Send a stream of webhooks, kill the engine in the middle of it, and return how each was answered."""
    engine = environment.up(places).engine_pid
    before = _stored(letters)
    process = subprocess.Popen(
        [sys.executable, "-m", "webhookctl", "send", "stripe", *_stream("--rate", str(RATE)), "-o", "json"],
        env=letters.cli_environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert eventually(lambda: _stored(letters) >= before + KILL_AFTER, within_s=60)
    os.kill(engine, signal.SIGKILL)
    text, _ = process.communicate(timeout=120)
    return list(json.loads(text)["deliveries"])


def _stored(letters: DeadLetters) -> int:
    client, name = letters.app.session.client("dynamodb"), letters.app.outputs[TABLE_NAME]
    return int(client.scan(TableName=name, Select="COUNT", ConsistentRead=True)["Count"])


def _sent_again(deployed: Cli) -> list[str]:
    """Send the same stream again until all of it is accepted, as the provider would; return the ids."""
    for _ in range(TRIES):
        _, text = deployed.code("send", "stripe", *_stream("--concurrency", "4"), "-o", "json")
        deliveries = json.loads(text)["deliveries"]
        if all(delivery["status"] == 200 for delivery in deliveries):
            break
    assert {delivery["status"] for delivery in deliveries} == {200}
    return [delivery["webhook_id"] for delivery in deliveries]


def _stream(*words: str) -> tuple[str, ...]:
    return ("--count", str(STREAM), "--seed", "20261124", *words)


def _missing_by_the_providers_list(deployed: Cli, webhook_ids: list[str], folder: Path) -> set[str]:
    now = int(datetime.now(UTC).timestamp())
    ids = [webhook_id.partition(":")[2] for webhook_id in webhook_ids]
    file = folder / "provider.json"
    file.write_text(json.dumps({"data": [{"id": name, "type": "x", "created": now} for name in ids]}))
    _, text = deployed.code("events", "reconcile", "stripe", "--since", "1h", "--file", str(file), "-o", "json")
    return {row["webhook_id"] for row in json.loads(text)["events"] if row["standing"] == "missing"}
