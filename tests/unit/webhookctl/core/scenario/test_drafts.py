"""Scenarios: shared ids, any order, and the state that the payment must end in."""

from pathlib import Path

import pytest

from lambdas.shared.providers import get_provider
from tests.fakes_sender import NOW, FakeStack, at, targets
from webhookctl.core.events.payments import PaymentStatus
from webhookctl.core.samples.ids import IdSource
from webhookctl.core.samples.render import Money
from webhookctl.core.scenario import drafts as scenario
from webhookctl.core.scenario.check import check, judge
from webhookctl.core.scenario.drafts import Run
from webhookctl.core.send.dispatch import Pace, Sender, dispatch
from webhookctl.errors import CheckFailedError, NotFoundError, UsageError

EVERY = [(name, provider) for name in scenario.names() for provider in scenario.load(name).scripts]


def runs(name: str, provider: str, count: int = 1) -> list[Run]:
    found = scenario.load(name)
    return list(scenario.play(found, [provider], count=count, money=Money(), ids=IdSource(4), now=at(NOW)))


def test_the_promised_scenarios_are_there() -> None:
    """Each of them has a sequence for every provider of the stack."""
    assert {"checkout", "subscription", "refund", "dispute", "payout"} <= set(scenario.names())
    assert {provider for _, provider in EVERY} == {"stripe", "paypal", "square"}


@pytest.mark.parametrize(("name", "provider"), EVERY)
@pytest.mark.parametrize("shuffle", [False, True])
def test_a_scenario_ends_as_it_says(name: str, provider: str, shuffle: bool) -> None:  # noqa: FBT001
    """In order or not, with duplicates, every run's payment ends as the file says."""
    played, stack = runs(name, provider, count=3), FakeStack()
    drafts = scenario.drafts_of(played, duplicates=1, shuffle=shuffle, ids=IdSource(9))
    done = dispatch(drafts, Sender(targets=targets(), transport=stack, now=at(NOW), sleep=lambda _: None), pace=Pace())
    assert all(delivery.is_accepted for delivery in done)
    lines = judge(played, stack)
    check(lines)
    assert len({line.payment_id for line in lines}) in (1, 3)


@pytest.mark.parametrize(("name", "provider"), EVERY)
def test_the_events_of_a_run_are_about_one_payment(name: str, provider: str) -> None:
    """Where events name a payment of the scenario, it is the same one; two runs share none."""
    one, two = runs(name, provider, count=2)
    if one.ends:
        assert one.payment_id is not None
        assert one.payment_id != two.payment_id
        assert sum(item.payment_id == one.payment_id for item in one.drafts) >= 2


@pytest.mark.parametrize(("name", "provider"), EVERY)
def test_the_events_happen_one_after_the_other(name: str, provider: str) -> None:
    """Each event's own time is a second after the one before, and the last is now."""
    (run,) = runs(name, provider)
    times = [get_provider(provider).identify(item.body).created_at for item in run.drafts]
    assert times[-1] is not None
    assert abs((times[-1] - NOW).total_seconds()) < 1
    assert times == sorted(t for t in times if t is not None)
    assert len(set(times)) == len(times)


def test_a_payment_that_ends_otherwise_is_found_out() -> None:
    """A refund that was never processed leaves the payment succeeded, and the check fails."""
    (run,) = runs("refund", "paypal")
    stack = FakeStack()
    sender = Sender(targets=targets(), transport=stack, now=at(NOW))
    dispatch(run.drafts[:2], sender, pace=Pace())
    with pytest.raises(CheckFailedError, match="is status succeeded, not status refunded"):
        check(judge([run], stack))


def test_a_user_s_own_scenario_comes_first(tmp_path: Path) -> None:
    """A file in the user's folder is found by name, before a built-in one, and by its path."""
    own = tmp_path / "refund.yaml"
    own.write_text(
        "sequences:\n  stripe:\n    steps:\n      - send: payment_intent.succeeded\n        after_s: 1.5\n"
        "        set: {data.object.amount: 7}\n        add: {data.object.metadata.mine: true}\n"
        "        remove: [data.object.review]\n"
    )
    assert [step.send for step in scenario.load("refund", folders=[tmp_path]).scripts["stripe"].steps] == [
        "payment_intent.succeeded"
    ]
    found = scenario.load(str(own))
    (run,) = scenario.play(found, ["stripe"], count=1, money=Money(), ids=IdSource(1), now=at(NOW))
    assert b'"amount": 7,' in run.drafts[0].body
    assert b'"review"' not in run.drafts[0].body
    assert run.drafts[0].pause_s == 1.5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sequences: [", "is not YAML"),
        ("steps: []", "unknown member 'steps'"),
        ("sequences: {}", "maps a provider to its steps"),
        ("sequences: {stripe: {steps: []}}", "'steps' is a list"),
        ("sequences: {stripe: {steps: [{set: {}}]}}", "'send' names an event type"),
        ("sequences: {stripe: {steps: [{send: charge.succeeded, wait: 1}]}}", "unknown member 'wait'"),
        ("sequences: {stripe: {steps: [{send: charge.succeeded, after_s: soon}]}}", "after_s has the wrong form"),
        ("sequences: {stripe: {steps: [{send: charge.succeeded, after_s: -1}]}}", "after_s has the wrong form"),
        ("sequences: {stripe: {steps: [{send: charge.succeeded, after_s: .nan}]}}", "after_s has the wrong form"),
        ("sequences: {stripe: {steps: [{send: charge.succeeded, amount_percent: -5}]}}", "percent has the wrong form"),
        ("sequences: {stripe: {steps: [{send: charge.succeeded, amount_percent: true}]}}", "percent has the wrong"),
        ("sequences: {stripe: {steps: [{send: charge.succeeded, set: {id: 2026-01-01}}]}}", "set has the wrong form"),
        ("sequences: {stripe: {steps: [{send: charge.succeeded, remove: [7]}]}}", "remove has the wrong form"),
        ("sequences: {7: {steps: [charge.succeeded]}}", "unknown provider '7'"),
        ("sequences: {stripe: {steps: [charge.sucseeded]}}", "no sample event 'charge.sucseeded'"),
        ("sequences: {strype: {steps: [charge.succeeded]}}", "unknown provider 'strype'"),
        ("sequences: {stripe: {steps: [charge.succeeded], ends: {state: x}}}", "unknown member 'state'"),
        *(
            (f"sequences: {{stripe: {{steps: [charge.succeeded], ends: {{{ends}}}}}}}", "has the wrong form")
            for ends in (
                *("status: suceeded", "status: SUCCEEDED", "status: [succeeded]", "status: null", "disputed: looses"),
                *("disputed: 'won, lots'", "amount_minor: '12'", "amount_minor: 1.5", "net_minor: true"),
                "refunded_minor: -1",
            )
        ),
        ("- 1", "is not a mapping"),
    ],
)
def test_a_fault_in_a_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    """Whoever writes a scenario is told what is wrong with it, and where."""
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        scenario.load(str(path))


@pytest.mark.parametrize(
    "ends",
    [*(f"status: {status}" for status in PaymentStatus), "disputed: 'won, lost'", "disputed: null, net_minor: 0"],
)
def test_every_end_that_a_payment_can_come_to_may_be_expected(tmp_path: Path, ends: str) -> None:
    """The file is refused for none of them; amounts and disputes may be expected not to be there."""
    path = tmp_path / "mine.yaml"
    path.write_text(f"sequences: {{stripe: {{steps: [charge.succeeded], ends: {{{ends}}}}}}}")
    assert scenario.load(str(path)).scripts["stripe"].ends


def test_a_name_that_is_not_there_lists_the_others() -> None:
    """The hint names every scenario."""
    with pytest.raises(NotFoundError) as caught:
        scenario.load("refunds")
    assert "refund" in str(caught.value.hint)


def test_a_provider_without_a_sequence_is_refused() -> None:
    """The error says which providers the scenario has."""
    found = scenario.load("refund")
    with pytest.raises(UsageError, match="has no steps for adyen"):
        list(scenario.play(found, ["adyen"], count=1, money=Money(), ids=IdSource(1), now=at(NOW)))
