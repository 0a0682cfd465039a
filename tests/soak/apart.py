"""A deployed local environment of its own, in a temporary folder: nothing that is the user's is read or touched."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import Cli, boot
from webhookctl.local import environment
from webhookctl.local.places import Places

_THE_USERS = ("AWS_", "WEBHOOKCTL_")
"""Variables that could lead somewhere else begin so."""


@contextmanager
def environment_apart() -> Iterator[Cli]:
    """Start an environment, deploy to it, and take all of it away afterwards, whatever happened."""
    with tempfile.TemporaryDirectory(prefix="webhookctl-soak-") as name, pytest.MonkeyPatch.context() as patch:
        home = Path(name).resolve()
        for variable in [each for each in os.environ if each.startswith(_THE_USERS)]:
            patch.delenv(variable)
        patch.setenv("WEBHOOKCTL_HOME", str(home))
        patch.setenv("WEBHOOKCTL_ENV", "local")
        patch.chdir(home)  # a webhookctl.toml is looked for from here upward
        try:
            boot(home)
            cli = Cli(home)
            cli.json("deploy", "--env", "local", "--yes")
            yield cli
        finally:
            environment.reset(Places(home / "local"))
