"""`send --chaos`: send one of each bad thing, and hold the real outcome against the expected one."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from lambdas.shared.webhook import Status
from webhookctl.core.events.stored import WebhookTable
from webhookctl.core.send.chaos_cases import CASES, Bench, Case, Seen
from webhookctl.errors import CheckFailedError

_POLL_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaosLine:
    """One case: what should come of it and what did. `stored` is what the table says, where there is one to ask."""

    TABLE: ClassVar = ("provider", "case", "expected", "got", "as_expected")
    provider: str
    case: str
    expected: str
    got: str
    as_expected: bool


@dataclass(frozen=True, slots=True)
class _Sent:
    case: Case
    provider: str
    seen: Seen = field(repr=False)


def run(
    benches: Sequence[Bench],
    table: WebhookTable | None,
    *,
    timeout_s: float,
    on_case: Callable[[str], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> list[ChaosLine]:
    """Run every case for every bench. Without a table only the answers are compared.

    All are sent first; then the table is asked, at most until `timeout_s` is over, whether the good ones are processed
    once and the bad ones never stored.
    """
    sent = list(_send(benches, on_case))
    if table is None:
        return [_line(one, {}) for one in sent]
    deadline, wanted = clock() + timeout_s, {i for one in sent for i in one.seen.stored}
    states: dict[str, str] = {}
    while True:
        pending = {i for i in wanted if states.get(i) != Status.PROCESSED}
        states |= {i: _state(table, i) for i in pending}
        if all(states[i] == Status.PROCESSED for i in wanted) or clock() >= deadline:
            break
        sleep(_POLL_S)
    states |= {i: _state(table, i) for one in sent for i in one.seen.never}
    return [_line(one, states) for one in sent]


def check(lines: Sequence[ChaosLine]) -> None:
    """Raise CheckFailedError when a line is not as expected."""
    wrong = [line for line in lines if not line.as_expected]
    if wrong:
        named = ", ".join(f"{line.provider}: {line.case}" for line in wrong)
        raise CheckFailedError(f"{len(wrong)} of {len(lines)} outcomes were not as expected ({named})")


def _send(benches: Sequence[Bench], on_case: Callable[[str], None]) -> Iterator[_Sent]:
    for bench in benches:
        for case in (case for case in CASES if case.applies_to(bench.provider)):
            on_case(f"{bench.provider}: {case.name}")
            yield _Sent(case, bench.provider, case.run(bench))


def _state(table: WebhookTable, webhook_id: str) -> str:
    found = table.get(webhook_id)
    return "not stored" if found is None else found.status.value


def _line(sent: _Sent, states: dict[str, str]) -> ChaosLine:
    seen = sent.seen
    expected, got = _statuses(sent.case.expected), _statuses([answer.status for answer in seen.answers])
    if states:
        expected += _states(["PROCESSED"] * len(seen.stored) + ["not stored"] * len(seen.never))
        got += _states([states[i] for i in (*seen.stored, *seen.never)])
    return ChaosLine(
        provider=sent.provider, case=sent.case.name, expected=expected, got=got, as_expected=expected == got
    )


def _statuses(statuses: Sequence[int | None]) -> str:
    return " ".join("none" if status is None else str(status) for status in statuses)


def _states(states: Sequence[str]) -> str:
    return f", {' '.join(states)}" if states else ""
