"""The options of `events` and `payments` that no command line of plain words can show."""

from collections.abc import Callable

import pytest

from tests.cli.conftest import Ran
from webhookctl.core.events.payments import RANKS, PaymentStatus

EMPTY = [
    ("events", "show", ""),
    ("events", "resend", "stripe:a", " "),
    ("events", "list", "--payment", ""),
    ("events", "list", "--after", ""),
    ("events", "list", "--type", ""),
    ("events", "tail", "--type", ""),
    ("events", "reconcile", "stripe", "--file", "x.json", "--type", ""),
    ("events", "reconcile", "stripe", "--api", ""),
    ("events", "reconcile", ""),
    ("payments", "show", ""),
    ("payments", "list", "--status", ""),
]


@pytest.mark.parametrize("words", EMPTY, ids=" ".join)
def test_an_empty_word_is_refused_before_anything_is_asked(cli: Callable[..., Ran], words: tuple[str, ...]) -> None:
    """Most come from a variable that is not set."""
    ran = cli(*words)
    assert (ran.exit_code, ran.out) == (2, "")


def test_a_body_is_shown_in_one_form(cli: Callable[..., Ran]) -> None:
    """In the story, or alone."""
    ran = cli("events", "show", "stripe:a", "--body", "--payload")
    assert (ran.exit_code, ran.out) == (2, "")
    assert "choose one" in ran.err


def test_every_state_of_a_payment_can_be_asked_for() -> None:
    """What its events decide, and what went back of it."""
    assert {status for _, status in RANKS.values()} <= set(PaymentStatus)
    assert {"refunded", "partially_refunded", "partially_reversed", "unknown"} <= set(PaymentStatus)
