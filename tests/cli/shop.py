"""An environment with dead letters of three kinds, for the `dlq` commands."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lambdas.shared.webhook import PaymentEvent, Status
from tests.fakes_dlq import FakeMoves, FakeQueue, FakeWebhooks, World, failed_webhook
from tests.fakes_operator import FakeAuditLogger
from webhookctl.config import Settings
from webhookctl.context import AppContext
from webhookctl.core.audit.operator_lines import Operator, OperatorAudit
from webhookctl.core.dlq.look import DeadLetterQueue
from webhookctl.core.redrive.run import RedriveDesk

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Ran


@dataclass
class Shop:
    """An environment with three kinds of dead letters, behind the real commands."""

    cli: "Callable[..., Ran]"
    world: World = field(default_factory=World)
    audit: FakeAuditLogger = field(default_factory=FakeAuditLogger)

    def __post_init__(self) -> None:
        self.queue, self.target, self.webhooks = FakeQueue(self.world), FakeQueue(self.world), FakeWebhooks()
        self._fill("evt_1", paid("EUR", 12_345, "pi_1"), error="ledger unreachable")
        self._fill("evt_2", paid("JPY", 500, "pi_2"), error="ledger unreachable")
        self._fill("WH-3", paid("USD", 4_200, "cap_3"), provider="paypal", event_type="PAYMENT.CAPTURE.COMPLETED")
        self._fill("evt_4", paid("USD", 100, "pi_4"), status=Status.PROCESSED)

    def _fill(self, name: str, event: PaymentEvent, **given: object) -> None:
        webhook = failed_webhook(name, event=event, **given)  # type: ignore[arg-type]
        self.queue.add(self.webhooks.add(webhook).webhook_id)

    def run(self, *words: str) -> "Ran":
        return self.cli("dlq", *words, "--env", "dev", make_context=self._context)

    def _context(self, settings: Settings) -> AppContext:
        app = AppContext(settings)
        app.now = self.world.now  # type: ignore[method-assign]
        app.dead_letters = DeadLetterQueue(
            environment="dev",
            queue=self.queue,
            webhooks=self.webhooks,
            normalise=lambda webhook: webhook.event,
            now=self.world.now,
            monotonic=self.world.monotonic,
        )
        app.redrive_desk = RedriveDesk(
            source=app.dead_letters,
            target=self.target,
            moves=FakeMoves(),
            bodies=self.webhooks,
            audit=OperatorAudit(logger=self.audit),
            operator=Operator(principal="arn:aws:sts::0:assumed-role/Admin/alice", user="alice"),
        )
        return app

    def audited(self) -> list[str]:
        return [f"{line['action']} {line['outcome']}" for line in self.audit.lines]


def paid(currency: str, amount: int, payment_id: str) -> PaymentEvent:
    return PaymentEvent(kind="payment.succeeded", payment_id=payment_id, amount_minor=amount, currency=currency)
