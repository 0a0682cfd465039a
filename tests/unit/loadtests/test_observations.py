"""Laws of recording and merging."""

import json
from pathlib import Path

from loadtests.observations import Observations


def observed() -> Observations:
    seen = Observations()
    seen.add(at=10.2, role="a", address="127.0.0.2", status=200, latency_ms=4.44, webhook_id="stripe:1")
    seen.add(at=10.9, role="a", address="127.0.0.2", status=200, latency_ms=6, webhook_id="stripe:1")
    seen.add(at=11.0, role="a", address="127.0.0.2", status=403, latency_ms=1, webhook_id="stripe:2")
    seen.mark("a").first_block = 11.0
    return seen


def test_two_workers_add_up() -> None:
    """The master's record is the sum of what the workers drained; the earliest mark wins."""
    master = Observations()
    late = observed()
    late.mark("a").first_block = 12.0
    for worker in (late, observed()):
        master.merge(json.loads(json.dumps(worker.drain())))
    assert master.count(role="a", status=200) == 4
    assert master.count(role="a", status=403) == 2
    assert master.mark("a").first_block == 11.0
    assert master.acknowledged() == ["stripe:1"]


def test_draining_twice_counts_once() -> None:
    """What was sent to the master is not sent again."""
    worker, master = observed(), Observations()
    master.merge(worker.drain())
    master.merge(worker.drain())
    assert master.count() == 3


def test_a_record_survives_its_file(tmp_path: Path) -> None:
    """What is written is what is read; the journal has a line for each delivery."""
    seen = observed()
    again = Observations.from_json(json.loads(json.dumps(seen.to_json())))
    assert again.to_json() == seen.to_json()
    seen.write_journal(tmp_path / "journal.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    assert lines[-1] == {"webhook_id": "stripe:2", "status": 403}
    assert len(lines) == 3
