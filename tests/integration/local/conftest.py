"""A local environment of its own with the small stack in it, started once for these tests."""

from collections.abc import Iterator

import pytest

from tests.conftest import boot
from tests.integration.local import shape
from webhookctl.local import environment
from webhookctl.local.engine import iam
from webhookctl.local.places import Places
from webhookctl.local.state import LocalEnvironment


@pytest.fixture(scope="session")
def shape_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEnvironment]:
    """Start an environment apart from the one that the project's stack is deployed to, without IAM evaluation."""
    home = tmp_path_factory.mktemp("shape")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(iam.SWITCH, raising=False)
        running = boot(home)
    yield running
    environment.down(Places(home / "local"))


@pytest.fixture(scope="session")
def outputs(shape_environment: LocalEnvironment) -> dict[str, str]:
    """Deploy the small stack and return its outputs."""
    return shape.deploy(shape_environment)
