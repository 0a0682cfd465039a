"""A payment's state does not depend on the order or number of its events' deliveries."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.shared.webhook import PaymentEvent
from webhookctl.core.audit.records import AuditRecord
from webhookctl.core.events.parts import PaymentFact
from webhookctl.core.events.payments import (
    RANKS,
    Payment,
    PaymentFilter,
    fold,
    list_payments,
    show_payment,
)
from webhookctl.errors import NotFoundError

START = datetime(2026, 1, 1, tzinfo=UTC)
PARTS = (
    "refund.pending",
    "refund.succeeded",
    "refund.failed",
    "refund.canceled",
    "dispute.opened",
    "dispute.won",
    "dispute.lost",
    "other",
)


def fact(n: int, kind: str, amount: int | None = 1000, **more: object) -> PaymentFact:
    """Return the nth event of a payment, n minutes after the start."""
    event = PaymentEvent(kind=kind, payment_id="pi_1", amount_minor=amount, currency="EUR")
    return PaymentFact(
        webhook_id=f"stripe:evt_{n}",
        provider="stripe",
        event_type=kind,
        at=START + timedelta(minutes=n),
        event=replace(event, **more),  # type: ignore[arg-type]
    )


def folded(*facts: PaymentFact) -> Payment:
    """Fold events that are there."""
    found = fold("pi_1", facts)
    assert found is not None
    return found


@st.composite
def drawn_facts(draw: st.DrawFn) -> PaymentFact:
    """Draw an event of few moments, parts, amounts and currencies, so that many are alike in all but one of them."""
    event = PaymentEvent(
        kind=draw(st.sampled_from([*RANKS, *PARTS])),
        payment_id="pi_1",
        object_id=draw(st.none() | st.sampled_from(["o1", "o2"])),
        amount_minor=draw(st.none() | st.sampled_from([0, 300, 700, 1000])),
        currency=draw(st.none() | st.sampled_from(["EUR", "EUR", "USD"])),
        is_cumulative=draw(st.booleans()),
        is_secondary=draw(st.booleans()),
    )
    at = START + timedelta(minutes=draw(st.integers(0, 2)))
    name = f"stripe:evt_{draw(st.integers(0, 10**6))}"
    return PaymentFact(webhook_id=name, provider="stripe", event_type=event.kind, at=at, event=event)


facts_of_a_payment = st.lists(drawn_facts(), min_size=1, max_size=12, unique_by=lambda fact: fact.webhook_id)


@given(facts_of_a_payment, st.data())
def test_any_order_and_any_duplicates_give_the_same_payment(facts: list[PaymentFact], data: st.DataObject) -> None:
    """Every permutation of a payment's events, with any of them repeated, folds to the same state."""
    again = data.draw(st.lists(st.sampled_from(facts), max_size=8))
    shuffled = data.draw(st.permutations([*facts, *again]))
    assert fold("pi_1", shuffled) == fold("pi_1", facts)


@pytest.mark.parametrize(
    ("kinds", "status"),
    [
        (["payment.pending"], "pending"),
        (["payment.pending", "payment.failed"], "failed"),
        (["payment.failed", "payment.succeeded"], "succeeded"),
        (["payment.succeeded", "payment.pending"], "succeeded"),
        (["payment.authorized", "payment.canceled"], "canceled"),
        (["payment.succeeded", "payment.reversed"], "reversed"),
        (["refund.succeeded"], "unknown"),
    ],
)
def test_the_most_final_event_decides(kinds: list[str], status: str) -> None:
    """A late `pending` does not undo a payment; a later success outranks a failure."""
    assert folded(*(fact(n, kind) for n, kind in enumerate(kinds))).status == status


def test_a_secondary_event_never_doubles_or_sets_the_amount() -> None:
    """charge.succeeded beside payment_intent.succeeded changes nothing."""
    payment = folded(fact(1, "payment.succeeded", 1200), fact(2, "payment.succeeded", 999, is_secondary=True))
    assert (payment.amount_minor, payment.amount, payment.net_minor) == (1200, "12.00 EUR", 1200)


def test_partial_refunds_add_up() -> None:
    """Refunds are told apart by their own id; one that failed does not count."""
    paid = fact(0, "payment.succeeded", 1000)
    first = fact(1, "refund.succeeded", 300, object_id="re_1")
    pending = fact(2, "refund.pending", 200, object_id="re_2")
    done = fact(3, "refund.succeeded", 200, object_id="re_2")
    payment = folded(paid, first, pending, done)
    assert (payment.status, payment.refunded_minor, payment.net_minor) == ("partially_refunded", 500, 500)
    failed = fact(4, "refund.failed", 200, object_id="re_2")
    assert folded(paid, first, pending, done, failed).refunded_minor == 300
    rest = fact(5, "refund.succeeded", 700, object_id="re_3")
    assert folded(paid, first, rest).status == "refunded"


def test_a_reversal_takes_what_it_says() -> None:
    """A part leaves the rest; one without an amount, or more than the payment, leaves nothing."""
    paid = fact(0, "payment.succeeded", 1000)
    first = fact(1, "payment.reversed", 100, object_id="rev_1")
    again = replace(first, webhook_id="stripe:other", at=START)
    second = fact(2, "payment.reversed", 900, object_id="rev_2")
    whole = fact(3, "payment.reversed", None, object_id="rev_3")
    refund = fact(4, "refund.succeeded", 300, object_id="re_1")
    for facts, status, net in (
        ([first], "partially_reversed", 900),
        ([first, again, refund], "partially_reversed", 600),
        ([first, second], "reversed", 0),
        ([whole], "reversed", 0),
    ):
        payment = folded(paid, *facts)
        assert (payment.status, payment.amount_minor, payment.net_minor) == (status, 1000, net)
    alone = folded(first)
    assert (alone.status, alone.amount_minor, alone.net_minor) == ("reversed", 100, 0)


def test_a_running_total_is_not_added_to_the_refunds_it_sums() -> None:
    """charge.refunded tells the sum so far: 300, then 500 in all, beside the refunds themselves."""
    total = [fact(2, "refund.succeeded", 300, is_cumulative=True), fact(4, "refund.succeeded", 500, is_cumulative=True)]
    single = [fact(1, "refund.succeeded", 300, object_id="a"), fact(3, "refund.succeeded", 200, object_id="b")]
    paid = fact(0, "payment.succeeded", 1000)
    assert {folded(paid, *facts).refunded_minor for facts in (total, single, [*total, *single])} == {500}


def test_a_running_total_is_the_larger_one_of_a_moment() -> None:
    """An invoice paid in two parts within one moment: the ids, which mean nothing, do not decide."""
    for first, second in ((1, 2), (2, 1)):
        half = replace(fact(first, "invoice.paid", 500, is_cumulative=True), at=START)
        whole = replace(fact(second, "invoice.paid", 1000, is_cumulative=True), at=START)
        assert folded(half, whole).amount_minor == 1000


@pytest.mark.parametrize("kind", ["refund.succeeded", "payment.reversed"])
def test_money_of_another_currency_is_never_counted_with_the_payments_own(kind: str) -> None:
    """Euros and dollars have no sum: what came back in euros counts, and what is left is not known."""
    paid = fact(0, "payment.succeeded", 1000)
    own = fact(1, "refund.succeeded", 300, object_id="r1")
    foreign = fact(2, kind, 900, object_id="r2", currency="USD")
    payment = folded(paid, own, foreign)
    assert (payment.amount, payment.refunded, payment.net_minor) == ("10.00 EUR", "3.00 EUR", None)
    assert payment.status in ("partially_refunded", "partially_reversed")
    alone = folded(paid, foreign)
    assert (alone.status, alone.refunded_minor, alone.net_minor) == (
        "partially_refunded" if kind.startswith("refund") else "partially_reversed",
        0,
        None,
    )
    for currency in ("USD", "EUR", None):  # a refund that failed gave nothing back, in whatever currency it says so
        taken_back = fact(3, "refund.failed", 900, object_id="r3", currency=currency)
        failed = folded(paid, fact(2, "refund.succeeded", 900, object_id="r3", currency="USD"), taken_back)
        assert (failed.status, failed.net_minor) == ("succeeded", 1000)


def test_refunds_without_their_payment_are_summed_in_one_currency() -> None:
    """Nothing says what was paid, so the first refund's currency is it."""
    events = [fact(n, "refund.succeeded", 300, object_id=f"r{n}", currency=c) for n, c in enumerate(("EUR", "USD"))]
    assert (folded(*events).status, folded(*events).refunded) == ("unknown", "3.00 EUR")


def test_a_dispute_shows_its_latest_state() -> None:
    """Opened, then lost, in whatever order they came."""
    events = [fact(2, "dispute.lost", object_id="dp_1"), fact(1, "dispute.opened", object_id="dp_1")]
    payment = folded(fact(0, "payment.succeeded"), *events)
    assert [(part.object_id, part.status) for part in payment.disputes] == [("dp_1", "lost")]
    assert payment.disputed == "lost"


class Index:
    """Payments by id."""

    def __init__(self, **facts: list[PaymentFact]) -> None:
        self._facts = facts

    def facts(self, payment_id: str) -> list[PaymentFact]:
        """Return a payment's events."""
        return self._facts.get(payment_id, [])


def test_an_unknown_payment_is_not_found() -> None:
    """The error names the payment."""
    with pytest.raises(NotFoundError, match="pi_9"):
        show_payment(Index(), "pi_9")


def test_the_list_holds_each_touched_payment_once_newest_first() -> None:
    """Records without a payment are passed over; filters apply to the folded state."""
    index = Index(pi_1=[fact(1, "payment.succeeded")], pi_2=[fact(2, "payment.failed")])
    records = [
        AuditRecord(at=START, written_at=START, kind="audit", change="MODIFY", actor="processor", line=line)
        for line in ({"paymentId": "pi_1"}, {"paymentId": "pi_2"}, {"paymentId": "pi_1"}, {}, {"paymentId": "pi_3"})
    ]
    found = list_payments(index, records, keep=PaymentFilter(), limit=9)
    assert [payment.payment_id for payment in found] == ["pi_2", "pi_1"]
    failed = list_payments(index, records, keep=PaymentFilter(status="failed"), limit=9)
    assert [payment.payment_id for payment in failed] == ["pi_2"]
