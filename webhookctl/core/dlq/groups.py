"""What is in the dead-letter queue, why, and how much money is at stake: the answer of `dlq list`."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from lambdas.shared.webhook import PaymentEvent
from webhookctl.core.dlq.dead_letter import DeadLetter, QueueDepth
from webhookctl.core.money import Money, totals
from webhookctl.core.wrapped import labelled, to_second, wrapped

Style = Callable[..., str]
"""`style(text, *names)` colours a text, or returns it as it is."""

_RETRY_WINDOWS: Final = {
    "stripe": timedelta(days=3),
    "paypal": timedelta(days=3),
    "square": timedelta(hours=24),
}
"""How long each provider goes on sending an event that it got no 2xx for (the providers' documentation)."""

_OVER: Final = "over"
_NO_FINGERPRINT: Final = frozenset({"none", "no_record", "unreadable"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterGroup:
    """Dead letters of one provider and type that failed in the same way.

    `money_at_risk` is what the unprocessed webhooks carry, in each currency's main unit; an amount that another event
    carries already is not counted twice, a running total counts once per object. `unknown_amounts` more have an amount
    that could not be read.
    `provider_retries_until`: when the provider would have stopped sending the oldest one again; an acknowledged
    webhook is not sent again by itself. `expires_at`: when the queue drops the oldest one.
    """

    fingerprint: str
    error: str
    provider: str
    event_type: str
    count: int
    processed: int
    money_at_risk: Mapping[str, str]
    unknown_amounts: int
    oldest: datetime
    newest: datetime
    provider_retries_until: datetime | None
    expires_at: datetime
    oldest_age: str
    newest_age: str
    provider_retries_end_in: str | None
    expires_in: str

    def draw(self, width: int, style: Style) -> Iterator[str]:
        """Yield the group as a person reads it, in lines of the width."""
        yield style(f"{self.count:,} x {self.provider} {self.event_type}", "bold")
        chosen = "" if self.fingerprint in _NO_FINGERPRINT else f"  (--error {self.fingerprint})"
        yield from wrapped(self.error + chosen, width, indent=4)
        age = (
            f"received {self.oldest_age} ago"
            if self.count == 1
            else f"oldest {self.oldest_age}, newest {self.newest_age}"
        )
        yield from wrapped(f"{self._at_risk} at risk; {age}", width, indent=4)
        yield from wrapped(f"{self._clock}the queue drops it in {self.expires_in}", width, indent=4)
        if self.processed:
            yield style(f"    {self.processed:,} PROCESSED already: only the message is left over", "green")

    @property
    def _clock(self) -> str:
        left = self.provider_retries_end_in
        if left is None:
            return ""
        return (
            f"{self.provider} would no longer retry; " if left == _OVER else f"{self.provider} would retry for {left}; "
        )

    @property
    def _at_risk(self) -> str:
        return _at_risk(self.money_at_risk, self.unknown_amounts, ", ") or "no money"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterSummary:
    """The dead-letter queue in figures. `seen` messages were received for it, and given back.

    `visible` and `in_flight` are the queue's own, approximate counts from before the look.
    """

    environment: str
    at: datetime
    visible: int
    in_flight: int
    seen: int
    matched: int
    processed: int
    is_complete: bool
    oldest_age: str | None
    money_at_risk: Mapping[str, str]
    unknown_amounts: int
    provider_retries_end_in: str | None
    expires_in: str | None
    groups: tuple[DeadLetterGroup, ...]

    def draw(self, width: int, style: Style) -> Iterator[str]:
        """Yield the answer to `dlq list` for a terminal of the width: the sums, then each group."""
        in_flight = f", {self.in_flight:,} in flight" if self.in_flight else ""
        rows = [
            ("Dead letters", f"{self.visible:,} visible{in_flight}, in {self.environment} at {to_second(self.at)}"),
            ("Looked at", self._looked_at),
            ("Oldest", self.oldest_age),
            ("Money at risk", _at_risk(self.money_at_risk, self.unknown_amounts, " + ") if self.groups else None),
            ("Processed already", f"{self.processed:,}" if self.processed else None),
            ("Provider would retry for", self.provider_retries_end_in),
            ("Queue drops first in", self.expires_in),
        ]
        yield from labelled(rows, width)
        for group in self.groups:
            yield ""
            yield from group.draw(width, style)

    @property
    def _looked_at(self) -> str:
        rest = "" if self.is_complete else ", not all (--limit looks at more)"
        meant = "" if self.matched == self.seen else f", {self.matched:,} meant"
        changed = "; each was given back, its receive count rose by one" if self.seen else ""
        return f"{self.seen:,}{rest}{meant}{changed}"


@dataclass(kw_only=True)
class _Group:
    fingerprint: str
    error: str
    provider: str
    event_type: str
    oldest: datetime
    newest: datetime
    sent_first: datetime
    count: int = 0
    processed: int = 0
    unknown_amounts: int = 0
    amounts: dict[str, Money] = field(default_factory=dict)

    def add(self, letter: DeadLetter) -> None:
        at = letter.received_at
        self.count += 1
        self.oldest = min(self.oldest, at)
        self.newest = max(self.newest, at)
        self.sent_first = min(self.sent_first, letter.message.sent_at)
        if letter.webhook is not None and letter.webhook.is_terminal:
            self.processed += 1
        else:
            self._add_amount(letter)

    def _add_amount(self, letter: DeadLetter) -> None:
        event = letter.event
        if event is None:
            self.unknown_amounts += 1
        elif event.amount_minor is not None and event.currency is not None and not event.is_secondary:
            key = _amount_key(event, letter)
            known = self.amounts.get(key)
            if known is None or known.amount_minor < event.amount_minor:
                self.amounts[key] = Money(amount_minor=event.amount_minor, currency=event.currency)


def summarise(
    letters: Iterable[DeadLetter], *, environment: str, seen: int, depth: QueueDepth, now: datetime, is_complete: bool
) -> DeadLetterSummary:
    """Group dead letters by error fingerprint, provider and type; the group with the most comes first."""
    groups: dict[tuple[str, str, str], _Group] = {}
    for letter in letters:
        group = _group_of(letter)
        key = (group.fingerprint, group.provider, group.event_type)
        groups.setdefault(key, group).add(letter)
    retention = timedelta(seconds=depth.retention_s)
    shown = [_shown(group, retention, now) for group in groups.values()]
    shown.sort(key=lambda group: (-group.count, group.provider, group.event_type))
    oldest = min((group.oldest for group in shown), default=None)
    retries = [group.provider_retries_until for group in shown if group.provider_retries_until is not None]
    return DeadLetterSummary(
        environment=environment,
        at=now,
        visible=depth.visible,
        in_flight=depth.in_flight,
        seen=seen,
        matched=sum(group.count for group in shown),
        processed=sum(group.processed for group in shown),
        is_complete=is_complete,
        oldest_age=None if oldest is None else age(now - oldest),
        money_at_risk=_texts(totals(money for group in groups.values() for money in group.amounts.values())),
        unknown_amounts=sum(group.unknown_amounts for group in shown),
        provider_retries_end_in=span(min(retries) - now) if retries else None,
        expires_in=span(min(group.expires_at for group in shown) - now) if shown else None,
        groups=tuple(shown),
    )


def span(duration: timedelta) -> str:
    """Return a time left in its two largest units, e.g. `3d 4h`; `over` when nothing is left."""
    return age(duration) if duration >= timedelta(seconds=1) else _OVER


def age(duration: timedelta) -> str:
    """Return an age in its two largest units, e.g. `3d 4h`."""
    seconds = int(duration.total_seconds())
    if seconds <= 0:
        return "0s"
    parts = [(seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s")]
    first = next(n for n, (count, _) in enumerate(parts) if count)
    return " ".join(f"{count}{unit}" for count, unit in parts[first : first + 2] if count)


def error_of(letter: DeadLetter) -> tuple[str, str]:
    """Return the fingerprint and a short text of what made a dead letter."""
    if letter.message.webhook_id is None:
        return "unreadable", "the message names no webhook"
    if letter.webhook is None:
        return "no_record", "the table has no such webhook"
    error = letter.webhook.last_error
    if error is None:
        return "none", "no failure is recorded"
    return error.fingerprint, f"{error.error_class}: {error.message}"


def _group_of(letter: DeadLetter) -> _Group:
    webhook = letter.webhook
    at = letter.received_at
    fingerprint, error = error_of(letter)
    return _Group(
        fingerprint=fingerprint,
        error=error,
        provider=(letter.message.webhook_id or "").partition(":")[0] or "?",
        event_type=webhook.event_type if webhook is not None else "?",
        oldest=at,
        newest=at,
        sent_first=letter.message.sent_at,
    )


def _shown(group: _Group, retention: timedelta, now: datetime) -> DeadLetterGroup:
    window = _RETRY_WINDOWS.get(group.provider)
    expires_at = group.sent_first + retention
    return DeadLetterGroup(
        fingerprint=group.fingerprint,
        error=group.error,
        provider=group.provider,
        event_type=group.event_type,
        count=group.count,
        processed=group.processed,
        money_at_risk=_texts(totals(group.amounts.values())),
        unknown_amounts=group.unknown_amounts,
        oldest=group.oldest,
        newest=group.newest,
        provider_retries_until=None if window is None else group.oldest + window,
        expires_at=expires_at,
        oldest_age=age(now - group.oldest),
        newest_age=age(now - group.newest),
        provider_retries_end_in=None if window is None else span(group.oldest + window - now),
        expires_in=span(expires_at - now),
    )


def _texts(sums: Mapping[str, Decimal]) -> dict[str, str]:
    """Write decimals with all their digits: `126.00`, `500`, `1.250`."""
    return {currency: f"{amount:f}" for currency, amount in sums.items()}


def _at_risk(sums: Mapping[str, str], unknown: int, plus: str) -> str:
    money = ", ".join(f"{amount} {currency}" for currency, amount in sums.items())
    return plus.join(filter(None, [money, f"{unknown:,} of unknown amount" if unknown else ""]))


def _amount_key(event: PaymentEvent, letter: DeadLetter) -> str:
    """Return what an amount is counted once for: the object of a running total, else the webhook."""
    if event.is_cumulative:
        return f"{event.kind} {event.payment_id} {event.object_id}"
    return letter.message.webhook_id or letter.message.message_id
