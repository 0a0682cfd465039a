"""How a scenario must end: the state of its payment, read from what the stack made of the events."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lambdas.shared.webhook import PaymentEvent, Status, StoredWebhook
from webhookctl.core.events import WebhookTable
from webhookctl.core.scenario import Run
from webhookctl.errors import CheckFailedError

_RANK = {"pending": 1, "authorized": 2, "canceled": 3, "failed": 3, "succeeded": 4, "reversed": 5}
_DISPUTE_RANK = {"opened": 1, "closed": 2, "won": 3, "lost": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentEnd:
    """Where a payment stands after all its events, whatever their order. Amounts in minor units.

    `status`: none, pending, authorized, canceled, failed, succeeded, reversed, partially_refunded or refunded.
    """

    status: str
    amount: int
    refunded: int
    dispute: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioLine:
    """One run: how it should have ended and how it did."""

    TABLE: ClassVar = ("provider", "payment_id", "events", "processed", "expected", "got", "as_expected")
    provider: str
    payment_id: str | None
    events: int
    processed: int
    expected: str
    got: str
    as_expected: bool


def payment_end(events: Iterable[PaymentEvent]) -> PaymentEnd:
    """Fold a payment's events. Any order and any duplication of them give the same answer."""
    every = list(events)
    kinds = {event.kind for event in every}
    reached = max((_word(kind) for kind in kinds if kind.startswith("payment.")), key=_rank, default="none")
    amount = max((e.amount_minor or 0 for e in every if e.kind.startswith("payment.")), default=0)
    refunded = _refunded(every)
    disputes = [_word(kind) for kind in kinds if kind.startswith("dispute.")]
    if reached == "succeeded" and refunded:
        reached = "refunded" if refunded >= amount else "partially_refunded"
    return PaymentEnd(
        status=reached,
        amount=amount,
        refunded=refunded,
        dispute=max(disputes, key=lambda word: (_DISPUTE_RANK.get(word, 0), word), default=None),
    )


def judge(runs: Sequence[Run], table: WebhookTable) -> list[ScenarioLine]:
    """Compare how each run ended with how it should have."""
    return [_line(run, table) for run in runs]


def check(lines: Sequence[ScenarioLine]) -> None:
    """Raise CheckFailedError when a run ended otherwise."""
    wrong = [line for line in lines if not line.as_expected]
    if wrong:
        first = wrong[0]
        raise CheckFailedError(
            f"{len(wrong)} of {len(lines)} runs did not end as expected; the first: {first.provider} "
            f"{first.payment_id} is {first.got}, not {first.expected}"
        )


def _line(run: Run, table: WebhookTable) -> ScenarioLine:
    found = [stored for item in run.drafts if item.webhook_id and (stored := table.get(item.webhook_id))]
    done = [stored for stored in found if stored.status is Status.PROCESSED]
    end = payment_end([stored.event for stored in done if _is_about(stored, run.payment_id) and stored.event])
    expected, got = _text(run.ends), _text({name: getattr(end, name, None) for name in run.ends})
    return ScenarioLine(
        provider=run.provider,
        payment_id=run.payment_id,
        events=len(run.drafts),
        processed=len(done),
        expected=expected,
        got=got,
        as_expected=expected == got and len(done) == len(run.drafts),
    )


def _is_about(stored: StoredWebhook, payment_id: str | None) -> bool:
    return stored.event is not None and stored.event.payment_id == payment_id


def _refunded(events: Sequence[PaymentEvent]) -> int:
    """Sum the refunds, each once however many events it had; a running total wins where it says more."""
    done = [event for event in events if event.kind == "refund.succeeded"]
    totals = [event.amount_minor or 0 for event in done if event.is_cumulative]
    single = {event.object_id: event.amount_minor or 0 for event in done if not event.is_cumulative}
    return max([*totals, sum(single.values())])


def _word(kind: str) -> str:
    return kind.partition(".")[2]


def _rank(word: str) -> tuple[int, str]:
    return (_RANK.get(word, 0), word)


def _text(ends: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in ends.items()) or "processed"
