"""Fixtures that all tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from webhookctl.local import environment, ports
from webhookctl.local.places import Places
from webhookctl.local.state import LocalEnvironment


def boot(folder: Path) -> LocalEnvironment:
    """Start a local environment of its own in a folder, on free ports."""
    places = Places(folder / "local")
    places.make()
    if not places.ports_file.exists():
        ports.save(places.ports_file, ports.any_free())
    return environment.up(places)


@pytest.fixture(scope="session")
def local_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """WEBHOOKCTL_HOME of the whole test run."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WEBHOOKCTL_HOME", str(home))
        yield home


@pytest.fixture(scope="session")
def local_environment(local_home: Path) -> Iterator[LocalEnvironment]:
    """Start a local environment, empty at first, shared by the whole test run."""
    yield boot(local_home)
    environment.down(Places(local_home / "local"))
