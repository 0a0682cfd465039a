"""Amounts of money: integers of the currency's smallest unit, shown as decimals, never as floats."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from lambdas.shared.providers.money import DEFAULT_DECIMALS, ISO_DECIMALS


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An amount in minor units of an ISO 4217 currency."""

    amount_minor: int
    currency: str

    def __str__(self) -> str:
        """Return e.g. `1,234.50 EUR`."""
        return f"{self.decimal:,} {self.currency}"

    @property
    def decimal(self) -> Decimal:
        """The amount in the currency's main unit, with all its decimals."""
        return Decimal(self.amount_minor).scaleb(-decimals(self.currency))


def decimals(currency: str) -> int:
    """Return how many decimals the currency's minor unit has (ISO 4217)."""
    return ISO_DECIMALS.get(currency, DEFAULT_DECIMALS)


def totals(amounts: Iterable[Money]) -> dict[str, Decimal]:
    """Add up per currency, in main units; currencies are never mixed. Sorted by currency."""
    sums: dict[str, int] = {}
    for money in amounts:
        sums[money.currency] = sums.get(money.currency, 0) + money.amount_minor
    return {name: Money(amount_minor=amount, currency=name).decimal for name, amount in sorted(sums.items())}


def parse_amount(text: str) -> Decimal | None:
    """Parse a decimal amount like `100` or `1,099.50`; None when it is not one."""
    try:
        amount = Decimal(text.replace(",", "").strip())
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount >= 0 else None
