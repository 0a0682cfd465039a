"""Locust as a process: its command line, its progress, its files and its failures, against an endpoint of our own."""

import json
import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lambdas.shared.providers.base import Key, ProviderSecret
from webhookctl.core.load.run import LoadPlan
from webhookctl.core.load.runner import LocustRunner
from webhookctl.core.load.secrets import write_secrets
from webhookctl.errors import WebhookctlError


@pytest.fixture
def host() -> Iterator[str]:
    """Serve an endpoint that takes everything."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - its name

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/prod"
    server.shutdown()
    server.server_close()


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """Write a secrets file of the providers whose keys are text."""
    keys = {"stripe": "whsec_made_up", "square": "made up"}
    file = tmp_path / "secrets.json"
    extra = {"notificationUrl": "http://127.0.0.1/prod/webhook/square"}
    found = {name: ProviderSecret(keys=(Key(id="k", value=v),), extra=extra) for name, v in keys.items()}
    write_secrets(file, found, environment="dev", endpoint="https://abc.example/prod")
    return file


def steady(host: str, folder: Path, **changes: Any) -> LoadPlan:
    return LoadPlan(scenario="steady", environment="dev", host=host, folder=folder, waf_lag_s=0, **changes)


def test_a_scenario_runs_to_its_end_and_leaves_its_record(host: str, secrets: Path, tmp_path: Path) -> None:
    """Progress as it happens, then observations and one journal line for each request."""
    plan = steady(host, tmp_path / "out", rate_rps=20, seconds=2, workers=1)
    lines = list(LocustRunner(secrets).run(plan))
    assert lines[-1]["total"] > 0
    record = json.loads((plan.folder / "observations.json").read_text())
    assert [bound["is_kept"] for bound in record["bounds"]] == [True, True]
    journal = [json.loads(line) for line in (plan.folder / "journal.jsonl").read_text().splitlines()]
    assert len(journal) == record["acknowledged"] > 10
    assert {line["status"] for line in journal} == {200}


def test_a_scenario_that_cannot_start_says_where_to_look(host: str, tmp_path: Path) -> None:
    """A missing secrets file ends it at once; Locust's log tells why."""
    plan = steady(host, tmp_path / "out", seconds=2)
    with pytest.raises(WebhookctlError, match="exit code 2") as raised:
        list(LocustRunner(tmp_path / "nothing.json").run(plan))
    assert "locust.log" in (raised.value.hint or "")
    assert "webhookctl load secrets" in (plan.folder / "locust.log").read_text()


def test_the_secrets_file_is_the_owners_alone(secrets: Path) -> None:
    """Mode 0600, also when it replaces a file that was open to all."""
    secrets.chmod(0o644)
    other = {"stripe": ProviderSecret(keys=(Key(id="k", value="whsec_other"),))}
    write_secrets(secrets, other, environment="dev", endpoint="https://abc.example/prod")
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert json.loads(secrets.read_text())["secrets"]["stripe"]["keys"][0]["value"] == "whsec_other"
