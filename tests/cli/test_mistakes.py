"""What people type by mistake, in any group: the exit code, what is wrong and what to do, before anything is done."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ran
from webhookctl.config import Settings
from webhookctl.context import AppContext

MISTAKES = {
    "snd": (2, "Did you mean 'send'?"),
    "send strip": (2, "one of: paypal, square"),
    "dlq redrve": (2, "Did you mean 'redrive'?"),
    "local upp": (2, "Did you mean 'up'?"),
    "events show": (2, "Missing argument 'ID'"),
    "status --bogus": (2, "No such option: --bogus"),
    "status -o xml": (2, "one of table, json, jsonl"),
    "status -e a_b": (2, "letters and digits"),
    "send stripe --query a[[": (2, "is not a JMESPath expression"),
    "send stripe --rate 0": (2, "is not a number above 0"),
    "send stripe --count 0": (2, "greater than or equal to 1"),
    "send stripe --file .": (2, ". can't be read: Is a directory"),
    "send stripe --file nowhere.json": (5, "hint:  relative paths start in /"),
    "verify explain --request nowhere": (5, "nowhere can't be read: there is no such file"),
    "verify explain --har .": (2, "hint:  name a file"),
    "events list --since yesterday": (2, "is not a time (like 15m, 1h, 2d"),
    "events list --since 1h --until 2h": (2, "--since is not before --until"),
    "trace list --until 2h --since 1h": (2, "--since is not before --until"),
    "trace list --since 2099-01-01": (2, "--since is in the future"),
    "trace list --slow soon": (2, "is not a duration"),
    "logs tail -f --until 5m": (2, "hint:  choose one"),
    "logs tail nobody": (2, "'nobody' is not one of"),
    "incident export --since tomorrow": (2, "is not a time"),
    "events list --status DONE": (2, "'DONE' is not one of"),
    "events list --provider strip": (2, "unknown provider 'strip' (one of stripe, paypal, square)"),
    "audit query -p strip": (2, "unknown provider 'strip'"),
    "payments list -p strip": (2, "unknown provider 'strip'"),
    "trace list -p strip": (2, "unknown provider 'strip'"),
    "payments list -s nonsense": (2, "'nonsense' is not one of 'pending', 'authorized'"),
    "payments list --since 999999d": (2, "is longer than 100 years"),
    f"events show {'x' * 2049}": (2, "this id has 2,049 bytes"),
    f"events list --payment {'x' * 2049}": (2, "this id has 2,049 bytes"),
    f"payments show {'x' * 2049}": (2, "this id has 2,049 bytes"),
    "events reconcile --file nowhere.json": (2, "--file need PROVIDER"),
    "events reconcile --api https://x.com --type a": (2, "--api, --type need PROVIDER"),
    "events reconcile stripe --dry-run --older-than 0s": (2, "--older-than, --dry-run are for queueing again"),
    "events reconcile stripe --yes --confirm prod": (2, "--yes, --confirm are for queueing again"),
    "events reconcile stripe --file nowhere.json --api x": (2, "choose one"),
    "events reconcile stripe --file nowhere.json": (5, "there is no such file"),
    "events reconcile stripe --api nonsense": (2, "'nonsense' is not an API's address"),
    "events reconcile strip": (2, "no provider is called 'strip'"),
    "cost estimate --per-month inf": (2, "is not a number"),
    "cost estimate --per-month lots": (2, "is not a number (like 250000, 500K, 1M)"),
    "load run nothing": (2, "one of: rate_limit"),
    "secrets set strip": (2, "unknown provider 'strip' (one of stripe, paypal, square)"),
    "secrets rotate strip": (2, "unknown provider 'strip'"),
    "local logs nobody": (2, "one of: engine, front-door"),
    "send stripe --url nowhere": (2, "hint:  such as https://"),
    "status": (4, "hint:  webhookctl local up"),
    "local reset": (3, "add --yes to confirm without a terminal"),
}


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_told_at_once_and_does_nothing(cli: Callable[..., Ran], tmp_path: Path, line: str) -> None:
    """With what to do next; nothing on stdout, no traceback, no file made."""
    code, said = MISTAKES[line]
    ran = cli(*line.split())
    assert (ran.exit_code, ran.out) == (code, "")
    assert said in ran.err
    assert "hint:  " in ran.err
    assert "Value error" not in ran.err
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_nothing_can_be_written_to_is_told_with_what_would_do(cli: Callable[..., Ran]) -> None:
    """Wherever it comes up: exit 2, the path, the reason."""

    def refuse(_: Settings) -> AppContext:
        raise FileNotFoundError(2, "No such file or directory", "/nowhere/report")

    ran = cli("config", "show", make_context=refuse)
    assert (ran.exit_code, ran.out) == (2, "")
    assert "/nowhere/report can't be used: No such file or directory" in ran.err
    assert "hint:  name a file or folder" in ran.err


def test_a_home_that_cannot_be_used_is_a_fault_of_the_configuration(
    cli: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A file where the folder should be: the error names it and what chooses another."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("WEBHOOKCTL_HOME", str(tmp_path / "file"))
    ran = cli("local", "up")
    assert (ran.exit_code, ran.out) == (4, "")
    assert f"{tmp_path / 'file'}/local can't be used: Not a directory" in ran.err
    assert "WEBHOOKCTL_HOME names another folder" in ran.err
