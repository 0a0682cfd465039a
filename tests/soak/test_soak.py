"""A soak short enough for every run of the tests."""

import pytest

from tests.soak.soak import Soak


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_books_are_clean_after_five_thousand_webhooks_and_random_faults() -> None:
    """Nothing acknowledged is lost or repeated, nothing forged is stored, every change is audited."""
    books = Soak(seed=20_260_101, count=5_000).run()
    assert books.is_clean, books
    assert books.acknowledged == books.sent == 5_000
    assert min(books.faults, books.crashes, books.forgeries, books.dead_lettered) > 0
