"""The operator's commands against the deployed local environment."""

import os
import shutil
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lambdas.shared.providers.base import ProviderSecret
from tests.conftest import Cli
from webhookctl.config import load_settings
from webhookctl.context import AppContext
from webhookctl.core.provider_secrets import sending_secret
from webhookctl.core.samples_ids import IdSource
from webhookctl.core.send_compose import Recipe, compose
from webhookctl.core.send_dispatch import Sender
from webhookctl.core.send_http import HttpTransport
from webhookctl.core.send_request import Target

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def app(deployed: Cli, monkeypatch: pytest.MonkeyPatch) -> AppContext:
    """Return the commands' own context on the deployed environment."""
    monkeypatch.setenv("WEBHOOKCTL_HOME", str(deployed.home))
    return AppContext(load_settings({}, environ={}))


def test_second_deployment_changes_nothing_and_says_so(deployed: Cli) -> None:
    """With nothing edited, `deploy` compares and stops: no CDK run, no smoke test."""
    report = deployed.json("deploy", "--env", "local")
    assert report["result"] == "unchanged"
    assert report["smoke_test"] == "not run"
    assert report["seeded_secrets"] == []
    assert deployed.json("diff", "--env", "local") == []


@pytest.mark.parametrize("run", ["first", "again"])
def test_demo_counts_what_really_happened(deployed: Cli, run: str) -> None:
    """Every accepted webhook ends processed, one by way of the DLQ; each run counts its own."""
    report: dict[str, Any] = deployed.json("demo", "--env", "local")
    assert list(report) == [
        "sent",
        "processed",
        "dead_lettered",
        "redriven",
        "rejected_forgeries",
        "audit_records",
        "seconds",
    ], run
    assert report["sent"] == report["processed"] == 10
    assert report["dead_lettered"] == report["redriven"] == 1
    assert report["rejected_forgeries"] == 6
    assert report["audit_records"] >= 2 * report["sent"] + 1
    assert report["seconds"] < 120


def test_status_tells_of_the_alarm_and_whom_it_told(deployed: Cli) -> None:
    """After a dead letter the DLQ's alarm shows when it last told the alert topic."""
    status = deployed.json("status", "--env", "local")
    alarm = next(a for a in status["alarms"] if a["name"] == "webhooks-dlq-depth-local")
    assert alarm["notified_at"] is not None
    assert {line["provider"] for line in status["providers"] if line["last_accepted"]} == {"stripe", "paypal", "square"}
    assert {line["queue"] for line in status["queues"]} == {"processing", "dead letters", "audit failures"}


def test_rotation_refuses_no_webhook_until_the_old_key_is_retired(app: AppContext) -> None:
    """Both keys verify in the overlap, the counter moves to the new one, then the old one is refused."""
    desk = app.secret_desk
    old = sending_secret(app.secrets, app.outputs, "square", test_ca=lambda: app.test_ca)
    rotated = desk.rotate("square", None)
    new = sending_secret(app.secrets, app.outputs, "square", test_ca=lambda: app.test_ca)

    assert _send(app, old) == _send(app, new) == 200
    assert _send(app, new) == 200
    usage = desk.usage(app.now() - timedelta(minutes=5))
    assert usage[rotated.keys[0]].count == 2
    retired = desk.retire("square", None, is_forced=False)
    assert retired.keys == rotated.keys[:1]

    assert _send(app, new) == 200
    assert _refused_within(app, old, timedelta(seconds=75))


def test_edited_lambda_is_live_after_deploy(deployed: Cli, tmp_path: Path) -> None:
    """A change in a handler reaches the running function, and only the functions change."""
    deployed.json("deploy", "--env", "local")
    copy = tmp_path / "project"
    copy.mkdir()
    for name in ("stack", "lambdas", "webhookctl"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "cdk.json", copy)
    handler = copy / "lambdas" / "receiver" / "handler.py"
    handler.write_text(handler.read_text().replace('"type": "webhook"', '"type": "webhook-edited"'))
    environment = {**os.environ, "WEBHOOKCTL_HOME": str(deployed.home), "PYTHONPATH": str(copy)}

    done = subprocess.run(
        [sys.executable, "-m", "webhookctl", "deploy", "--env", "local", "-o", "json", "--query", "result"],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, '"deployed"'), done.stderr
    seen = _logged_within(deployed, "webhook-edited", timedelta(seconds=30))
    assert deployed.json("deploy", "--env", "local")["result"] == "deployed"
    assert seen


def _logged_within(deployed: Cli, text: str, patience: timedelta) -> bool:
    deadline = time.monotonic() + patience.total_seconds()
    while time.monotonic() < deadline:
        _, lines = deployed.code("logs", "tail", "receiver", "--since", "5m", "--env", "local", "-o", "jsonl")
        if text in lines:
            return True
        time.sleep(1)
    return False


def _send(app: AppContext, secret: ProviderSecret) -> int | None:
    newest = ProviderSecret(keys=secret.keys[:1], extra=secret.extra)
    return _deliver(app, newest)


def _deliver(app: AppContext, secret: ProviderSecret) -> int | None:
    target = Target(url=app.outputs.webhook_url("square"), secret=secret)
    sender = Sender(targets={"square": target}, transport=HttpTransport(source_address="127.0.0.91"), now=app.now)
    return sender.deliver(compose(Recipe(provider="square"), ids=IdSource(), now=app.now)).status


def _refused_within(app: AppContext, secret: ProviderSecret, patience: timedelta) -> bool:
    deadline = app.now() + patience
    while app.now() < deadline:
        if _send(app, secret) == 401:
            return True
        time.sleep(0.2)  # under the firewall's rate
    return False
