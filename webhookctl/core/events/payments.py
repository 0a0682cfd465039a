"""A payment's state as a fold over its events: a maximum over rank, then time. Order and duplicates can't change it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final, Protocol

from webhookctl.core.audit.records import AuditRecord
from webhookctl.core.events.parts import (
    ENDED,
    Part,
    PaymentFact,
    gave_back,
    is_in,
    latest_parts,
    money_text,
    refunded_minor,
)
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


class PaymentStatus(StrEnum):
    """What the events of a payment can come to."""

    PENDING = "pending"
    AUTHORIZED = "authorized"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    PARTIALLY_REVERSED = "partially_reversed"
    REVERSED = "reversed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFilter:
    """Which payments to keep; None keeps all."""

    provider: str | None = None
    status: str | None = None

    def keeps(self, payment: "Payment") -> bool:
        """Say whether a payment satisfies every condition."""
        return self.provider in (None, payment.provider) and self.status in (None, payment.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentStep:
    """One event of the payment, for the reader."""

    TABLE: ClassVar = ("at", "kind", "amount", "event_type", "webhook_id")
    SPARE: ClassVar = ("event_type",)
    WHOLE: ClassVar = ("kind", "amount")
    at: datetime
    kind: str
    amount: str | None
    event_type: str
    webhook_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """What all events of a payment come to.

    `status` is one of `PaymentStatus`: unknown when only refunds or disputes were seen. `refunded_minor` counts the
    refunds that succeeded, in the payment's currency. `net_minor` is what was paid minus those and what was reversed;
    None unless money moved, and where some went back in another currency. Disputes are told, not counted. `amount` and
    `refunded` are the same for the reader.
    """

    TABLE: ClassVar = ("payment_id", "provider", "status", "amount", "refunded", "disputed", "last_at")
    SPARE: ClassVar = ("last_at", "provider")
    WHOLE: ClassVar = ("status", "amount", "refunded")
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
    own = [fact for fact in unique if is_in(currency, fact)]
    refunded = 0 if status == "canceled" else refunded_minor(own)  # an authorization that ended was never money
    reversed_ = _reversed(own, amount)
    refunds = latest_parts(unique, "refund.")
    ended = {part.object_id for part in refunds if part.status in ENDED}
    is_mixed = gave_back([fact for fact in unique if not is_in(currency, fact)], ended=ended)
    return Payment(
        payment_id=payment_id,
        provider=unique[0].provider,
        status=_told(status, amount, refunded, reversed_, is_mixed=is_mixed),
        amount=money_text(amount, currency),
        amount_minor=amount,
        currency=currency,
        refunded=money_text(refunded or None, currency),
        refunded_minor=refunded,
        net_minor=None if is_mixed else _net(status, amount, refunded, reversed_),
        refunds=refunds,
        disputes=latest_parts(unique, "dispute."),
        first_at=unique[0].at,
        last_at=unique[-1].at,
        events=tuple(_step(fact) for fact in unique),
    )


def _rank(fact: PaymentFact) -> tuple[int, datetime, bool, int, str]:
    """Order by how final a state is, then by time; of a moment's running totals the largest is the last."""
    event = fact.event
    total = (event.amount_minor or 0) if event.is_cumulative else 0
    return (RANKS[event.kind][0], fact.at, not event.is_secondary, total, fact.webhook_id)


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


def _reversed(facts: list[PaymentFact], amount: int | None) -> int:
    """Return what the reversals took back, at most the payment's amount; one that does not say how much took it all."""
    parts = latest_parts(facts, "payment.reversed")
    if any(part.amount_minor is None for part in parts):
        return amount or 0
    total = sum(part.amount_minor or 0 for part in parts)
    return total if amount is None else min(total, amount)


def _told(status: str, amount: int | None, refunded: int, reversed_: int, *, is_mixed: bool) -> str:
    """Return the status with what went back of a payment that succeeded; in another currency that is a part."""
    went_back = {"succeeded": refunded, "reversed": reversed_}.get(status)
    if amount is None or went_back is None or not (went_back or is_mixed):
        return status
    if status == "reversed":
        return status if went_back >= amount else "partially_reversed"
    return "refunded" if refunded >= amount else "partially_refunded"


def _net(status: str, amount: int | None, refunded: int, reversed_: int) -> int | None:
    if amount is None or status not in ("succeeded", "reversed"):
        return None
    return amount - refunded if status == "succeeded" else max(0, amount - refunded - reversed_)


def _step(fact: PaymentFact) -> PaymentStep:
    return PaymentStep(
        at=fact.at,
        kind=fact.event.kind,
        amount=money_text(fact.event.amount_minor, fact.event.currency),
        event_type=fact.event_type,
        webhook_id=fact.webhook_id,
    )
