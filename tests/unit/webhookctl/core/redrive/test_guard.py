"""The guard: what may be retried."""

from dataclasses import replace
from datetime import timedelta

import pytest

from lambdas.shared.webhook import PaymentEvent, Status, StoredWebhook
from tests.fakes_dlq import NOW, FakeQueue, FakeWebhooks, World, failed_webhook
from webhookctl.core.dlq.dead_letter import DeadLetter, Sibling
from webhookctl.core.redrive.guard import Guard, Verdict

PENDING = PaymentEvent(kind="payment.pending", payment_id="pi_1")


def letter(webhook: StoredWebhook | None, *, body: str | None = None) -> DeadLetter:
    queue = FakeQueue(World())
    queue.add(webhook.webhook_id if webhook else "stripe:gone", body=body)
    (message,) = queue.messages.values()
    return DeadLetter(message=message, webhook=webhook, event=webhook.event if webhook else None)


def judged(found: DeadLetter, *siblings: Sibling, is_on: bool = True) -> Verdict:
    webhooks = FakeWebhooks(siblings={"pi_1": list(siblings)})
    return Guard(webhooks=webhooks, retry_cycle=timedelta(minutes=15), is_on=is_on).judge(found, now=NOW)


def sibling(kind: str, *, later: bool = True, object_id: str | None = None, is_cumulative: bool = False) -> Sibling:
    created_at = NOW if later else NOW - timedelta(days=1)
    return Sibling(
        webhook_id="stripe:other", created_at=created_at, kind=kind, object_id=object_id, is_cumulative=is_cumulative
    )


def test_failed_webhook_is_redriven() -> None:
    """The plain case."""
    assert judged(letter(failed_webhook("a"))) is Verdict.REDRIVE


def test_processed_webhook_is_only_deleted() -> None:
    """PROCESSED is terminal."""
    assert judged(letter(failed_webhook("a", status=Status.PROCESSED))) is Verdict.DELETE


def test_unreadable_and_unknown_messages_are_never_sent() -> None:
    """Not even without the guard: they could never be processed."""
    assert judged(letter(failed_webhook("a"), body="hello"), is_on=False) is Verdict.UNREADABLE
    assert judged(letter(None), is_on=False) is Verdict.NO_RECORD


@pytest.mark.parametrize(("age", "verdict"), [(1, Verdict.IN_FLIGHT), (60, Verdict.REDRIVE)])
def test_young_webhook_without_a_failure_is_in_flight(age: int, verdict: Verdict) -> None:
    """RECEIVED and no recorded failure: another message is on its way, for as long as tries can last."""
    webhook = failed_webhook("a", status=Status.RECEIVED, received_at=NOW - timedelta(minutes=age))
    assert judged(letter(webhook)) is verdict


@pytest.mark.parametrize(
    ("event", "other", "verdict"),
    [
        (PENDING, sibling("payment.succeeded"), Verdict.SUPERSEDED),
        (PENDING, sibling("payment.succeeded", later=False), Verdict.REDRIVE),
        (PENDING, sibling("payment.succeeded", object_id="other"), Verdict.REDRIVE),
        (replace(PENDING, kind="payment.succeeded"), sibling("refund.succeeded"), Verdict.REDRIVE),
        (replace(PENDING, kind="payment.failed"), sibling("payment.succeeded"), Verdict.SUPERSEDED),
        (
            replace(PENDING, kind="refund.succeeded", is_cumulative=True),
            sibling("refund.succeeded", is_cumulative=True),
            Verdict.SUPERSEDED,
        ),
        (replace(PENDING, kind="refund.succeeded"), sibling("refund.succeeded"), Verdict.REDRIVE),
    ],
)
def test_only_a_later_event_of_the_same_object_supersedes(
    event: PaymentEvent, other: Sibling, verdict: Verdict
) -> None:
    """Steps are history once their end is processed; money that counts by itself never is."""
    assert judged(letter(failed_webhook("a", event=event)), other) is verdict


def test_without_the_guard_all_that_has_a_record_is_sent() -> None:
    """--no-guard leaves it to the processor, which processes once."""
    assert judged(letter(failed_webhook("a", status=Status.PROCESSED)), is_on=False) is Verdict.REDRIVE
