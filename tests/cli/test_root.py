"""The root command: help, global options, errors."""

import json
import subprocess
import sys
from collections.abc import Callable

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.cli.conftest import Ran
from webhookctl.cli import COMMANDS, Entry, hoisted


def test_help_reads_well_at_80_columns(cli: Callable[..., Ran], snapshot: SnapshotAssertion) -> None:
    """No line of the help is wider than the terminal."""
    ran = cli("--help")
    assert ran.exit_code == 0
    assert max(len(line) for line in ran.out.splitlines()) <= 80
    assert ran.out == snapshot


def test_start_loads_no_aws_and_no_cdk() -> None:
    """The help, which every start goes through, imports no heavy library and no command."""
    script = (
        "import sys; from webhookctl.cli import run; run(['--help']);"
        "heavy = ('boto3', 'botocore', 'aws_xray_sdk', 'aws_cdk', 'locust', 'rich', 'aiohttp', 'cryptography');"
        "loaded = [m for m in sys.modules if m.split('.')[0] in heavy or m.startswith('webhookctl.commands.')];"
        "sys.exit(str(loaded or ''))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda e: e.name)
def test_root_help_says_what_each_command_says_itself(entry: Entry) -> None:
    """The line in the table of commands is the first line of the command's own help."""
    assert (entry.load().help or "").splitlines()[0] == entry.help


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["outputs", "-o", "json"], ["-o", "json", "outputs"]),
        (["outputs", "--env=dev", "-q"], ["--env=dev", "-q", "outputs"]),
        (["outputs", "-ojson"], ["-o", "json", "outputs"]),
        (["send", "--", "-o", "json"], ["send", "--", "-o", "json"]),
        (["send", "--output"], ["--output", "send"]),
    ],
)
def test_global_options_work_anywhere(given: list[str], expected: list[str]) -> None:
    """Global options may stand before or after the command, but not behind `--`."""
    assert hoisted(given) == expected


def test_a_reader_that_has_seen_enough_ends_the_command_quietly() -> None:
    """`webhookctl ... | head -1` is no failure, also where the shell counts every exit code of a pipe."""
    script = "import sys; from webhookctl.cli import run; sys.exit(run(['send', '--list']))"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as started:
        assert started.stdout
        assert started.stderr
        started.stdout.close()
        said = started.stderr.read()
    assert (started.returncode, said) == (0, "")


def test_misspelt_command_is_a_usage_error_with_a_suggestion(cli: Callable[..., Ran]) -> None:
    """A close name is offered."""
    ran = cli("otuputs")
    assert ran.exit_code == 2
    assert "Did you mean 'outputs'?" in ran.err


def test_error_is_one_json_object_on_stderr_under_json_output(cli: Callable[..., Ran]) -> None:
    """Scripts read code, message, hint and exit code; stdout stays empty."""
    ran = cli("outputs", "-o", "json")
    assert ran.exit_code == 4
    assert ran.out == ""
    assert json.loads(ran.err)["error"] == {
        "code": "local_not_running",
        "message": "the local environment is not running",
        "hint": "webhookctl local up",
        "exit_code": 4,
    }


def test_faulty_settings_are_all_reported_together(cli: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    """One run names every fault and where it came from."""
    monkeypatch.setenv("WEBHOOKCTL_OUTPUT", "xml")
    ran = cli("outputs", "-e", "a b")
    assert ran.exit_code == 4
    assert "'a b'" in ran.err
    assert "'xml' (one of table, json, jsonl) from WEBHOOKCTL_OUTPUT" in ran.err
