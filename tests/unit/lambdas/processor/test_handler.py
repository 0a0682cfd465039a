"""The processor's batches, over real boto3 clients."""

import json

import pytest

from lambdas.processor.handler import retry_delay_s
from lambdas.shared.webhook import Status
from tests.fakes_aws import FakeAws
from tests.fakes_trip import Trip, paypal_body, square_body, stripe_body


@pytest.mark.parametrize(
    ("provider", "body", "webhook_id", "amount"),
    [
        ("stripe", stripe_body(), "stripe:evt_1", 1200),
        ("square", square_body(), "square:sq-1", 900),
        ("paypal", paypal_body(), "paypal:WH-1", 3000),
    ],
)
def test_a_queued_webhook_becomes_a_payment_event(provider: str, body: bytes, webhook_id: str, amount: int) -> None:
    """PROCESSED carries what the event means, once."""
    trip = Trip()
    trip.send(body, provider=provider)
    trip.drain()
    stored = trip.stored(webhook_id)
    assert stored.event is not None
    assert (stored.status, stored.event.kind, stored.event.amount_minor) == (
        Status.PROCESSED,
        "payment.succeeded",
        amount,
    )
    assert (trip.effects(webhook_id), stored.seq, stored.attempts) == (1, 2, 1)
    assert stored.expires_at is not None


def test_a_failing_webhook_is_recorded_dead_lettered_and_can_be_redriven() -> None:
    """After the last receive it is FAILED with class, message and fingerprint; sent again, it is PROCESSED."""
    trip = Trip()
    trip.send(stripe_body(webhookctl={"failTimes": 5}))
    trip.drain()
    failed = trip.stored()
    assert failed.last_error is not None
    assert (failed.status, failed.attempts, failed.last_error.error_class) == (Status.FAILED, 5, "ProcessingError")
    assert (failed.last_error.message, len(failed.last_error.fingerprint)) == ("failure injected by the sender", 16)
    (dead,) = trip.aws.dlq.values()
    trip.aws.dlq.clear()
    trip.aws.queue[dead.message_id] = type(dead)(dead.body, dead.attributes, dead.message_id, 0.0)
    trip.drain()
    processed = trip.stored()
    assert (processed.status, processed.attempts, processed.last_error) == (Status.PROCESSED, 6, None)
    assert processed.seq == 3
    assert trip.effects() == 1


def test_a_passing_fault_is_retried_until_it_passes() -> None:
    """Two failures, then PROCESSED on the third receive; nothing is dead-lettered."""
    trip = Trip()
    trip.send(stripe_body(webhookctl={"failTimes": 2}))
    trip.drain()
    assert (trip.stored().status, trip.stored().attempts, trip.aws.dlq) == (Status.PROCESSED, 3, {})


def test_failures_are_counted_by_provider_and_outcome() -> None:
    """Each failed try is one point of the metric `Webhooks`: four times retried, then dead-lettered."""
    trip = Trip()
    trip.send(stripe_body(webhookctl={"failTimes": 5}))
    trip.drain()
    counted = [line for line in trip.lines if line.get("type") == "processing" and "Webhooks" in line]
    assert [line["outcome"] for line in counted] == ["retried"] * 4 + ["dead_lettered"]
    assert {(line["provider"], line["Webhooks"]) for line in counted} == {("stripe", 1)}
    (definition,) = counted[-1]["_aws"]["CloudWatchMetrics"]
    assert definition["Dimensions"] == [["environment", "outcome", "provider"]]
    assert all("environment" in line for line in counted)


def test_failure_injection_is_ignored_where_it_is_not_allowed() -> None:
    """In production the reserved key means nothing."""
    trip = Trip(allow_failure_injection=False)
    trip.send(stripe_body(webhookctl={"failTimes": 5}))
    trip.drain()
    assert trip.stored().status is Status.PROCESSED


def test_the_delay_grows_to_its_cap() -> None:
    """Seconds first, then doubling."""
    assert [retry_delay_s(n, base_s=2, cap_s=20) for n in (1, 2, 3, 4, 5, 1000)] == [2, 4, 8, 16, 20, 20]


def test_a_failed_message_comes_back_after_its_delay_not_the_queues() -> None:
    """The visibility of a failed message is set to the growing delay; on the last receive to nothing."""
    trip = Trip()
    trip.send(stripe_body(webhookctl={"failTimes": 99}))
    delays = []
    for _ in range(5):
        trip.poll_queue()
        (message,) = trip.aws.queue.values()
        delays.append(message.visible_at - trip.aws.clock())
        trip.aws.clock.advance(delays[-1])
    assert delays == [1, 2, 4, 8, 0]


def test_a_message_without_item_goes_to_the_dlq() -> None:
    """Nothing can be recorded, so the message itself is the evidence."""
    trip = Trip()
    trip.send(stripe_body())
    trip.aws.items.clear()
    trip.drain()
    assert len(trip.aws.dlq) == 1
    assert {line["reason"] for line in trip.lines if line["type"] == "processing"} == {"item_missing"}


@pytest.mark.parametrize("fail_times", [0, 2])
def test_a_read_that_lags_behind_costs_a_second_look_and_nothing_else(fail_times: int) -> None:
    """What was just written is found; an earlier state is found out by the write's condition, so one effect stands."""
    trip = Trip(aws=FakeAws(lags=True))
    trip.send(stripe_body(webhookctl={"failTimes": fail_times}))
    again = dict(trip.aws.queue)
    trip.drain()
    assert (trip.stored().status, trip.stored().seq) == (Status.PROCESSED, 2)
    trip.aws.queue.update(again)
    trip.drain()
    assert (trip.effects(), trip.aws.queue, trip.aws.dlq) == (1, {}, {})


def test_a_foreign_message_fails_alone() -> None:
    """A message that is not ours is reported, its neighbours are processed."""
    trip = Trip()
    trip.send(stripe_body())
    event = trip.aws.receive()
    foreign = {**event["Records"][0], "messageId": "m2", "body": "[]"}
    answer = trip.invoke_processor({"Records": [foreign, *event["Records"]]})
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m2"}]}
    assert trip.stored().status is Status.PROCESSED


def test_processing_leaves_one_line_without_the_body() -> None:
    """The line names the webhook, the attempt and the outcome."""
    trip = Trip()
    trip.send(stripe_body())
    trip.drain()
    (line,) = [line for line in trip.lines if line["type"] == "processing"]
    assert (line["type"], line["outcome"], line["attempt"]) == ("processing", "processed", 1)
    assert "amount_received" not in json.dumps(trip.lines)


def test_a_batch_writes_one_metric_line_for_each_provider() -> None:
    """How long its webhooks waited, as one list of values: a line costs more than a number."""
    trip = Trip()
    trip.send(stripe_body())
    trip.send(stripe_body("evt_2"))
    trip.send(square_body(), provider="square")
    trip.drain()
    measured = {line["provider"]: line["TimeToProcessed"] for line in trip.lines if line["type"] == "metric"}
    assert {provider: len(values) for provider, values in measured.items()} == {"stripe": 2, "square": 1}
