"""Amounts: whole minor units and an ISO 4217 code, exact or an error."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from lambdas.shared.providers.reading import malformed

Amount = tuple[int | None, str | None]
"""Minor units and currency."""

MAX_MINOR: Final = 10**15
"""Beyond any payment, and within what every JSON reader keeps exactly (2**53)."""
MAX_FRACTION: Final = 9

DEFAULT_DECIMALS: Final = 2


def codes(text: str) -> list[str]:
    """Return the currency codes in a text."""
    return text.split()


ISO_DECIMALS: Final[Mapping[str, int]] = {
    **dict.fromkeys(
        codes("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
        0,
    ),
    **dict.fromkeys(codes("BHD IQD JOD KWD LYD OMR TND"), 3),
    **dict.fromkeys(codes("CLF UYW"), 4),
}
"""ISO 4217's currencies whose minor unit is not a hundredth."""

_CURRENCY: Final = re.compile(r"[A-Za-z]{3}")
_DECIMAL: Final = re.compile(r"-?\d{1,19}(\.\d{1,9})?", re.ASCII)


def currency_code(value: object) -> str | None:
    """Return a currency in upper case, None where there is none of three letters: a token, or one yet unknown.

    Raises MalformedError for what is no text.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise malformed("the event's currency is not a text")
    return value.upper() if _CURRENCY.fullmatch(value) else None


def amount_in(currency: object, read: Callable[[], int | None]) -> Amount:
    """Return what `read` reads, with its currency. Raises MalformedError as `read` and `currency_code` do.

    In a currency that has no ISO code nobody knows what a minor unit is: the event then has no amount, and is still
    what it is.
    """
    code = currency_code(currency)
    return (None, None) if code is None and currency is not None else (read(), code)


def minor_units(value: object) -> int | None:
    """Return an amount that the provider already counts in minor units. Raises MalformedError unless it is whole."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise malformed("the event's amount is not a number")
    return _whole(Decimal(value))


def minor_units_of_decimal(value: object, *, decimals: int) -> int | None:
    """Return a decimal amount such as `"12.50"` in minor units, exactly.

    Raises MalformedError when it is no decimal number, or finer than the currency's minor unit.
    """
    if value is None:
        return None
    if isinstance(value, str):
        if not _DECIMAL.fullmatch(value):
            raise malformed("the event's amount is not a decimal number")
        value = Decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise malformed("the event's amount is not a decimal number")
    return _whole(_bounded(Decimal(value)).scaleb(decimals))


def _whole(amount: Decimal) -> int:
    amount = _bounded(amount)
    if amount != amount.to_integral_value():
        raise malformed("the event's amount is finer than the currency's minor unit")
    return int(amount)


def _bounded(amount: Decimal) -> Decimal:
    """Refuse, before any arithmetic, what 28 digits can't hold exactly or what would fill the memory as an integer."""
    exponent = amount.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -MAX_FRACTION or not -MAX_MINOR <= amount <= MAX_MINOR:
        raise malformed("the event's amount is out of range")
    return amount
