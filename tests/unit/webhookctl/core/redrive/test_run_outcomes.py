"""What a redrive makes of the ends of what it sent: the canary, --wait."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest

from lambdas.shared.webhook import StoredWebhook
from tests.redrive_bench import PLAN, Bench
from webhookctl.core.redrive.plan import Canary, RedrivePlan
from webhookctl.core.redrive.report import StoppedBy


def test_canary_that_fails_stops_the_redrive() -> None:
    """Five are sent, one fails again: the others are never touched."""
    bench = Bench()
    bench.fill(50)
    bench.process(fails=lambda webhook_id: webhook_id == "stripe:evt_2")
    report = bench.run(replace(PLAN, canary=Canary(size=5)))
    assert report.stopped_by is StoppedBy.CANARY
    assert (report.redriven, report.processed, report.failed_again) == (5, 4, 1)
    assert len(bench.dlq.visible) == 45 + 1


def test_canary_that_lives_goes_on_in_growing_steps() -> None:
    """5, 10, 20, ... until the queue is empty."""
    bench = Bench()
    bench.fill(50)
    bench.process(fails=lambda _: False)
    report = bench.run(replace(PLAN, canary=Canary(size=5)))
    assert report.stopped_by is StoppedBy.EMPTY
    assert (report.redriven, report.processed) == (50, 50)


def test_what_failed_again_is_told_once() -> None:
    """Back in the queue while the canary goes on, it is neither seen once more nor told as on its way."""
    bench = Bench()
    bench.fill(4)
    bench.process(fails=lambda webhook_id: webhook_id == "stripe:evt_1")
    report = bench.run(replace(PLAN, canary=Canary(size=1, stop_if_fail=2)))
    assert (report.seen, report.redriven, report.in_flight, report.failed_again) == (4, 4, 0, 1)
    assert bench.events("failed_again") == ["stripe:evt_1"]


def test_what_comes_back_has_failed_again_also_when_nobody_waits() -> None:
    """Without --wait, what is back before the end of the queue is told and makes the run partial."""
    bench = Bench()
    bench.fill(4)
    bench.process(fails=lambda webhook_id: webhook_id == "stripe:evt_1")
    report = bench.run(PLAN)
    assert (report.seen, report.redriven, report.in_flight, report.failed_again) == (4, 4, 0, 1)
    assert report.is_partial


def test_canary_whose_end_does_not_come_is_awaited_once() -> None:
    """The time of --timeout is spent once, and the rest is not sent."""
    bench = Bench()
    bench.fill(4)
    report = bench.run(replace(PLAN, canary=Canary(size=1), wait_for_s=4))
    assert (report.stopped_by, report.redriven, report.waiting) == (StoppedBy.CANARY_UNKNOWN, 1, 1)
    assert bench.world.seconds < 8


def test_canarys_portions_grow_with_its_steps() -> None:
    """After a canary of one, a step of many receives and reads the table by the hundred."""
    bench = Bench()
    bench.fill(500)
    bench.process(fails=lambda _: False)
    read, reads = bench.webhooks.get_many, [0]

    def counted(ids: Iterable[str]) -> Mapping[str, StoredWebhook]:
        reads[0] += 1
        return read(ids)

    bench.webhooks.get_many = counted  # type: ignore[method-assign,assignment]
    report = bench.run(replace(PLAN, canary=Canary(size=1)))
    assert report.processed == 500
    assert reads[0] < 50


def test_wait_tells_each_end() -> None:
    """--wait follows every webhook; one that fails again makes the run partial."""
    bench = Bench()
    bench.fill(12)
    bench.process(fails=lambda webhook_id: webhook_id == "stripe:evt_9")
    report = bench.run(replace(PLAN, follows_to_the_end=True))
    assert (report.processed, report.failed_again, report.waiting) == (11, 1, 0)
    assert bench.events("failed_again") == ["stripe:evt_9"]
    assert report.is_partial


def test_wait_that_runs_out_is_a_timeout() -> None:
    """A webhook without an end in time is counted as waiting."""
    bench = Bench()
    bench.fill(2)
    report = bench.run(replace(PLAN, follows_to_the_end=True, wait_for_s=0))
    assert report.waiting == 2
    assert report.is_timed_out


@pytest.mark.parametrize("plan", [replace(PLAN, follows_to_the_end=True), replace(PLAN, canary=Canary(size=12))])
def test_webhook_whose_processor_died_has_failed_again_once_its_message_is_back(plan: RedrivePlan) -> None:
    """No FAILED is ever written: the returned message is the end, long before the time is up."""
    bench = Bench()
    bench.fill(12)
    bench.process(fails=lambda _: False, dies=lambda webhook_id: webhook_id == "stripe:evt_7")
    report = bench.run(plan)
    assert (report.processed, report.failed_again, report.waiting) == (11, 1, 0)
    assert bench.world.seconds < 30
    (told,) = [happening for happening in bench.happenings if happening.event == "failed_again"]
    assert told.reason is not None
    assert "the processor died" in told.reason
    assert bench.dlq.visible == {"new-m-stripe:evt_7"}


def test_message_that_came_back_unnoticed_is_found_when_the_time_is_up() -> None:
    """The queue's own count is approximate: what it hid is still told as failed again, not as waiting."""
    bench = Bench()
    bench.fill(3)
    bench.process(fails=lambda _: False, dies=lambda webhook_id: webhook_id == "stripe:evt_1")
    bench.dlq.tells_depth = False
    report = bench.run(replace(PLAN, follows_to_the_end=True, wait_for_s=0))
    assert (report.processed, report.failed_again, report.waiting) == (2, 1, 0)


def test_other_dead_letter_of_an_awaited_webhook_is_not_its_end() -> None:
    """Only the message that was sent counts; a duplicate that lay there before says nothing."""
    bench = Bench()
    bench.fill(1)
    bench.dlq.add("stripe:evt_0", message_id="other")
    report = bench.run(replace(PLAN, follows_to_the_end=True, wait_for_s=0))
    assert (report.redriven, report.in_flight, report.failed_again, report.waiting) == (1, 1, 0, 1)
