"""Fixtures that all tests share."""

import contextlib
import io
import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from webhookctl import cli
from webhookctl.local import environment, ports
from webhookctl.local.engine import iam
from webhookctl.local.places import Places
from webhookctl.local.state import LocalEnvironment

# How long an example takes says more about the machine than about the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# A run in the background ignores SIGINT, and its children would inherit that: no Ctrl-C could be tested.
signal.signal(signal.SIGINT, signal.default_int_handler)


def boot(folder: Path) -> LocalEnvironment:
    """Start a local environment of its own in a folder, on free ports."""
    places = Places(folder / "local")
    places.make()
    if not places.ports_file.exists():
        ports.save(places.ports_file, ports.any_free())
    return environment.up(places)


@pytest.fixture(scope="session")
def local_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """WEBHOOKCTL_HOME of the whole test run, whose local environment evaluates IAM policies."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(iam.SWITCH, "1")
        patch.setenv("WEBHOOKCTL_HOME", str(home))
        yield home


@pytest.fixture(scope="session")
def local_environment(local_home: Path) -> Iterator[LocalEnvironment]:
    """Start a local environment, empty at first, shared by the whole test run."""
    yield boot(local_home)
    environment.down(Places(local_home / "local"))


@dataclass(frozen=True)
class Cli:
    """Runs webhookctl in this process, as its entry point does, against the run's own WEBHOOKCTL_HOME."""

    home: Path

    def code(self, *words: str) -> tuple[int, str]:
        """Run a command line and return its exit code and its stdout."""
        stdout = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)  # bodies are written as bytes
        with contextlib.redirect_stdout(stdout), pytest.MonkeyPatch.context() as patch:
            patch.setenv("WEBHOOKCTL_HOME", str(self.home))
            code = cli.run([*words, "--quiet", "--no-input"])
        stdout.seek(0)
        return code, stdout.read()

    def json(self, *words: str) -> Any:
        """Run a command that must succeed and return its JSON."""
        code, text = self.code(*words, "-o", "json")
        assert code == 0, (words, code, text)
        return json.loads(text)


@pytest.fixture(scope="session")
def deployed(local_home: Path, local_environment: LocalEnvironment) -> Cli:
    """Deploy the project's stack to the shared local environment; return the CLI that works on it."""
    assert local_environment.root == local_home / "local"
    runner = Cli(local_home)
    assert runner.json("deploy", "--env", "local", "--yes")["result"] == "deployed"
    return runner


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests that drive real processes by the clock another chance on a busy machine: a broken law breaks again."""
    for item in items:
        if "integration" in Path(str(item.fspath)).parts:
            item.add_marker(pytest.mark.flaky(reruns=2, reruns_delay=5))


class OneMachine(LoadScopeScheduling):  # type: ignore[misc] # it has no types
    """Shares the tests out to workers by file, but all that drive real processes to one: they share an environment."""

    def _split_scope(self, nodeid: str) -> str:
        return "tests/integration" if nodeid.startswith("tests/integration/") else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneMachine:
    """Use it whenever pytest-xdist runs the tests."""
    return OneMachine(config, log)
