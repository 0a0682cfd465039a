"""A trip for each fault."""

from collections.abc import Iterator

import pytest

from tests.fakes_aws import FakeAws, no_waiting
from tests.fakes_trip import Trip


@pytest.fixture
def trip() -> Iterator[Trip]:
    """Return a fresh trip whose back-off passes on the fake clock; every scripted fault must have happened."""
    aws = FakeAws()
    with no_waiting(aws.clock):
        yield Trip(aws=aws)
    aws.assert_all_happened()
