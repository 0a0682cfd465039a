"""Each filter of `dlq redrive` means exactly the dead letters that it says."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.conftest import Cli
from tests.dead_letters import AT, DeadLetters, paypal_event, stripe_event

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def filled(deployed: Cli) -> Iterator[DeadLetters]:
    """Four dead letters that differ in everything a filter looks at."""
    found = DeadLetters(deployed)
    found.empty()
    found.add("stripe", stripe_event("a_dear", amount=100_000, currency="jpy"))
    found.add("stripe", stripe_event("b_cheap", amount=99), error="Card reader on fire")
    found.add("stripe", stripe_event("c_failed", kind="payment_failed"), received_at=AT - timedelta(hours=5))
    found.add("paypal", paypal_event("d_paypal"))
    yield found
    found.empty()


@pytest.mark.parametrize(
    ("filters", "meant"),
    [
        (["--provider", "paypal"], {"paypal:WH-d_paypal"}),
        (["--type", "payment_intent.payment_failed"], {"stripe:evt_c_failed"}),
        (["--type", "payment_intent.*"], {"stripe:evt_a_dear", "stripe:evt_b_cheap", "stripe:evt_c_failed"}),
        (["--error", "card READER"], {"stripe:evt_b_cheap"}),
        (["--since", "2h"], {"stripe:evt_a_dear", "stripe:evt_b_cheap", "paypal:WH-d_paypal"}),
        (["--until", "2h"], {"stripe:evt_c_failed"}),
        (["--payment", "pi_b_cheap"], {"stripe:evt_b_cheap"}),
        (["--min-amount", "99.50"], {"stripe:evt_a_dear", "paypal:WH-d_paypal"}),
        (["--min-amount", "1EUR"], {"paypal:WH-d_paypal"}),
        (["--id", "evt_a_dear", "--id", "paypal:WH-d_paypal"], {"stripe:evt_a_dear", "paypal:WH-d_paypal"}),
        (["--query", "payload.data.object.metadata.shop == 'b'"], {"stripe:evt_b_cheap"}),
        (["--where", "webhook.currency == 'JPY'"], {"stripe:evt_a_dear"}),
        (["--provider", "stripe", "--since", "2h", "--min-amount", "1"], {"stripe:evt_a_dear"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_filter_means_exactly_what_it_says(filled: DeadLetters, filters: list[str], meant: set[str]) -> None:
    """A dry run names the dead letters that would move, and moves none."""
    code, text = filled.cli.code("dlq", "redrive", *filters, "--dry-run", "-o", "jsonl")
    assert code == 0
    lines = [json.loads(line) for line in text.splitlines()]
    assert {line["webhook_id"] for line in lines if line.get("event") == "would_redrive"} == meant
    assert lines[-1]["seen"] == 4


def test_filtered_redrive_moves_only_what_is_meant(filled: DeadLetters) -> None:
    """What the filter means is processed; what it does not mean is still there, at once visible."""
    report = filled.cli.json("dlq", "redrive", "--id", "evt_a_dear", "--wait")
    assert (report["redriven"], report["processed"], report["unmatched"]) == (1, 1, 3)
    assert filled.listed() == {"stripe:evt_b_cheap", "stripe:evt_c_failed", "paypal:WH-d_paypal"}


def test_list_groups_and_counts_money_per_currency(filled: DeadLetters) -> None:
    """Groups by error, provider and type; currencies are never mixed, and no amount is a float."""
    summary = filled.cli.json("dlq", "list")
    assert summary["money_at_risk"]["EUR"] == "99.50"
    assert summary["expires_in"].startswith("13d")
    assert {(g["provider"], g["event_type"]) for g in summary["groups"]} >= {
        ("paypal", "PAYMENT.CAPTURE.COMPLETED"),
        ("stripe", "payment_intent.payment_failed"),
    }
