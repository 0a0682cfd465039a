"""A payment's state as a fold over its events: a maximum over rank, then time. Order and duplicates can't change it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Final, Protocol

from lambdas.shared.webhook import PaymentEvent
from webhookctl.core.audit.records import AuditRecord
from webhookctl.core.money import Money
from webhookctl.errors import NotFoundError

RANKS: Final[Mapping[str, tuple[int, str]]] = {
    "payment.pending": (1, "pending"),
    "payment.failed": (2, "failed"),
    "invoice.failed": (2, "failed"),
    "payment.authorized": (3, "authorized"),
    "payment.canceled": (4, "canceled"),
    "invoice.paid": (5, "succeeded"),
    "payment.succeeded": (5, "succeeded"),
    "payment.reversed": (6, "reversed"),
}
"""Which kinds tell of the payment itself, how final each is, and the state that it means.

A failed try may be followed by a good one, so `failed` ranks below `authorized`; money that moved outranks all else.
"""

_PART_RANKS: Final = {"pending": 0, "opened": 0, "succeeded": 1, "failed": 2, "closed": 1, "won": 2, "lost": 2}
"""How final a refund's or dispute's own state is. A refund can still fail after it succeeded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFilter:
    """Which payments to keep; None keeps all."""

    provider: str | None = None
    status: str | None = None

    def keeps(self, payment: "Payment") -> bool:
        """Say whether a payment satisfies every condition."""
        return self.provider in (None, payment.provider) and self.status in (None, payment.status)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentStep:
    """One event of the payment, for the reader."""

    TABLE: ClassVar = ("at", "kind", "amount", "event_type", "webhook_id")
    at: datetime
    kind: str
    amount: str | None
    event_type: str
    webhook_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """What all events of a payment come to.

    `status` is pending, failed, authorized, canceled, succeeded, partially_refunded, refunded, reversed, or unknown
    when only refunds or disputes were seen. `refunded_minor` counts what succeeded. `net_minor` is what was paid minus
    that, None unless money moved. `amount` and `refunded` are the same for the reader.
    """

    TABLE: ClassVar = ("payment_id", "provider", "status", "amount", "refunded", "disputed", "last_at")
    payment_id: str
    provider: str
    status: str
    amount: str | None
    amount_minor: int | None
    currency: str | None
    refunded: str | None
    refunded_minor: int
    net_minor: int | None
    first_at: datetime
    last_at: datetime
    refunds: tuple[Part, ...] = ()
    disputes: tuple[Part, ...] = ()
    events: tuple[PaymentStep, ...] = field(default=(), repr=False)

    @property
    def disputed(self) -> str | None:
        """How its disputes stand."""
        return ", ".join(part.status for part in self.disputes) or None


class PaymentIndex(Protocol):
    """The processed events by payment."""

    def facts(self, payment_id: str) -> Sequence[PaymentFact]:
        """Return the processed events of a payment (one query of the index, eventually consistent)."""
        ...


def show_payment(index: PaymentIndex, payment_id: str) -> Payment:
    """Return a payment's state. Raises NotFoundError when no processed event belongs to it."""
    found = fold(payment_id, index.facts(payment_id))
    if found is None:
        raise NotFoundError(
            f"no processed event belongs to payment {payment_id!r}",
            hint="webhookctl payments list; an event that is not processed yet has no payment",
        )
    return found


def list_payments(
    index: PaymentIndex, changes: Iterable[AuditRecord], *, keep: PaymentFilter, limit: int
) -> list[Payment]:
    """Return the payments that the audit records of a window touched, newest first: no table is scanned.

    Each costs one query of the index.
    """
    ids = {str(record.line["paymentId"]) for record in changes if record.line.get("paymentId")}
    folded = (fold(payment_id, index.facts(payment_id)) for payment_id in ids)
    kept = [payment for payment in folded if payment is not None and keep.keeps(payment)]
    return sorted(kept, key=lambda payment: (payment.last_at, payment.payment_id), reverse=True)[:limit]


def fold(payment_id: str, facts: Iterable[PaymentFact]) -> Payment | None:
    """Return the payment's state, None without any event. Every order and duplication of `facts` gives the same."""
    unique = sorted({fact.webhook_id: fact for fact in facts}.values(), key=lambda fact: (fact.at, fact.webhook_id))
    if not unique:
        return None
    decisive = max((fact for fact in unique if fact.event.kind in RANKS), key=_rank, default=None)
    status = RANKS[decisive.event.kind][1] if decisive else "unknown"
    amount, currency = _amount(unique, decisive)
    refunds, refunded = _refunds(unique)
    moved = status in ("succeeded", "reversed") and amount is not None
    return Payment(
        payment_id=payment_id,
        provider=unique[0].provider,
        status=_with_refunds(status, amount, refunded),
        amount=_money(amount, currency),
        amount_minor=amount,
        currency=currency,
        refunded=_money(refunded or None, currency),
        refunded_minor=refunded,
        net_minor=(0 if status == "reversed" else (amount or 0) - refunded) if moved else None,
        refunds=refunds,
        disputes=_parts(unique, "dispute."),
        first_at=unique[0].at,
        last_at=unique[-1].at,
        events=tuple(_step(fact) for fact in unique),
    )


def _rank(fact: PaymentFact) -> tuple[int, datetime, bool, str]:
    return (RANKS[fact.event.kind][0], fact.at, not fact.event.is_secondary, fact.webhook_id)


def _amount(facts: list[PaymentFact], decisive: PaymentFact | None) -> tuple[int | None, str | None]:
    """Return the amount of the decisive state, from a primary event where there is one; a reversal's from the payment.

    A reversal's resource is the refund, so the payment's own amount stands in an earlier event.
    """
    ranked = [fact for fact in facts if fact.event.kind in RANKS and fact.event.amount_minor is not None]
    if decisive is None or not ranked:
        known = [fact for fact in facts if fact.event.currency is not None]
        return None, known[0].event.currency if known else None
    own = [fact for fact in ranked if fact.event.kind != "payment.reversed"] or ranked
    best = max(own, key=lambda fact: (not fact.event.is_secondary and fact.event.amount_minor != 0, _rank(fact)))
    return best.event.amount_minor, best.event.currency


def _refunds(facts: list[PaymentFact]) -> tuple[tuple[Part, ...], int]:
    """Return the refunds told one by one, and the sum that went back.

    A running total counts too, without what failed afterwards: the larger of the two is right, as each source can lack
    refunds that the other tells, never the reverse.
    """
    parts = _parts(facts, "refund.")
    single = sum(part.amount_minor or 0 for part in parts if part.status == "succeeded")
    failed = sum(part.amount_minor or 0 for part in parts if part.status == "failed")
    running = [fact.event for fact in facts if fact.event.kind == "refund.succeeded" and fact.event.is_cumulative]
    total = max((event.amount_minor or 0 for event in running), default=0)
    return parts, max(single, total - failed, 0)


def _parts(facts: list[PaymentFact], prefix: str) -> tuple[Part, ...]:
    """Return each refund's or dispute's latest state, keyed by its own id."""
    latest: dict[str, PaymentFact] = {}
    for fact in facts:
        if fact.event.kind.startswith(prefix) and not fact.event.is_cumulative:
            key = fact.event.object_id or fact.webhook_id
            latest[key] = max(latest.get(key, fact), fact, key=_part_rank)
    return tuple(_part(key, fact) for key, fact in sorted(latest.items()))


def _part(object_id: str, fact: PaymentFact) -> Part:
    return Part(
        object_id=object_id,
        status=_part_status(fact),
        amount=_money(fact.event.amount_minor, fact.event.currency),
        amount_minor=fact.event.amount_minor,
        currency=fact.event.currency,
        at=fact.at,
    )


def _part_status(fact: PaymentFact) -> str:
    return fact.event.kind.partition(".")[2]


def _part_rank(fact: PaymentFact) -> tuple[int, datetime, str]:
    return (_PART_RANKS.get(_part_status(fact), 0), fact.at, fact.webhook_id)


def _with_refunds(status: str, amount: int | None, refunded: int) -> str:
    if status != "succeeded" or not refunded:
        return status
    return "refunded" if amount is not None and refunded >= amount else "partially_refunded"


def _step(fact: PaymentFact) -> PaymentStep:
    return PaymentStep(
        at=fact.at,
        kind=fact.event.kind,
        amount=_money(fact.event.amount_minor, fact.event.currency),
        event_type=fact.event_type,
        webhook_id=fact.webhook_id,
    )


def _money(amount_minor: int | None, currency: str | None) -> str | None:
    return (
        None if amount_minor is None or currency is None else str(Money(amount_minor=amount_minor, currency=currency))
    )
