"""Amounts of money: integers of the currency's smallest unit, shown as decimals, never as floats."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

_NO_DECIMALS: Final = frozenset(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split()  # noqa: SIM905 - reads as a list
)
_THREE_DECIMALS: Final = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))
_TWO_AS_SENT: Final = frozenset(("ISK",))
"""Stripe sends ISK with two decimals although the krona has none (Stripe, zero-decimal currencies)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An amount in minor units of an ISO 4217 currency."""

    amount_minor: int
    currency: str

    def __str__(self) -> str:
        """Return e.g. `1,234.50 EUR`."""
        places = decimals(self.currency)
        amount = Decimal(self.amount_minor).scaleb(-places)
        return f"{amount:,.{places}f} {self.currency}"


def decimals(currency: str) -> int:
    """Return how many decimals the currency's minor unit has (ISO 4217)."""
    if currency in _THREE_DECIMALS:
        return 3
    return 0 if currency in _NO_DECIMALS - _TWO_AS_SENT else 2


def totals(amounts: Iterable[Money]) -> tuple[Money, ...]:
    """Add up per currency; currencies are never mixed. Sorted by currency."""
    sums: dict[str, int] = {}
    for money in amounts:
        sums[money.currency] = sums.get(money.currency, 0) + money.amount_minor
    return tuple(Money(amount_minor=amount, currency=currency) for currency, amount in sorted(sums.items()))


def parse_amount(text: str) -> Decimal | None:
    """Parse a decimal amount like `100` or `1,099.50`; None when it is not one."""
    try:
        amount = Decimal(text.replace(",", "").strip())
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount >= 0 else None
