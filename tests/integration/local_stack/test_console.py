"""The operator's commands against the deployed local environment."""

import json
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
from stack import outputs as names
from tests.conftest import Cli
from tests.eventually import eventually
from tests.integration.local import shape
from webhookctl.config import load_settings
from webhookctl.context import AppContext
from webhookctl.core.samples.ids import IdSource
from webhookctl.core.secrets.provider import sending_secret
from webhookctl.core.send.compose import Recipe, compose
from webhookctl.core.send.dispatch import Sender
from webhookctl.core.send.http import HttpTransport
from webhookctl.core.send.request import Target
from webhookctl.local.state import LocalEnvironment

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


def test_the_doctor_finds_nothing_then_each_planted_fault(deployed: Cli, local_environment: LocalEnvironment) -> None:
    """All green and exit 0; with the key disabled and a function stopped exit 7 and these two findings."""
    assert {f["result"] for f in deployed.json("doctor")} <= {"ok", "warning"}
    kms, functions = shape.client(local_environment, "kms"), shape.client(local_environment, "lambda")
    key, audit = deployed.json("outputs")["KeyArn"], names.audit_name("local")
    reserved = functions.get_function_concurrency(FunctionName=audit)["ReservedConcurrentExecutions"]
    kms.disable_key(KeyId=key)
    functions.put_function_concurrency(FunctionName=audit, ReservedConcurrentExecutions=0)
    try:
        code, text = deployed.code("doctor", "-o", "json")
    finally:
        kms.enable_key(KeyId=key)
        functions.put_function_concurrency(FunctionName=audit, ReservedConcurrentExecutions=reserved)
    assert code == 7
    assert {f["check"] for f in json.loads(text) if f["result"] == "failed"} == {"concurrency", "key"}


def test_destroying_tells_what_would_stay(deployed: Cli) -> None:
    """Of a disposable environment only the region's logging role; nothing is touched by --dry-run."""
    plan = deployed.json("destroy", "--dry-run")
    assert [change["type"] for change in plan["retained"]] == ["AWS::ApiGateway::Account", "AWS::IAM::Role"]
    assert len(plan["removed"]) > 50
    assert deployed.json("outputs")["TableName"] == "PaymentWebhooks-local"


def test_another_environment_on_the_same_endpoint_is_another_stack(
    deployed: Cli, local_environment: LocalEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`webhookctl.toml` names an emulator by its endpoint: reached, and not deployed there."""
    (tmp_path / "webhookctl.toml").write_text(
        f'[environments.emu]\nendpoint_url = "{local_environment.endpoint_url}"\nregion = "us-east-1"\n'
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    assert deployed.code("outputs", "--env", "emu")[0] == 5
    assert deployed.json("outputs", "--env", "local")["TableName"] == "PaymentWebhooks-local"


def test_the_bill_counts_what_dynamodb_consumed(deployed: Cli) -> None:
    """Each payment writes the table twice and the index once, and is read once: a unit each."""
    before = _consumed(deployed)
    deployed.json("send", "stripe", "--count", "5", "--wait")

    def counted() -> list[float]:
        return [after - earlier for after, earlier in zip(_consumed(deployed), before, strict=True)]

    eventually(lambda: counted() == [5, 15], within_s=20)  # each meter in its own second
    assert counted() == [5, 15]


def _consumed(deployed: Cli) -> tuple[float, float]:
    code, text = deployed.code("cost", "actual", "--since", "20h", "--env", "local", "-o", "json")
    if code == 5:
        return 0, 0
    report = json.loads(text)
    units = next(line["units"] for line in report["lines"] if line["service"] == "DynamoDB")
    return report["webhooks"], float(units.split()[0].replace(",", ""))


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
    (failed,) = deployed.json("audit", "query", "--status", "FAILED", "--since", "5m", "--limit", "1")

    def shown() -> dict[str, Any]:
        return dict(deployed.json("trace", "show", failed["webhook_id"])["traces"][0]["trace"])

    assert eventually(lambda: shown()["attempts"] == 6, within_s=20)  # the last try's segment is on its way
    trace = shown()
    assert trace["outcome"] == "processed"
    assert "in the DLQ" in [span["name"] for span in trace["spans"]]


def test_status_tells_of_the_alarm_and_whom_it_told(deployed: Cli) -> None:
    """After a dead letter the DLQ's alarm shows when it last told the alert topic."""
    status = deployed.json("status", "--env", "local")
    alarm = next(a for a in status["alarms"] if a["name"] == "webhooks-dlq-depth-local")
    assert alarm["notified_at"] is not None
    assert {line["provider"] for line in status["providers"] if line["last_accepted"]} == {"stripe", "paypal", "square"}
    assert {line["queue"] for line in status["queues"]} == {"processing", "dead letters", "audit failures"}


def test_rotation_refuses_no_webhook_until_the_old_key_is_retired(
    app: AppContext, local_environment: LocalEnvironment
) -> None:
    """Both keys verify in the overlap, the counter moves to the new one, then the old one is refused.

    By a fresh worker at once; one that has the secret in memory may use it for a minute, which SecretStore's own test
    holds it to.
    """
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

    functions, receiver = shape.client(local_environment, "lambda"), names.receiver_name("local")
    memory = functions.get_function_configuration(FunctionName=receiver)["MemorySize"]
    functions.update_function_configuration(FunctionName=receiver, MemorySize=memory)
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
    words = ("logs", "tail", "receiver", "--since", "5m", "--env", "local", "-o", "jsonl")
    seen = eventually(lambda: "webhook-edited" in deployed.code(*words)[1], within_s=30)
    assert deployed.json("deploy", "--env", "local")["result"] == "deployed"
    assert seen


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
