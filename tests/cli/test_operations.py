"""What the operator's commands print: tables at 80 columns, JSON, errors and exit codes, over a stand-in account."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.cli.conftest import Ran
from tests.fakes_doctor import IDENTITY, NOW, Clinic
from tests.fakes_outputs import stack_outputs
from webhookctl.config import Settings
from webhookctl.console import Console
from webhookctl.context import AppContext
from webhookctl.core.alarms import ALARM, Alarm
from webhookctl.core.metrics import MetricQuery, Series
from webhookctl.core.status import QueueLine

SECRET = json.dumps(
    {
        "v": 1,
        "keys": [
            {"id": "stripe-new", "value": "whsec_new", "createdAt": "2026-01-02T00:00:00Z"},
            {"id": "stripe-old", "value": "whsec_old", "createdAt": "2025-01-02T00:00:00Z"},
        ],
    }
)


class Alarms:
    def alarms_of(self, suffix: str) -> list[Alarm]:
        assert suffix == "-dev"
        told = NOW - timedelta(minutes=5)
        rings = Alarm(name="webhooks-dlq-depth-dev", state=ALARM, since=told, notified_at=told, reason="1 waits")
        return [Alarm(name="webhooks-queue-age-dev", state="OK", since=told, notified_at=None, reason=""), rings]


class Queues:
    def line(self, label: str, url: str) -> QueueLine:
        return QueueLine(queue=label, waiting=int(url == "dlq"), in_flight=0, delayed=0)


class Metrics:
    """Each metric counted a thousand."""

    def read(
        self, queries: Mapping[str, MetricQuery], *, start: datetime, end: datetime, period: timedelta
    ) -> dict[str, Series]:
        assert start < end
        assert period > timedelta()
        return {key: Series(points=((NOW - timedelta(minutes=2), 1000.0),)) for key in queries}


def context(settings: Settings) -> AppContext:
    """Return a context whose every port is stood in for, at a fixed time."""
    app = AppContext(settings)
    clinic = Clinic()
    clinic.secrets.text = SECRET
    clinic.account.skew = timedelta(minutes=6)
    clinic.cdk.wanted = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
    clinic.logs.lines["/aws/lambda/receiver"] = ['{"keyId":"stripe-new","outcome":"accepted"}'] * 2
    parts: dict[str, Any] = {
        "outputs": stack_outputs(status="UPDATE_COMPLETE"),
        "identity": IDENTITY,
        "probe": clinic.account,
        "secrets": clinic.secrets,
        "logs": clinic.logs,
        "deployment": clinic.deployment(),
        "alarms": Alarms(),
        "queue_lines": Queues(),
        "metrics": Metrics(),
        "now": lambda: NOW,
    }
    for name, part in parts.items():
        setattr(app, name, part)
    return app


COMMANDS = ("status", "doctor", "diff", "outputs", "secrets list", "cost actual", "cost estimate")


@pytest.fixture
def at_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Print as to a terminal of 80 columns."""
    monkeypatch.setattr(Console, "width", property(lambda _: 80))


@pytest.mark.usefixtures("at_80_columns")
@pytest.mark.parametrize("command", COMMANDS)
def test_tables_read_well_at_80_columns(cli: Callable[..., Ran], command: str, snapshot: SnapshotAssertion) -> None:
    """No line of a table is wider than the terminal."""
    ran = cli(*command.split(), "-e", "dev", make_context=context)
    assert max(len(line) for line in ran.out.splitlines()) <= 80
    assert ran.out == snapshot


@pytest.mark.parametrize("command", COMMANDS)
def test_json_has_every_member(cli: Callable[..., Ran], command: str, snapshot: SnapshotAssertion) -> None:
    """Times whole, nothing cut."""
    ran = cli(*command.split(), "-e", "dev", "-o", "json", make_context=context)
    assert json.loads(ran.out) == snapshot


def test_a_finding_of_the_doctor_is_exit_7(cli: Callable[..., Ran]) -> None:
    """And is named on stderr, while the whole list is on stdout."""
    ran = cli("doctor", "-e", "dev", make_context=context)
    assert ran.exit_code == 7
    assert "2 of 15 checks failed: clock, drift" in ran.err


def test_settings_tell_where_they_come_from(cli: Callable[..., Ran], tmp_path: Path) -> None:
    """The file's environment table, a flag, and the default."""
    (tmp_path / "webhookctl.toml").write_text(
        '[environments.emu]\nendpoint_url = "http://127.0.0.1:9"\nregion = "eu-1"\n'
    )
    rows = json.loads(cli("config", "show", "--origin", "-e", "emu", "-o", "json").out)
    origins = {row["setting"]: (row["value"], row["origin"].rpartition("/")[2]) for row in rows}
    assert origins["environment"] == ("emu", "flag")
    assert origins["endpoint_url"] == ("http://127.0.0.1:9", "webhookctl.toml [environments.emu]")
    assert origins["profile"] == (None, "default")


ODD: dict[str, tuple[str, int, str]] = {
    "bad name": ("status -e 1x", 2, "environment name '1x'"),
    "unknown output": ("outputs Nope -e dev", 5, "there is no output 'Nope'"),
    "unknown provider": ("secrets rotate nobody --generate -e dev --yes", 2, "unknown provider 'nobody'"),
    "no key on stdin": ("secrets set stripe --from /dev/null -e dev --yes", 2, "no key was given"),
    "no such file": ("secrets rotate stripe --from /nowhere -e dev --yes", 5, "/nowhere can't be read"),
    "another provider's URL": (
        "secrets set stripe --notification-url https://x -e dev --yes",
        2,
        "--notification-url belongs to square, not to stripe",
    ),
    "no certificate": ("secrets set paypal --trust-pem /dev/null -e dev --yes", 2, "is not a certificate"),
    "only with a terminal": ("destroy -e dev --no-input", 3, "not confirmed"),
    "future": ("cost actual --since 2030-01-01T00:00:00Z -e dev", 2, "--since is in the future"),
    "unknown setting": ("cost estimate -e dev", 4, "unknown setting 'colour'"),
}


@pytest.mark.parametrize("what", ODD)
def test_odd_input_is_told_without_a_traceback(cli: Callable[..., Ran], what: str, tmp_path: Path) -> None:
    """One sentence, the exit code of its kind, and a next step."""
    words, code, message = ODD[what]
    if what == "unknown setting":
        (tmp_path / "webhookctl.toml").write_text('[environments.dev]\ncolour = "red"\n')
    ran = cli(*words.split(), make_context=context)
    assert (ran.exit_code, message in ran.err) == (code, True), ran.err
    assert "Traceback" not in ran.err
    assert "hint" in ran.err or code == 2


def test_an_emulator_that_does_not_run_is_exit_4(cli: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    """With the URL that was tried and what to look at."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("WEBHOOKCTL_ENDPOINT_URL", "http://127.0.0.1:9")
    ran = cli("status", "-e", "emu")
    assert ran.exit_code == 4
    assert "http://127.0.0.1:9" in ran.err
    assert "endpoint URL" in ran.err
