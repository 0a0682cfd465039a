"""Locust as a process: its command line, its progress, its files and its failures, against an endpoint of our own."""

import contextlib
import json
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3

import loadtests
from lambdas.shared.providers.base import Key, ProviderSecret
from tests.eventually import eventually
from webhookctl.core.load.run import LoadPlan
from webhookctl.core.load.runner import LocustRunner
from webhookctl.core.load.secrets import write_secrets
from webhookctl.errors import UsageError


@dataclass
class Endpoint:
    """An endpoint that takes everything. `senders` are (source address, path) of what arrived."""

    port: int = 0
    senders: list[tuple[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/prod"

    @property
    def url_beyond(self) -> str:
        """The same endpoint by a name that nobody takes for loopback, as a deployed API has."""
        return f"http://127.1:{self.port}/prod"


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """Serve an endpoint."""
    served = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            served.senders.append((self.client_address[0], self.path))
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - its name

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.port = server.server_port
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield served
    server.shutdown()
    server.server_close()


@pytest.fixture
def secrets(tmp_path: Path, endpoint: Endpoint) -> Path:
    """Write a secrets file of the providers whose keys are text."""
    keys = {"stripe": "whsec_made_up", "square": "made up"}
    file = tmp_path / "secrets.json"
    extra = {"notificationUrl": "http://127.0.0.1/prod/webhook/square"}
    found = {name: ProviderSecret(keys=(Key(id="k", value=v),), extra=extra) for name, v in keys.items()}
    write_secrets(file, found, environment="dev", endpoint=endpoint.url_beyond)
    return file


def steady(host: str, folder: Path, **changes: Any) -> LoadPlan:
    return LoadPlan(scenario="steady", environment="dev", host=host, folder=folder, waf_lag_s=0, **changes)


def record_of(plan: LoadPlan) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((plan.folder / "observations.json").read_text())
    return found


def test_a_scenario_runs_to_its_end_and_leaves_its_record(endpoint: Endpoint, secrets: Path, tmp_path: Path) -> None:
    """Progress as it happens, then observations and a journal; with a worker, whoever has Locust's usual port."""
    with socket.socket() as other, contextlib.suppress(OSError):
        other.bind(("127.0.0.1", 5557))
        other.listen()
        plan = steady(endpoint.url, tmp_path / "out", rate_rps=20, seconds=2, workers=1)
        lines = list(LocustRunner(secrets).run(plan))
    assert lines[-1]["total"] > 0
    record = record_of(plan)
    assert [bound["is_kept"] for bound in record["bounds"]] == [True, True]
    journal = [json.loads(line) for line in (plan.folder / "journal.jsonl").read_text().splitlines()]
    assert len(journal) == record["acknowledged"] > 10
    assert {line["status"] for line in journal} == {200}
    assert {address for address, _ in endpoint.senders} <= {f"127.0.1.{n}" for n in range(1, 11)}


def test_beyond_this_machine_load_leaves_from_its_one_address(
    endpoint: Endpoint, secrets: Path, tmp_path: Path
) -> None:
    """Nothing is bound to a loopback address, which could not reach it; broken off, the run still has its record."""
    plan = steady(endpoint.url_beyond, tmp_path / "out", rate_rps=1, seconds=60)
    lines = LocustRunner(secrets).run(plan)
    first = next(line for line in lines if line["total"] > 0)
    lines.close()
    assert first["total"] < 10, "its twenty users do not all send at once"
    assert {address for address, _ in endpoint.senders} == {"127.0.0.1"}
    record = record_of(plan)
    assert {cell[2] for cell in record["cells"]} == {"own address"}
    assert [bound["is_kept"] for bound in record["bounds"]] == [True, True]


def test_the_web_interface_loads_no_host_that_the_command_line_would_not(
    endpoint: Endpoint, secrets: Path, tmp_path: Path
) -> None:
    """A host typed there is checked before the first request; a good one is loaded."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        web = f"127.0.0.1:{free.getsockname()[1]}"
    words = ["--host", endpoint.url, "--secrets", str(secrets), "--web-host", "127.0.0.1", "--web-port", web[10:]]
    command = [sys.executable, "-m", "locust", "-f", str(Path(loadtests.__path__[0]) / "steady.py"), *words]
    with (tmp_path / "locust.log").open("w") as log, subprocess.Popen(command, stderr=log) as locust:
        try:

            def swarm(host: str) -> int:
                form = {"user_count": "20", "spawn_rate": "20", "host": host}
                return urllib3.request("POST", f"http://{web}/swarm", fields=form, retries=False).status

            assert eventually(lambda: is_up(web), within_s=30)
            for refused in (endpoint.url_beyond, f"http://192.0.2.2:{endpoint.port}/elsewhere"):
                assert swarm(refused) == 200
            assert eventually(lambda: (tmp_path / "locust.log").read_text().count("Stopping Locust") == 2, within_s=10)
            assert endpoint.senders == []
            assert swarm(endpoint.url) == 200
            assert eventually(lambda: bool(endpoint.senders), within_s=10)
        finally:
            locust.terminate()
    said = (tmp_path / "locust.log").read_text()
    assert "--confirm dev to load it" in said
    assert "192.0.2.2" in said


def is_up(web: str) -> bool:
    try:
        return urllib3.request("GET", f"http://{web}/", retries=False, timeout=2).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def test_a_scenario_that_refuses_its_options_says_why(endpoint: Endpoint, secrets: Path, tmp_path: Path) -> None:
    """Its own words, as a usage error."""
    plan = replace(steady(endpoint.url, tmp_path / "out", seconds=2), rate_rps=401)
    with pytest.raises(UsageError, match="--rate 401 is out of bounds"):
        list(LocustRunner(secrets).run(plan))


def test_the_secrets_file_is_the_owners_alone(secrets: Path) -> None:
    """Mode 0600, also when it replaces a file that was open to all."""
    secrets.chmod(0o644)
    other = {"stripe": ProviderSecret(keys=(Key(id="k", value="whsec_other"),))}
    write_secrets(secrets, other, environment="dev", endpoint="https://abc.example/prod")
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert json.loads(secrets.read_text())["secrets"]["stripe"]["keys"][0]["value"] == "whsec_other"
