"""A short fuzz in every run of the tests: hypothesis over gateway events, mutations over the parsers."""

import random
import tracemalloc
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes_trip import Trip
from tests.fuzz.targets import (
    BOMBS,
    LARGEST_MB,
    REFUSALS,
    SEEDS,
    ReceiverTarget,
    give_to_every_parser,
    mutated,
    parse_everything,
    within_bounds,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
headers = st.dictionaries(
    st.sampled_from(["Stripe-Signature", "x-square-hmacsha256-signature", "PAYPAL-TRANSMISSION-ID", "X-Amzn-Trace-Id"])
    | st.text(max_size=12),
    st.text(max_size=80) | json_values,
    max_size=5,
)
events = st.fixed_dictionaries(
    {},
    optional={
        "pathParameters": st.fixed_dictionaries({"provider": st.sampled_from(["stripe", "square", "paypal", "x"])})
        | json_values,
        "headers": headers | json_values,
        "multiValueHeaders": st.dictionaries(st.text(max_size=12), st.lists(st.text(), max_size=3)) | json_values,
        "body": st.text() | st.sampled_from([body.decode() for body in SEEDS]) | json_values,
        "isBase64Encoded": st.booleans() | json_values,
        "requestContext": json_values,
    },
)
TRIP = Trip()


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(events)
def test_no_event_crashes_the_receiver_or_writes_unverified(event: dict[str, Any]) -> None:
    """Whatever the gateway hands over, the answer is a refusal, and nothing is stored."""
    with within_bounds():
        assert TRIP.invoke_receiver(event)["statusCode"] in REFUSALS
    assert TRIP.aws.items == {}
    TRIP.lines.clear()


def test_no_mutation_breaks_a_parser() -> None:
    """Thousands of spoilt bodies: every parser returns or raises an error of ours."""
    rng = random.Random(1)
    for _ in range(5_000):
        parse_everything(mutated(rng, rng.choice(SEEDS)))


def test_no_mutation_breaks_the_receiver() -> None:
    """Spoilt events are refused unwritten; hostile bodies that are well signed are accepted or refused, in time."""
    target = ReceiverTarget(seed=1)
    for _ in range(2_000):
        target.one()
    assert target.verified > 0


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: f"{bomb[:6]!r}")
def test_no_bomb_takes_much_memory_or_time(bomb: bytes) -> None:
    """What is small and would become large: refused or read within bounds, by every parser."""
    parse_everything(bomb)
    tracemalloc.start()
    try:
        give_to_every_parser(bomb)
        assert tracemalloc.get_traced_memory()[1] < LARGEST_MB * 1024**2
    finally:
        tracemalloc.stop()


def test_a_bomb_well_signed_does_not_get_further() -> None:
    """The receiver accepts or refuses each, in bounds."""
    target = ReceiverTarget(seed=1)
    target.bombs()
    assert target.verified == len(BOMBS)
