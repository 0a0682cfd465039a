"""Chaos: what goes wrong with webhooks, against the providers' real verification."""

from dataclasses import replace

import pytest

from lambdas.shared.providers import PROVIDERS
from lambdas.shared.webhook import StoredWebhook
from tests.fakes_sender import NOW, FakeClock, FakeStack, at, targets
from webhookctl.core.samples.ids import IdSource
from webhookctl.core.send.chaos import ChaosLine, check, run
from webhookctl.core.send.chaos_cases import CASES, Bench
from webhookctl.core.send.http import Answer
from webhookctl.core.send.request import Outgoing
from webhookctl.errors import CheckFailedError


def outcome(stack: FakeStack, *, with_table: bool = True, providers: tuple[str, ...] = PROVIDERS) -> list[ChaosLine]:
    clock, ids = FakeClock(), IdSource(1)
    benches = [
        Bench(provider=name, targets=targets(), transport=stack, slow=stack, ids=ids, now=at(NOW)) for name in providers
    ]
    return run(benches, stack if with_table else None, timeout_s=5.0, clock=clock.now, sleep=clock.sleep)


def test_a_sound_receiver_passes_every_case() -> None:
    """The providers' own verification gives exactly the expected outcomes."""
    lines = outcome(FakeStack())
    assert [line for line in lines if not line.as_expected] == []
    check(lines)


def test_every_bad_thing_is_sent_to_every_provider_that_knows_it() -> None:
    """Square signs no time, so three cases do not apply to it."""
    lines = outcome(FakeStack())
    counts = {name: sum(line.provider == name for line in lines) for name in PROVIDERS}
    assert counts == {"paypal": len(CASES), "stripe": len(CASES), "square": len(CASES) - 3}


def test_a_receiver_that_verifies_nothing_is_found_out() -> None:
    """A forged webhook that is accepted fails the check, by name."""

    class Gullible(FakeStack):
        def post(self, outgoing: Outgoing) -> Answer:
            return replace(super().post(outgoing), status=200)

    lines = outcome(Gullible(), providers=("stripe",))
    with pytest.raises(CheckFailedError, match="stripe: body changed"):
        check(lines)


def test_a_forged_webhook_that_is_stored_is_found_out() -> None:
    """A 401 is not enough: the table is asked too."""

    class Leaky(FakeStack):
        def get(self, webhook_id: str) -> StoredWebhook | None:
            return super().get(webhook_id) or next(iter(self.stored.values()))

    wrong = [line.case for line in outcome(Leaky(), providers=("square",)) if not line.as_expected]
    assert {"body changed", "wrong secret", "not signed"} <= set(wrong)


def test_what_is_never_processed_is_found_out() -> None:
    """Accepted webhooks must end PROCESSED before the time is over."""

    class Stuck(FakeStack):
        def get(self, webhook_id: str) -> StoredWebhook | None:
            assert webhook_id
            return None

    wrong = {line.case for line in outcome(Stuck(), providers=("paypal",)) if not line.as_expected}
    assert wrong == {"genuine", "duplicate", "replay", "reordered", "slow body"}


def test_without_a_table_only_answers_are_compared() -> None:
    """Against any URL the statuses alone decide."""
    lines = outcome(FakeStack(), with_table=False)
    assert all(line.as_expected for line in lines)
    assert {line.expected for line in lines} == {"200", "200 200", "400", "401", "413"}
