"""How a provider's event becomes a canonical one: a rule per event type, read from the vendor's fields."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lambdas.shared.card_text import MASK
from lambdas.shared.providers.money import Amount
from lambdas.shared.providers.reading import Fields, dig, identifier
from lambdas.shared.webhook import PaymentEvent

OTHER: Final = PaymentEvent(kind="other")
"""What an event means that has no rule: stored and acknowledged, never refused."""

KINDS: Final = frozenset({
    "payment.succeeded", "payment.failed", "payment.pending", "payment.authorized", "payment.canceled",
    "payment.reversed",
    "refund.succeeded", "refund.pending", "refund.failed", "refund.canceled",
    "dispute.opened", "dispute.won", "dispute.lost", "dispute.closed",
    "checkout.completed",
    "invoice.paid", "invoice.failed",
    "payout.sent", "payout.paid", "payout.failed", "payout.blocked", "payout.canceled", "payout.denied", "payout.held",
    "payout.refunded", "payout.returned", "payout.unclaimed",
    "other",
})  # fmt: skip
"""Every canonical kind, beside `subscription.<what happened>`, which is open: the vendors add to it."""

Kind = str | Callable[[Fields], str]
Claim = bool | Callable[[Fields], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one event type means. Each tuple lists dotted paths into the event's object; the first that is there counts.

    `kind` and the claims may be functions of the object, where its status decides.
    """

    kind: Kind
    amount: tuple[str, ...] = ()
    payment: tuple[str, ...] = ()
    object: tuple[str, ...] = ()
    is_cumulative: Claim = False
    is_secondary: Claim = False


def meaning(rule: Rule, fields: Fields, read_amount: Callable[[Fields, tuple[str, ...]], Amount]) -> PaymentEvent:
    """Apply a rule. `read_amount` reads the provider's own form of money. Raises MalformedError as that does."""
    kind = rule.kind if isinstance(rule.kind, str) else rule.kind(fields)
    if kind == OTHER.kind:
        return OTHER
    minor, currency = read_amount(fields, rule.amount)
    return PaymentEvent(
        kind=kind,
        payment_id=first_identifier(fields, rule.payment),
        object_id=first_identifier(fields, rule.object),
        amount_minor=minor,
        currency=currency,
        is_cumulative=_holds(rule.is_cumulative, fields),
        is_secondary=_holds(rule.is_secondary, fields),
    )


def _holds(claim: Claim, fields: Fields) -> bool:
    return claim if isinstance(claim, bool) else claim(fields)


def by_status(kinds: Mapping[str, str], *, default: str, path: str = "status") -> Callable[[Fields], str]:
    """Return a kind that depends on the object's status."""

    def kind(fields: Fields) -> str:
        status = dig(fields, path)
        return kinds.get(status, default) if isinstance(status, str) else default

    return kind


def first(fields: Fields, paths: tuple[str, ...]) -> Any:  # noqa: ANN401 - the JSON edge; callers narrow
    """Return the first value that is there, or None."""
    return next((value for path in paths if (value := dig(fields, path)) is not None), None)


def first_identifier(fields: Fields, paths: tuple[str, ...]) -> str | None:
    """Return the first usable id, or None; None too where redaction took it for a card number: two would become one."""
    found = next((found for path in paths if (found := identifier(dig(fields, path)))), None)
    return None if found == MASK else found
