"""A seeded stream of signed webhooks through a real front door, and the journal that its sender keeps.

Providers, ids, order, duplicates, forgeries and pauses come from the seed; times are the present ones, as signatures
must be.
"""

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property

from webhookctl.core.samples.ids import IdSource
from webhookctl.core.send.compose import Recipe, compose
from webhookctl.core.send.dispatch import Delivery, Pace, Sender, dispatch
from webhookctl.core.send.http import HttpTransport
from webhookctl.core.send.request import Draft, Outgoing, Tamper, Target, sign
from webhookctl.local.ports import LOOPBACK

PROVIDERS = ("stripe", "square", "paypal")
SHARES = (60, 25, 15)
DUPLICATE_RATE = 0.15
FORGERY_RATE = 0.08
PAUSE_RATE = 0.02
PAUSES_S = (1.5, 3.0)
"""Long enough for the engine to find a quiet second and save."""
FORGERIES = (Tamper.BODY, Tamper.SIGNATURE, Tamper.SECRET)
CONCURRENCY = 4
_PER_ADDRESS = 400
"""Fewer than the firewall takes from one address in its window."""


@dataclass(frozen=True, kw_only=True)
class Stream:
    """`count` events and what is sent of them. `events` are genuine; `forged` ids have no right signature anywhere."""

    seed: int
    count: int

    @cached_property
    def events(self) -> dict[str, Draft]:
        """Return the genuine events by webhook id, in their order."""
        chance = random.Random(f"{self.seed} genuine")
        return _composed(chance, self.count)

    @cached_property
    def forged(self) -> dict[str, tuple[Draft, Tamper]]:
        """Return the forgeries by the webhook id that they claim."""
        chance = random.Random(f"{self.seed} forged")
        drafts = _composed(chance, max(1, int(self.count * FORGERY_RATE)))
        return {name: (draft, FORGERIES[n % len(FORGERIES)]) for n, (name, draft) in enumerate(drafts.items())}

    @cached_property
    def deliveries(self) -> list[Draft]:
        """Return everything that is sent, duplicates and forgeries among it, in order and with its pauses."""
        chance = random.Random(f"{self.seed} order")
        genuine = list(self.events.values())
        more = [draft for draft in genuine if chance.random() < DUPLICATE_RATE]
        every = [*genuine, *more, *(draft for draft, _ in self.forged.values())]
        chance.shuffle(every)
        return [replace(d, pause_s=chance.uniform(*PAUSES_S) if chance.random() < PAUSE_RATE else 0.0) for d in every]


def _composed(chance: random.Random, count: int) -> dict[str, Draft]:
    ids = IdSource(chance.getrandbits(63))
    recipes = [Recipe(provider=name) for name in chance.choices(PROVIDERS, SHARES, k=count)]
    drafts = [compose(recipe, ids=ids, now=lambda: datetime.now(UTC)) for recipe in recipes]
    return {str(draft.webhook_id): draft for draft in drafts}


@dataclass(frozen=True, slots=True, kw_only=True)
class Forger(Sender):
    """Signs what is genuine and breaks what is forged."""

    forged: dict[str, Tamper]

    def _signed(self, item: Draft) -> Outgoing:
        tamper = self.forged.get(str(item.webhook_id))
        return sign(item, self.targets[item.provider], at=self.now(), tamper=tamper)


@dataclass
class Journal:
    """What the sender knows: when each webhook was first acknowledged (seconds since 1970), and every answer."""

    targets: dict[str, Target]
    acknowledged: dict[str, float] = field(default_factory=dict)
    answers: list[int | None] = field(default_factory=list)
    forged: dict[str, Tamper] = field(default_factory=dict)
    _sent: int = 0

    def send(
        self, drafts: Iterable[Draft], *, rate: float | None = None, happened: Callable[[], None] = lambda: None
    ) -> list[Delivery]:
        """Send, note each answer, and call `happened` after each acknowledgement; return the deliveries."""
        every = list(drafts)
        sender = Forger(targets=self.targets, transport=self._transport(len(every)), forged=self.forged)

        def note(delivery: Delivery) -> None:
            self.answers.append(delivery.status)
            if delivery.status == 200 and delivery.webhook_id is not None:
                self.acknowledged.setdefault(delivery.webhook_id, time.time())
                happened()

        return dispatch(every, sender, pace=Pace(rate=rate, concurrency=CONCURRENCY), on_done=note)

    def _transport(self, count: int) -> HttpTransport:
        """Send from another address once one has sent what the firewall takes."""
        self._sent += count
        address = LOOPBACK.rpartition(".")[0] + f".{100 + self._sent // _PER_ADDRESS % 100}"
        return HttpTransport(connections=CONCURRENCY, source_address=address)
