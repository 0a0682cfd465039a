"""Watching the DLQ: it is looked into when its depth changes, and left alone in between."""

from collections.abc import Iterator

import pytest

from lambdas.shared.webhook import PaymentEvent
from tests.fakes_dlq import FakeQueue, FakeWebhooks, World, failed_webhook
from webhookctl.core.dlq.filter import DeadLetterFilter
from webhookctl.core.dlq.groups import DeadLetterSummary
from webhookctl.core.dlq.look import DeadLetterQueue
from webhookctl.core.dlq.scan import ScanLimits
from webhookctl.core.dlq.watch import watch


class Scene:
    """A queue of one dead letter that is watched every ten simulated seconds."""

    def __init__(self) -> None:
        self.world, self.webhooks = World(), FakeWebhooks()
        self.queue = FakeQueue(self.world)
        self.add("evt_1")

    def add(self, name: str) -> None:
        event = PaymentEvent(kind="payment.succeeded", payment_id="pi", amount_minor=4200, currency="EUR")
        self.queue.add(self.webhooks.add(failed_webhook(name, event=event)).webhook_id)

    def watched(self, *, changes_only: bool) -> Iterator[DeadLetterSummary]:
        queue = DeadLetterQueue(
            environment="test",
            queue=self.queue,
            webhooks=self.webhooks,
            normalise=lambda webhook: webhook.event,
            now=self.world.now,
            monotonic=self.world.monotonic,
        )
        everything, limits = DeadLetterFilter(), ScanLimits()
        return watch(
            queue, everything, limits=limits, most=100, every_s=10, changes_only=changes_only, sleep=self._pass_time
        )

    def _pass_time(self, seconds: float) -> None:
        self.world.seconds += seconds

    def receive_counts(self) -> list[int]:
        return [message.receive_count for message in self.queue.messages.values()]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_clocks_run_on_without_another_look(scene: Scene) -> None:
    """Each reading is a summary with ages of that moment, and receives nothing."""
    watched = scene.watched(changes_only=False)
    first, looked = next(watched), scene.receive_counts()
    second, third = next(watched), next(watched)
    assert [s.matched for s in (first, second, third)] == [1, 1, 1]
    assert (third.at - first.at).total_seconds() == pytest.approx(20, abs=1)
    assert scene.receive_counts() == looked


def test_a_new_dead_letter_is_looked_at(scene: Scene) -> None:
    """And only then is there something new to say to a reader who wants changes."""
    watched = scene.watched(changes_only=True)
    first = next(watched)
    scene.add("evt_2")
    second = next(watched)
    assert (first.matched, second.matched) == (1, 2)
    assert sum(group.count for group in second.groups) == 2


def test_silence_while_nothing_changes(scene: Scene) -> None:
    """Five quiet readings are five depths and no line."""
    readings = 0

    def depth_until_tired(read: object = scene.queue.depth) -> object:
        nonlocal readings
        readings += 1
        if readings > 6:
            raise KeyboardInterrupt
        return read()  # type: ignore[operator]

    watched = scene.watched(changes_only=True)
    next(watched)
    looked = scene.receive_counts()
    scene.queue.depth = depth_until_tired  # type: ignore[method-assign,assignment]
    with pytest.raises(KeyboardInterrupt):
        next(watched)
    assert readings == 7
    assert scene.receive_counts() == looked
