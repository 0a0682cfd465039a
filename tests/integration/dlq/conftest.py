"""An empty dead-letter queue of the deployed local environment."""

import pytest

from tests.conftest import Cli
from tests.dead_letters import DeadLetters


@pytest.fixture
def dead_letters(deployed: Cli) -> DeadLetters:
    found = DeadLetters(deployed)
    found.empty()
    return found
