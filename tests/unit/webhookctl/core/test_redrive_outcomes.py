"""What a redrive makes of the ends of what it sent: the canary, --wait."""

from dataclasses import replace

from tests.redrive_bench import PLAN, Bench
from webhookctl.core.redrive_plan import Canary
from webhookctl.core.redrive_report import StoppedBy


def test_canary_that_fails_stops_the_redrive() -> None:
    """Five are sent, one fails again: the others are never touched."""
    bench = Bench()
    bench.fill(50)
    bench.process(fails=lambda webhook_id: webhook_id == "stripe:evt_2")
    report = bench.run(replace(PLAN, canary=Canary(size=5)))
    assert report.stopped_by is StoppedBy.CANARY
    assert (report.redriven, report.processed, report.failed_again) == (5, 4, 1)
    assert len(bench.dlq.visible) == 45


def test_canary_that_lives_goes_on_in_growing_steps() -> None:
    """5, 10, 20, ... until the queue is empty."""
    bench = Bench()
    bench.fill(50)
    bench.process(fails=lambda _: False)
    report = bench.run(replace(PLAN, canary=Canary(size=5)))
    assert report.stopped_by is StoppedBy.EMPTY
    assert (report.redriven, report.processed) == (50, 50)


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
