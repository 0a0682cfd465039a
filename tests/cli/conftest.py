"""Running the CLI in-process, as a person would see it at 80 columns."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.shop import Shop
from webhookctl.cli import run
from webhookctl.config import Settings
from webhookctl.context import AppContext


@dataclass(frozen=True)
class Ran:
    exit_code: int
    out: str
    err: str


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Ran]:
    """Run one command line in an empty folder with an empty home; `make_context` swaps in fakes."""
    monkeypatch.setenv("WEBHOOKCTL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)

    def invoke(*words: str, make_context: Callable[[Settings], AppContext] = AppContext) -> Ran:
        code = run(words, make_context=make_context)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return invoke


@pytest.fixture
def shop(cli: Callable[..., Ran]) -> Shop:
    """Return an environment with dead letters, behind the real commands."""
    return Shop(cli)
