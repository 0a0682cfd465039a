"""SIGKILL of the local engine while webhooks arrive: what is lost is bounded, said, and complete again after a resend.

`make soak` does the same to an environment of its own, several times and from a random seed.
"""

from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.soak.kills import Killing

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]

STREAM = 80


def test_a_sigkill_loses_what_came_after_the_last_snapshot_and_no_more(deployed: Cli, tmp_path: Path) -> None:
    """What was saved is there; the providers' lists name exactly the lost; sent again, each has one effect."""
    killing = Killing(cli=deployed, seed=20_261_124, count=STREAM, kills_front_door=False, folder=tmp_path)
    books = killing.run()
    assert books.is_clean, books
    assert books.saved_before_the_kill >= len(killing.calm.events)
    assert len(killing.calm.events) < books.acknowledged < len(killing.events)
    assert books.sent_again >= books.lost
