"""The parts of a payment, refunds, reversals and disputes, each in its latest state, and what they come to."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from lambdas.shared.webhook import PaymentEvent
from webhookctl.core.money import Money

_PART_RANKS: Final = {
    "pending": 0,
    "opened": 0,
    "succeeded": 1,
    "failed": 2,
    "canceled": 2,
    "closed": 1,
    "won": 2,
    "lost": 2,
}
"""How final a refund's or dispute's own state is. A refund can still fail after it succeeded."""
DISPUTE_STATES: Final = ("opened", "closed", "won", "lost")
"""What a dispute can stand at; closed where the provider does not say for whom."""
ENDED: Final = ("failed", "canceled")
"""States of a refund that give nothing back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFact:
    """One processed event, as the payment index tells it."""

    webhook_id: str
    provider: str
    event_type: str
    at: datetime
    event: PaymentEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A refund or a dispute of a payment, in its latest state. `amount` is `amount_minor` for the reader."""

    TABLE: ClassVar = ("object_id", "status", "amount", "at")
    object_id: str
    status: str
    amount: str | None
    amount_minor: int | None
    currency: str | None
    at: datetime


def latest_parts(facts: Sequence[PaymentFact], prefix: str) -> tuple[Part, ...]:
    """Return each refund's or dispute's latest state, keyed by its own id."""
    latest: dict[str, PaymentFact] = {}
    for fact in facts:
        if fact.event.kind.startswith(prefix) and not fact.event.is_cumulative:
            key = _part_id(fact)
            latest[key] = max(latest.get(key, fact), fact, key=_part_rank)
    return tuple(_part(key, fact) for key, fact in sorted(latest.items()))


def _part(object_id: str, fact: PaymentFact) -> Part:
    return Part(
        object_id=object_id,
        status=_part_status(fact),
        amount=money_text(fact.event.amount_minor, fact.event.currency),
        amount_minor=fact.event.amount_minor,
        currency=fact.event.currency,
        at=fact.at,
    )


def _part_status(fact: PaymentFact) -> str:
    return fact.event.kind.partition(".")[2]


def _part_rank(fact: PaymentFact) -> tuple[int, datetime, str]:
    return (_PART_RANKS.get(_part_status(fact), 0), fact.at, fact.webhook_id)


def refunded_minor(facts: Sequence[PaymentFact]) -> int:
    """Return how much was refunded, from the refunds told one by one and from their running totals, if there are any.

    The latest total holds every refund up to its moment; what failed or was canceled since is taken off it. The larger
    of it and the sum of the single ones counts, as each may lack what the other tells. What the single ones had beyond
    a total of their time is no refund: to Stripe what a capture releases is one, though not in the total.
    """
    parts = latest_parts(facts, "refund.")
    done = [part for part in parts if part.status == "succeeded"]
    totals = [fact for fact in facts if fact.event.kind == "refund.succeeded" and fact.event.is_cumulative]
    if not totals:
        return _sum(done)
    singles = [fact for fact in facts if fact.event.kind.startswith("refund.") and not fact.event.is_cumulative]
    first = _first_moments(singles)
    ended = _first_moments(fact for fact in singles if _part_status(fact) in ENDED)
    latest = max(totals, key=lambda fact: (fact.at, _minor(fact)))
    gone = _sum(part for part in parts if part.status in ENDED and ended[part.object_id] >= latest.at)
    beyond = max(_sum(part for part in done if first[part.object_id] <= fact.at) - _minor(fact) for fact in totals)
    return max(_minor(latest) - gone, _sum(done) - max(beyond, 0), 0)


def is_in(currency: str | None, fact: PaymentFact) -> bool:
    """Whether an event's money is of a currency, as far as it is known: amounts of two have no sum."""
    return currency is None or fact.event.currency in (None, currency)


def gave_back(facts: Sequence[PaymentFact], *, ended: Collection[str] = ()) -> bool:
    """Whether money went back by these events: a refund that stands, a running total of them, or a reversal.

    `ended` are the refunds that failed or were canceled by other events.
    """
    facts = [fact for fact in facts if _part_id(fact) not in ended]
    totals = [fact for fact in facts if fact.event.kind == "refund.succeeded" and fact.event.is_cumulative]
    parts = [*latest_parts(facts, "refund."), *latest_parts(facts, "payment.reversed")]
    back = [part.amount_minor for part in parts if part.status in ("succeeded", "reversed")]
    return any(amount != 0 for amount in [*back, *(fact.event.amount_minor for fact in totals)])


def money_text(amount_minor: int | None, currency: str | None) -> str | None:
    """Return an amount for the reader, None where it is unknown."""
    if amount_minor is None or currency is None:
        return None
    return str(Money(amount_minor=amount_minor, currency=currency))


def _first_moments(facts: Iterable[PaymentFact]) -> dict[str, datetime]:
    """Return when each part was first told of, by its id."""
    first: dict[str, datetime] = {}
    for fact in facts:
        key = _part_id(fact)
        first[key] = min(first.get(key, fact.at), fact.at)
    return first


def _part_id(fact: PaymentFact) -> str:
    return fact.event.object_id or fact.webhook_id


def _minor(fact: PaymentFact) -> int:
    return fact.event.amount_minor or 0


def _sum(parts: Iterable[Part]) -> int:
    return sum(part.amount_minor or 0 for part in parts)
