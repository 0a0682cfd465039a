"""Lengths of time in words."""

import pytest

from webhookctl.core.trace.clock import span_of_time


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.0, "0 ms"), (0.0003, "0.3 ms"), (0.09, "90 ms"), (1.5, "1.50 s"), (119.0, "119.00 s"), (258.6, "0:04:19")],
)
def test_a_length_of_time_is_told_in_the_unit_that_fits(seconds: float, told: str) -> None:
    """A step that took less than a millisecond did take time."""
    assert span_of_time(seconds) == told
