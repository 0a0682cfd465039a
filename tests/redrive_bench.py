"""A redrive at the bench: the real engine between a fake queue, a fake table and simulated time."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lambdas.shared.webhook import Status
from tests.fakes_dlq import FakeQueue, FakeWebhooks, World, failed_webhook
from webhookctl.core.dlq.dead_letter import OutgoingMessage
from webhookctl.core.redrive.collaborators import Collaborators
from webhookctl.core.redrive.journal import Journal
from webhookctl.core.redrive.mover import redrive
from webhookctl.core.redrive.plan import RedrivePlan
from webhookctl.core.redrive.report import Happening, RedriveReport

PLAN = RedrivePlan(redrive_id="rd-1", environment="test", threads=1)


class _Stop(threading.Event):
    """A stop whose waits take simulated time."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def wait(self, timeout: float | None = None) -> bool:
        if not self.is_set():
            self._world.seconds += timeout or 0.0
        return self.is_set()


@dataclass
class Bench:
    world: World = field(default_factory=World)
    happenings: list[Happening] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stop: threading.Event = _Stop(self.world)
        self.dlq = FakeQueue(self.world)
        self.target = FakeQueue(self.world)
        self.webhooks = FakeWebhooks()

    def fill(self, count: int) -> None:
        for number in range(count):
            webhook = self.webhooks.add(failed_webhook(f"evt_{number}"))
            self.dlq.add(webhook.webhook_id)

    def run(self, plan: RedrivePlan = PLAN, journal: Journal | None = None) -> RedriveReport:
        return redrive(
            plan,
            Collaborators(
                dlq=self.dlq,
                target=self.target,
                webhooks=self.webhooks,
                normalise=lambda webhook: webhook.event,
                journal=journal,
                happened=self.happenings.append,
                now=self.world.now,
                monotonic=self.world.monotonic,
                stop=self.stop,
            ),
        )

    def events(self, name: str) -> list[str | None]:
        return [h.webhook_id for h in self.happenings if h.event == name]

    def process(self, *, fails: Callable[[str], bool], dies: Callable[[str], bool] = lambda _: False) -> None:
        """Make the target end each webhook as soon as it is sent.

        One that fails has FAILED and is back in the dead-letter queue; one that the processor dies over is only back.
        """
        original = self.target.send

        def send(messages: Sequence[OutgoingMessage]) -> object:
            outcome = original(messages)
            for key in outcome.done:
                webhook_id = key.removeprefix("m-")
                if dies(webhook_id) or fails(webhook_id):
                    self.dlq.add(webhook_id, message_id=outcome.done[key])
                if dies(webhook_id):
                    continue
                self.webhooks.end(webhook_id, Status.FAILED if fails(webhook_id) else Status.PROCESSED)
            return outcome

        self.target.send = send  # type: ignore[method-assign,assignment]
