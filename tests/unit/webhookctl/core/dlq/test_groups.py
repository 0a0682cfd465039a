"""The summary of the dead-letter queue."""

from datetime import timedelta

import pytest

from lambdas.shared.webhook import PaymentEvent, Status
from tests.fakes_dlq import NOW, FakeQueue, FakeWebhooks, World, failed_webhook
from webhookctl.core.dlq.filter import DeadLetterFilter, parse_min_amount
from webhookctl.core.dlq.groups import DeadLetterSummary, span
from webhookctl.core.dlq.look import DeadLetterQueue
from webhookctl.core.dlq.scan import ScanLimits
from webhookctl.core.money import Money
from webhookctl.errors import UsageError


def paid(amount: int, currency: str, *, is_secondary: bool = False, is_cumulative: bool = False) -> PaymentEvent:
    return PaymentEvent(
        kind="payment.succeeded",
        payment_id="p",
        amount_minor=amount,
        currency=currency,
        is_secondary=is_secondary,
        is_cumulative=is_cumulative,
    )


def summary(*events: PaymentEvent | None) -> DeadLetterSummary:
    world = World()
    queue, webhooks = FakeQueue(world), FakeWebhooks()
    for number, event in enumerate(events):
        queue.add(webhooks.add(failed_webhook(f"e{number}", event=event)).webhook_id)
    processed = webhooks.add(failed_webhook("done", status=Status.PROCESSED, event=paid(9999, "USD")))
    queue.add(processed.webhook_id)
    source = DeadLetterQueue(
        environment="test",
        queue=queue,
        webhooks=webhooks,
        normalise=lambda webhook: webhook.event,
        now=world.now,
        monotonic=world.monotonic,
    )
    found = source.find_all(DeadLetterFilter(), limits=ScanLimits(), most=100).summary(world.now())
    assert queue.visible == set(queue.messages), "looking took something out"
    return found


def test_money_is_counted_per_currency_without_what_is_processed() -> None:
    """Each currency with its own decimals; PROCESSED is not at risk."""
    found = summary(paid(12345, "USD"), paid(55, "USD"), paid(500, "JPY"), paid(1250, "KWD"))
    assert found.money_at_risk == {"JPY": "500", "KWD": "1.250", "USD": "124.00"}
    assert (found.matched, found.processed) == (5, 1)


def test_money_is_not_counted_twice() -> None:
    """A secondary event carries no money of its own; running totals count once, at their highest."""
    found = summary(
        paid(100, "EUR"),
        paid(100, "EUR", is_secondary=True),
        paid(30, "USD", is_cumulative=True),
        paid(70, "USD", is_cumulative=True),
    )
    assert found.money_at_risk == {"EUR": "1.00", "USD": "0.70"}


def test_unreadable_amounts_are_said() -> None:
    """What cannot be read is counted as unknown, not as nothing: in its group and in the sum."""
    found = summary(paid(100, "EUR"), None)
    assert "1.00 EUR + 1 of unknown amount" in "\n".join(found.draw(80, lambda text, *_: text))
    (group,) = [group for group in summary(None).groups if group.error != "no failure is recorded"]
    assert group.unknown_amounts == 1
    assert "1 of unknown amount at risk" in "\n".join(group.draw(80, lambda text, *_: text))


def test_clocks_count_from_the_right_start() -> None:
    """The queue's from the first enqueue, the provider's from the receipt."""
    found = summary(paid(1, "USD"))
    group = found.groups[0]
    assert group.expires_at == NOW - timedelta(hours=1) + timedelta(days=14)
    assert group.provider_retries_until == NOW - timedelta(hours=1) + timedelta(days=3)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "over"), (-5, "over"), (59, "59s"), (3600, "1h"), (90061, "1d 1h"), (86405, "1d")]
)
def test_spans_show_two_units(seconds: int, text: str) -> None:
    """Enough to act on at a glance."""
    assert span(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize("text", ["", "x", "-1", "1.2.3", "10 EURO", "1e3"])
def test_bad_amounts_are_usage_errors(text: str) -> None:
    """--min-amount says what it takes."""
    with pytest.raises(UsageError):
        parse_min_amount(text)


def test_amounts_are_written_with_their_decimals() -> None:
    """No float is involved."""
    assert str(Money(amount_minor=123456789, currency="USD")) == "1,234,567.89 USD"
    assert str(Money(amount_minor=1, currency="JPY")) == "1 JPY"
