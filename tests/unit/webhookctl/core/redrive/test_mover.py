"""The redrive engine: nothing is lost, nothing is deleted before it is sent and on record."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lambdas.shared.webhook import Status
from tests.fakes_dlq import Killed, World
from tests.redrive_bench import PLAN, Bench
from webhookctl.core.dlq.dead_letter import Attribute, BatchOutcome, OutgoingMessage, QueueMessage
from webhookctl.core.dlq.filter import DeadLetterFilter
from webhookctl.core.redrive.journal import Journal, Sent, read
from webhookctl.core.redrive.report import Happening, RedriveReport, StoppedBy
from webhookctl.errors import WebhookctlError


class DyingJournal(Journal):
    """A journal whose process may die before or after the line is on the disk."""

    world: World

    def sent(self, entries: Sequence[Sent]) -> None:
        self.world.step()
        super().sent(entries)
        self.world.step()


@pytest.mark.parametrize("threads", [1, 8])
def test_every_dead_letter_moves_exactly_once(threads: int) -> None:
    """All messages arrive in the target with body, attributes and trace header, and leave the queue."""
    bench = Bench()
    bench.fill(230)
    report = bench.run(replace(PLAN, threads=threads))
    assert report.redriven == report.seen == 230
    assert report.stopped_by is StoppedBy.EMPTY
    assert not bench.dlq.messages
    assert sorted(m.key for m in bench.target.sent) == sorted(f"m-stripe:evt_{n}" for n in range(230))
    first = bench.target.sent[0]
    assert first.trace_header == f"Root=1-{first.key}"
    assert first.attributes == {"origin": Attribute("String", "test")}


def test_killed_at_every_step_nothing_is_lost_and_resume_completes(tmp_path: Path) -> None:
    """Die before and after each call and journal line: after the resume all are sent, none is left, few are twice."""
    counted = Bench()
    counted.fill(25)
    _run_with_journal(counted, tmp_path / "whole.jsonl")
    for step in range(counted.world.half_steps):
        bench = Bench()
        bench.fill(25)
        bench.world.dies_at = step
        path = tmp_path / f"{step}.jsonl"
        with pytest.raises(Killed):
            _run_with_journal(bench, path)
        bench.world.is_dead, bench.world.dies_at = False, None
        bench.stop.clear()
        with Journal.resume(path) as journal:
            report = bench.run(journal=journal)
        assert not bench.dlq.messages, f"left in the queue after dying at {step}"
        sent = [m.key for m in bench.target.sent]
        assert set(sent) == {f"m-stripe:evt_{n}" for n in range(25)}
        assert len(sent) <= 50
        assert report.seen <= 25


def _run_with_journal(bench: Bench, path: Path) -> RedriveReport:
    plan = replace(PLAN, visibility_s=60)
    with DyingJournal.create(path, plan.describe()) as journal:
        journal.world = bench.world
        return bench.run(plan, journal)


def test_message_is_on_record_before_it_is_deleted(tmp_path: Path) -> None:
    """When the journal cannot be written, nothing is deleted."""
    bench = Bench()
    bench.fill(10)
    with DyingJournal.create(tmp_path / "j.jsonl", PLAN.describe()) as journal:
        journal.world = World(dies_at=0)
        with pytest.raises(Killed):
            bench.run(journal=journal)
    assert len(bench.dlq.messages) == 10


def test_refused_sends_stay_in_the_queue() -> None:
    """An entry in Failed[] of the send is not deleted, is given back, and makes the run partial."""
    bench = Bench()
    bench.fill(12)
    bench.target.refuses_sends = {"m-stripe:evt_3"}
    report = bench.run()
    assert (report.redriven, report.send_failed) == (11, 1)
    assert bench.dlq.visible == {"m-stripe:evt_3"}
    assert report.is_partial


def test_refused_deletes_are_tried_again() -> None:
    """An entry in Failed[] of the delete is deleted once more at the end, and never sent twice."""
    bench = Bench()
    bench.fill(12)
    bench.dlq.refuses_deletes = {"m-stripe:evt_3", "m-stripe:evt_7"}
    report = bench.run()
    assert report.redriven == len(bench.target.sent) == 12
    assert report.undeleted == 0
    assert not bench.dlq.messages


def test_processed_webhook_is_only_deleted() -> None:
    """The guard sends nothing for a webhook that is processed: no second effect."""
    bench = Bench()
    bench.fill(3)
    bench.webhooks.end("stripe:evt_1", Status.PROCESSED)
    report = bench.run()
    assert (report.redriven, report.already_processed) == (2, 1)
    assert "m-stripe:evt_1" not in [m.key for m in bench.target.sent]
    assert not bench.dlq.messages


def test_unmatched_messages_are_given_back() -> None:
    """What the filter does not mean is visible again at once and not sent."""
    bench = Bench()
    bench.fill(30)
    report = bench.run(replace(PLAN, filters=DeadLetterFilter(ids=("evt_4",))))
    assert report.redriven == 1
    assert report.unmatched == 29
    assert len(bench.dlq.visible) == 29


def test_second_dead_letter_of_a_webhook_stays() -> None:
    """One redrive sends at most one message for a webhook: so one that fails again cannot go round and round."""
    bench = Bench()
    bench.fill(1)
    bench.dlq.add("stripe:evt_0", message_id="other")
    report = bench.run()
    assert (report.redriven, report.in_flight) == (1, 1)
    assert len(bench.dlq.visible) == 1


def test_repeated_message_ends_the_scan() -> None:
    """A queue that gives the same messages again and again is left; the redrive is not complete."""
    bench = Bench()
    bench.fill(3)
    bench.dlq.messages["m-stripe:evt_1"] = replace(bench.dlq.messages["m-stripe:evt_1"], body="not ours")
    original = bench.dlq.receive

    def forgetful(**asked: int) -> Sequence[object]:
        return original(**{**asked, "visibility_s": 0})

    bench.dlq.receive = forgetful  # type: ignore[method-assign,assignment]
    report = bench.run()
    assert report.stopped_by is StoppedBy.REPEAT
    assert report.is_timed_out
    assert len(bench.target.sent) == 2


def test_duplicate_delivery_leaves_nothing_behind() -> None:
    """SQS delivers at least once: one message that turns up twice in the fifth receive ends nothing."""
    bench = Bench()
    bench.fill(1000)
    original, receives = bench.dlq.receive, iter(range(1000))

    def receive(**asked: int) -> Sequence[QueueMessage]:
        received = original(**asked)
        return [*received, received[0]] if next(receives) == 4 else received

    bench.dlq.receive = receive  # type: ignore[method-assign]
    report = bench.run()
    assert (report.redriven, report.stopped_by, report.outcome) == (1000, StoppedBy.EMPTY, "done")
    assert not bench.dlq.messages


def test_deadline_ends_the_scan() -> None:
    """Receiving stops at the deadline, and the report says that not all was seen."""
    bench = Bench()
    bench.fill(20)
    report = bench.run(replace(PLAN, run_for_s=0))
    assert report.stopped_by is StoppedBy.DEADLINE
    assert report.is_timed_out
    assert len(bench.dlq.visible) == 20


def test_hidden_messages_are_told_and_never_called_done() -> None:
    """What another reader hides for longer than the redrive waits is counted: not done, exit of a time that was up."""
    bench = Bench()
    bench.fill(25)
    for number in range(5):
        bench.dlq.visible_at[f"m-stripe:evt_{number}"] = 500.0
    report = bench.run()
    assert (report.redriven, report.seen, report.unseen) == (20, 20, 5)
    assert (report.outcome, report.is_timed_out) == ("partial", True)


def test_messages_that_a_killed_run_hid_are_waited_for() -> None:
    """A plain redrive after a kill takes also what comes back within the minute."""
    bench = Bench()
    bench.fill(25)
    for number in range(5):
        bench.dlq.visible_at[f"m-stripe:evt_{number}"] = 20.0
    report = bench.run()
    assert (report.redriven, report.unseen, report.outcome) == (25, 0, "done")


def test_send_that_fails_as_a_whole_keeps_what_was_sent_on_record(tmp_path: Path) -> None:
    """The ninth call raises: the eighty that went before are journalled and told; a resume sends only the rest."""
    bench = Bench()
    bench.fill(100)
    original, calls = bench.target.send, iter(range(100))

    def send(messages: Sequence[OutgoingMessage]) -> BatchOutcome:
        if next(calls) == 8:
            raise WebhookctlError("nothing answers")
        return original(messages)

    bench.target.send = send  # type: ignore[method-assign]
    path = tmp_path / "journal"
    with Journal.create(path, PLAN.describe()) as journal, pytest.raises(WebhookctlError):
        bench.run(journal=journal)
    assert len(read(path).sent) == len(bench.events("redriven")) == len(bench.target.sent) == 80
    bench.stop.clear()
    with Journal.resume(path) as journal:
        report = bench.run(journal=journal)
    assert (report.redriven, report.finished, len(bench.target.sent)) == (20, 80, 100)
    assert not bench.dlq.messages


def test_max_bounds_what_is_sent() -> None:
    """--max 7 sends seven and gives the others back."""
    bench = Bench()
    bench.fill(40)
    report = bench.run(replace(PLAN, limit=7))
    assert report.redriven == 7
    assert report.stopped_by is StoppedBy.MAX
    assert len(bench.dlq.visible) == 33


def test_dry_run_changes_nothing() -> None:
    """A dry run sends and deletes nothing, and all is visible again."""
    bench = Bench()
    bench.fill(15)
    bench.webhooks.end("stripe:evt_1", Status.PROCESSED)
    report = bench.run(replace(PLAN, is_dry_run=True))
    assert (report.would_redrive, report.already_processed, report.redriven) == (14, 1, 0)
    assert not bench.target.sent
    assert len(bench.dlq.visible) == 15


def test_interrupt_finishes_the_batch_in_hand() -> None:
    """After Ctrl-C what was received is either sent, on record and deleted, or given back."""
    bench = Bench()
    bench.fill(100)

    def interrupt(_: Happening) -> None:
        bench.stop.set()

    bench.happenings = _Calling(interrupt)
    report = bench.run()
    assert report.stopped_by is StoppedBy.INTERRUPT
    assert len(bench.target.sent) == report.redriven
    assert len(bench.dlq.visible) == 100 - report.redriven


class _Calling(list[Happening]):
    def __init__(self, call: Callable[[Happening], None]) -> None:
        super().__init__()
        self._call = call

    def append(self, happening: Happening) -> None:
        self._call(happening)
