"""Starting, stopping, surviving: each test has an environment of its own."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.eventually import eventually
from tests.integration.local import shape
from webhookctl.local import environment, ports, processes, state
from webhookctl.local.engine.snapshots import LATEST_S
from webhookctl.local.errors import NotRunningError, StartError
from webhookctl.local.places import Places

pytestmark = pytest.mark.integration


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Places]:
    """Make the folder of an environment that is down, with ports of its own."""
    kept = Places(tmp_path / "local")
    kept.make()
    ports.save(kept.ports_file, ports.any_free())
    yield kept
    environment.reset(kept)
    assert processes.of(kept.root) == []


def audited(running: state.LocalEnvironment) -> str:
    """Everything that the stream's Lambda has logged."""
    logs: Any = shape.client(running, "logs")
    try:
        return "".join(e["message"] for e in logs.filter_log_events(logGroupName="/aws/lambda/shape-audit")["events"])
    except logs.exceptions.ResourceNotFoundException:
        return ""


def put_and_await_audit(running: state.LocalEnvironment, name: str) -> bool:
    """Write an item and tell whether the stream brings it to the Lambda."""
    shape.client(running, "dynamodb").put_item(TableName="shape", Item={"id": {"S": name}})
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and f'"{name}"' not in audited(running):
        time.sleep(0.1)
    return f'"{name}"' in audited(running)


def await_snapshot(places: Places, name: str) -> None:
    """Wait until the engine has saved an item; it may have been before this is called, and nothing changes since."""
    file = places.engine_state / "dynamodb.json"
    assert eventually(lambda: file.exists() and f'"{name}"' in file.read_text(), within_s=LATEST_S + 30)


def put_trace(running: state.LocalEnvironment) -> str:
    """Hand X-Ray one segment and return its trace's id."""
    now = time.time()
    trace_id = f"1-{int(now):08x}-{secrets.token_hex(12)}"
    segment = {"trace_id": trace_id, "id": secrets.token_hex(8), "name": "kept", "start_time": now, "end_time": now + 1}
    answer = shape.client(running, "xray").put_trace_segments(TraceSegmentDocuments=[json.dumps(segment)])
    assert not answer["UnprocessedTraceSegments"]
    return trace_id


def test_stream_and_traces_go_on_after_down_and_up(places: Places) -> None:
    """Patch persist_stream_records: what was stored stays, and new records arrive; twice over. So do traces."""
    running = environment.up(places)
    shape.deploy(running)
    assert put_and_await_audit(running, "first")
    trace_id = put_trace(running)
    for name in ("second", "third"):
        environment.down(places)
        assert processes.of(places.root) == []
        running = environment.up(places)
        assert put_and_await_audit(running, name)
    assert shape.client(running, "dynamodb").scan(TableName="shape")["Count"] == 3
    traces = shape.client(running, "xray").batch_get_traces(TraceIds=[trace_id])["Traces"]
    assert [json.loads(segment["Document"])["name"] for segment in traces[0]["Segments"]] == ["kept"]


def test_sigkill_of_the_engine_loses_seconds_at_most(places: Places) -> None:
    """What was there before the last snapshot survives a SIGKILL, and so does the stream."""
    running = environment.up(places)
    shape.deploy(running)
    assert put_and_await_audit(running, "kept")
    await_snapshot(places, "kept")
    os.kill(running.engine_pid, signal.SIGKILL)
    assert not environment.status(places).running
    again = environment.up(places)
    assert shape.client(again, "dynamodb").get_item(TableName="shape", Key={"id": {"S": "kept"}})["Item"]
    assert put_and_await_audit(again, "after")


def test_down_leaves_nothing_running_even_after_a_sigkill(places: Places) -> None:
    """Lambda workers that lost their engine are ended too."""
    running = environment.up(places)
    shape.deploy(running)
    assert put_and_await_audit(running, "warm")
    assert environment.status(places).lambda_workers >= 1
    os.kill(running.engine_pid, signal.SIGKILL)
    assert environment.down(places)
    assert processes.of(places.root) == []
    assert not environment.down(places)


def test_concurrent_ups_start_one_environment(places: Places) -> None:
    """Four shells at once get the same processes."""
    program = (
        "import sys; from pathlib import Path; from webhookctl.local import environment; "
        "from webhookctl.local.places import Places; print(environment.up(Places(Path(sys.argv[1]))).engine_pid)"
    )

    def start(_: int) -> str:
        command = [sys.executable, "-c", program, str(places.root)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    with ThreadPoolExecutor(4) as pool:
        started = set(pool.map(start, range(4)))
    assert len(started) == 1
    assert len([c for c in processes.of(places.root) if c.runs(processes.ENGINE)]) == 1


def test_a_taken_port_is_replaced_by_a_free_one(places: Places) -> None:
    """The engine moves when somebody else has its port, and comes up."""
    usual = ports.load(places.ports_file)
    with socket.socket() as other:
        other.bind((ports.LOOPBACK, usual.engine))
        other.listen()
        running = environment.up(places)
    assert running.ports.engine != usual.engine
    assert running.ports.front_door == usual.front_door


def test_a_stale_state_file_is_not_believed(places: Places) -> None:
    """Process ids of another time: status says down, up starts afresh, the process that has the id now is spared."""
    running = environment.up(places)
    environment.down(places)
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        state.write(places.state_file, replace(running, engine_pid=bystander.pid, front_door_pid=bystander.pid))
        assert not environment.status(places).running
        with pytest.raises(NotRunningError):
            environment.env(places)
        environment.up(places)
        environment.down(places)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_it_listens_on_loopback_only(places: Places) -> None:
    """No port of the environment is open on another address of this machine."""
    running = environment.up(places)
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    for port in (running.ports.engine, running.ports.front_door, running.ports.aws):
        addresses = {fields[1].split(":")[0] for fields in listening if int(fields[1].split(":")[1], 16) == port}
        assert addresses == {"0100007F"}


def test_a_failed_start_shows_the_logs_end(places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the log and ends with what the process said last; nothing stays behind."""
    broken = tmp_path / "broken" / "ministack"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise RuntimeError('broken on purpose')")
    monkeypatch.setenv("PYTHONPATH", str(broken.parent))
    with pytest.raises(StartError, match="broken on purpose") as caught:
        environment.up(places)
    assert str(places.log_of("engine")) in caught.value.message
    assert processes.of(places.root) == []


def test_environments_that_start_at_once_get_ports_of_their_own(tmp_path: Path) -> None:
    """Both want the same ports; neither takes the other's answers for its own."""
    both = [Places(tmp_path / name / "local") for name in ("one", "two")]
    wanted = ports.any_free()
    for kept in both:
        kept.root.parent.mkdir()
        kept.make()
        ports.save(kept.ports_file, wanted)
    try:
        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(environment.up, both)
        used = {first.ports.engine, first.ports.front_door, second.ports.engine, second.ports.front_door}
        assert len(used) == 4
        assert all(environment.status(kept).running for kept in both)
    finally:
        for kept in both:
            environment.reset(kept)
