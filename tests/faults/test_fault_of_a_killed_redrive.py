"""Fault 24: the operator's redrive dies before or after any of its AWS calls or journal lines."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from lambdas.shared.providers import get_provider
from lambdas.shared.webhook import PaymentEvent, Status, StoredWebhook
from tests.fakes_aws import Crash, no_waiting
from tests.fakes_aws_operator import DLQ_URL, QUEUE_URL, OperatorsAws
from tests.fakes_trip import Trip, stripe_body
from webhookctl.aws.dead_letter_table import DeadLetterTable
from webhookctl.aws.queues import SqsQueue
from webhookctl.core.redrive.collaborators import Collaborators
from webhookctl.core.redrive.journal import Journal, Sent
from webhookctl.core.redrive.mover import redrive
from webhookctl.core.redrive.plan import RedrivePlan

if TYPE_CHECKING:
    from webhookctl.aws.session import AwsSession

DEAD = 12
"""More than one batch of ten."""
NAMES = [f"stripe:evt_{n}" for n in range(DEAD)]
PLAN = RedrivePlan(redrive_id="rd-1", environment="test", threads=1, visibility_s=60)


def test_fault_24_killed_redrive(tmp_path: Path) -> None:
    """Wherever it dies, the resume completes it: no dead letter is left, each webhook has one effect."""
    aws = OperatorsAws()
    with no_waiting(aws.clock):
        desk = Desk(aws)
        desk.dead_letter(DEAD)
        desk.redrive(tmp_path / "whole.jsonl")
        points = aws.points
        assert points > 12
        for point in range(points):
            desk.restore(dies_at=point)
            journal = tmp_path / f"{point}.jsonl"
            with pytest.raises(Crash):
                desk.redrive(journal)
            aws.revive()
            if point % 2:
                desk.trip.drain()  # what was sent is processed before the operator comes back
            desk.redrive(journal)
            assert aws.dlq == {}, f"died at point {point} of {points}"
            desk.trip.drain()
            ends = [(desk.trip.stored(name).status, desk.trip.effects(name)) for name in NAMES]
            assert ends == [(Status.PROCESSED, 1)] * DEAD, f"died at point {point} of {points}"


class Desk:
    """An operator before a queue of dead letters, which can be had again as it was."""

    def __init__(self, aws: OperatorsAws) -> None:
        self.aws = aws
        self.trip = Trip(aws=aws)
        session = cast("AwsSession", self)
        self._dlq = SqsQueue(session, DLQ_URL)
        self._queue = SqsQueue(session, QUEUE_URL)
        self._webhooks = DeadLetterTable(session, "webhooks")

    def client(self, service: str) -> Any:
        """Return a real boto3 client: all that the adapters ask of an AWS session."""
        return self.aws.client(service)

    def dead_letter(self, count: int) -> None:
        """Let webhooks fail until they are dead letters."""
        for n in range(count):
            assert self.trip.send(stripe_body(f"evt_{n}", webhookctl={"failTimes": 5})) == 200
        self.trip.drain()
        assert len(self.aws.dlq) == count
        self._before = (dict(self.aws.items), list(self.aws.stream), [replace(m) for m in self.aws.dlq.values()])
        self.aws.points = 0

    def restore(self, *, dies_at: int) -> None:
        """Put everything back as it was, for an operator who dies at a point."""
        items, stream, dead = self._before
        self.aws.items, self.aws.stream, self.aws.queue = dict(items), list(stream), {}
        self.aws.dlq = {message.message_id: replace(message, visible_at=0.0) for message in dead}
        self.aws.points, self.aws.dies_at = 0, dies_at

    def redrive(self, path: Path) -> None:
        """Redrive all, or resume what a journal tells of."""
        is_begun = path.exists() and path.stat().st_size > 0
        with DyingJournal.resume(path) if is_begun else DyingJournal.create(path, PLAN.describe()) as journal:
            journal.aws = self.aws
            tools = Collaborators(
                dlq=self._dlq,
                target=self._queue,
                webhooks=self._webhooks,
                normalise=_normalise,
                journal=journal,
                happened=lambda _: None,
                now=lambda: datetime.fromtimestamp(self.aws.clock(), UTC),
                monotonic=self.aws.clock,
            )
            redrive(PLAN, tools)


class DyingJournal(Journal):
    """A journal whose process may die before or after its lines are on the disk."""

    aws: OperatorsAws

    def sent(self, entries: Sequence[Sent]) -> None:
        """Record, between two points."""
        self.aws.point()
        super().sent(entries)
        self.aws.point()


def _normalise(webhook: StoredWebhook) -> PaymentEvent:
    return get_provider(webhook.provider).normalise(webhook.body)
