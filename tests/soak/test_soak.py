"""A soak short enough for every run of the tests, and proof that its books would notice."""

from dataclasses import asdict, replace
from typing import Any

import pytest

from tests.fakes_aws import FakeAws
from tests.soak.kills import KillBooks
from tests.soak.soak import Books, Soak
from tests.soak.stream import Stream


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_books_are_clean_after_five_thousand_webhooks_and_random_faults() -> None:
    """Nothing acknowledged is lost or repeated, nothing forged is stored, every change is audited."""
    books = Soak(seed=20_260_101, count=5_000).run()
    assert books.is_clean, books
    assert books.acknowledged == books.sent == 5_000
    assert min(books.faults, books.crashes, books.forgeries, books.dead_lettered) > 0


def test_a_seed_repeats_its_run() -> None:
    """Faults, crashes, forgeries and deliveries are the same ones."""
    assert Soak(seed=5, count=100).run() == Soak(seed=5, count=100).run()


class WithoutPutCondition(FakeAws):
    """A table that lets a second delivery overwrite what the first has come to."""

    def _do_PutItem(self, args: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - the operation's name
        self._write(args["Item"]["webhookId"]["S"], args["Item"])
        return {}


class WithoutFailures(FakeAws):
    """A poller that deletes the messages of a batch whether they failed or not."""

    def delete(self, event: dict[str, Any], answer: dict[str, Any]) -> None:
        """Delete all."""
        super().delete(event, {**answer, "batchItemFailures": []})


class WithoutSends(FakeAws):
    """A queue that acknowledges and forgets one message in ten."""

    def _do_SendMessage(self, args: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        sent = super()._do_SendMessage(args)
        if self.calls["SendMessage"] % 10 == 0:
            del self.queue[sent["MessageId"]]
        return sent


@pytest.mark.parametrize(
    ("make_aws", "book"),
    [(WithoutPutCondition, "duplicate_effects"), (WithoutFailures, "stuck"), (WithoutSends, "stuck")],
)
def test_the_books_notice_a_missing_guard(make_aws: type[FakeAws], book: str) -> None:
    """What the protocol leans on, taken away beneath the real handlers, stands in the books."""
    books: Books = Soak(seed=5, count=200, make_aws=make_aws).run()
    assert getattr(books, book) > 0, books


def test_a_seed_repeats_its_stream() -> None:
    """The same ids in the same order, with the same duplicates and forgeries; another seed has others."""
    first, again, other = (
        [(draft.webhook_id, draft.pause_s) for draft in Stream(seed=seed, count=60).deliveries] for seed in (1, 1, 2)
    )
    assert first == again
    assert not {name for name, _ in first} & {name for name, _ in other}


def test_a_stream_has_duplicates_forgeries_and_every_provider() -> None:
    """Of each some; a forgery claims an id that no genuine event has."""
    stream = Stream(seed=1, count=60)
    sent = [str(draft.webhook_id) for draft in stream.deliveries]
    assert {name.partition(":")[0] for name in sent} == {"stripe", "square", "paypal"}
    assert len(set(sent)) == len(stream.events) + len(stream.forged) < len(sent)


def test_the_books_of_a_kill_are_clean_only_if_the_loss_is_within_its_bound() -> None:
    """Losing unsaved webhooks is what a SIGKILL does; anything else is not."""
    names = list(KillBooks.__dataclass_fields__)
    clean = KillBooks(**dict.fromkeys(names, 0) | {"kills": 1, "acknowledged": 9, "lost": 4, "sent_again": 4})
    assert clean.is_clean
    for name in names[names.index("lost_though_saved") :]:
        assert not replace(clean, **{name: 1}).is_clean, name
    assert asdict(clean.plus(clean))["lost"] == 8
