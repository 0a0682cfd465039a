"""Amounts are exact or an error."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.shared.errors import MalformedError
from lambdas.shared.providers.money import MAX_MINOR, amount_in, currency_code, minor_units, minor_units_of_decimal


@given(minor=st.integers(min_value=-MAX_MINOR, max_value=MAX_MINOR), decimals=st.sampled_from([0, 2, 3, 4]))
def test_a_decimal_text_is_its_minor_units(minor: int, decimals: int) -> None:
    """Writing an amount as a provider does and reading it gives the same number, for every amount."""
    text = f"{Decimal(minor).scaleb(-decimals):f}"
    assert minor_units_of_decimal(text, decimals=decimals) == minor


@given(value=st.decimals(allow_nan=True, allow_infinity=True))
def test_any_number_is_exact_or_an_error(value: Decimal) -> None:
    """Whatever is returned equals the number; nothing takes forever."""
    try:
        found = minor_units_of_decimal(value, decimals=2)
    except MalformedError:
        return
    assert found is not None
    assert Decimal(found) == value.scaleb(2)


@pytest.mark.parametrize(
    "value", [Decimal("1e400000"), Decimal("-1e400000"), 10**4000, Decimal("1e-400000"), Decimal("sNaN")]
)
def test_absurd_numbers_are_refused_before_any_arithmetic(value: object) -> None:
    """They would fill the memory as integers."""
    for read in (minor_units, lambda value: minor_units_of_decimal(value, decimals=2)):
        with pytest.raises(MalformedError):
            read(value)


def test_a_fraction_too_fine_for_the_arithmetic_is_not_rounded_away() -> None:
    """Thirty digits are more than the decimal context keeps."""
    with pytest.raises(MalformedError):
        minor_units_of_decimal(Decimal("1000000000000.00000000000000001"), decimals=2)


def test_a_whole_number_may_be_written_with_a_point() -> None:
    """JSON does not tell 4200 from 4200.0."""
    assert minor_units(Decimal("4200.0")) == 4200


def test_nothing_is_nothing() -> None:
    """A missing amount is no amount, not zero."""
    assert minor_units(None) is None
    assert minor_units_of_decimal(None, decimals=2) is None
    assert currency_code(None) is None


@pytest.mark.parametrize(("value", "code"), [("usd", "USD"), ("EUR", "EUR"), ("Gbp", "GBP")])
def test_a_currency_is_three_capital_letters(value: str, code: str) -> None:
    """Stripe writes them small."""
    assert currency_code(value) == code


@pytest.mark.parametrize("value", ["", "US", "usdc", "U$D", "ﬀs", "µsd", "UNKNOWN_CURRENCY"])
def test_an_amount_in_no_known_currency_is_none(value: str) -> None:
    """A token, a placeholder, a letter whose capital is two: nobody knows their minor units, so nothing is read."""
    assert currency_code(value) is None
    assert amount_in(value, lambda: pytest.fail("nothing is to be read")) == (None, None)


def test_an_amount_is_in_its_currency_or_in_none() -> None:
    """A known one is read; without any, the number stands alone."""
    assert (amount_in("eur", lambda: 7), amount_in(None, lambda: 7)) == ((7, "EUR"), (7, None))


@pytest.mark.parametrize("value", [1, 840, ["USD"], {}])
def test_anything_else_is_no_currency(value: object) -> None:
    """What is no text is for a person to look at."""
    with pytest.raises(MalformedError):
        currency_code(value)
