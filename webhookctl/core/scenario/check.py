"""How a scenario must end: the state of its payment, read from what the stack made of the events."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lambdas.shared.webhook import Status, StoredWebhook
from webhookctl.core.events.parts import PaymentFact
from webhookctl.core.events.payments import fold
from webhookctl.core.events.stored import WebhookTable
from webhookctl.core.scenario.drafts import Run
from webhookctl.errors import CheckFailedError


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
    payment = fold(run.payment_id, _facts(done, run.payment_id)) if run.payment_id else None
    expected, got = _text(run.ends), _text({name: getattr(payment, name, None) for name in run.ends})
    return ScenarioLine(
        provider=run.provider,
        payment_id=run.payment_id,
        events=len(run.drafts),
        processed=len(done),
        expected=expected,
        got=got,
        as_expected=expected == got and len(done) == len(run.drafts),
    )


def _facts(stored: Iterable[StoredWebhook], payment_id: str) -> Iterator[PaymentFact]:
    for webhook in stored:
        if webhook.event is not None and webhook.event.payment_id == payment_id:
            yield PaymentFact(
                webhook_id=webhook.webhook_id,
                provider=webhook.provider,
                event_type=webhook.event_type,
                at=webhook.event_created_at,
                event=webhook.event,
            )


def _text(ends: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in ends.items()) or "processed"
