"""Numbers that could be card numbers: their starts, their lengths and their check digit."""

from hypothesis import strategies as st

CARD_LIKE_STARTS = ("4", "51", "37", "30", "36", "3528", "62", "50", "56", "58", "608", "6")


def with_check_digit(digits: str) -> str:
    """Return digits with the one behind them that lets them pass the Luhn check."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 - place % 2)
        total += doubled // 10 + doubled % 10
    return digits + str(-total % 10)


@st.composite
def card_like(draw: st.DrawFn, longest: int) -> str:
    """Draw 12 to `longest` digits that start as a scheme's numbers do and pass the check."""
    start, length = draw(st.sampled_from(CARD_LIKE_STARTS)), draw(st.integers(12, longest))
    size = length - len(start) - 1
    return with_check_digit(start + draw(st.text("0123456789", min_size=size, max_size=size)))
