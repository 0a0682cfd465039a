"""Turn a sample's template into one event: fresh ids, times relative to now, amounts that add up.

A placeholder is `{{name}}` or `{{name:argument}}` inside a string. When it is the whole string it keeps its type.

    event             its own fresh id          id:NAME      the id of the object NAME, the same throughout the cast
    unix[:OFFSET]     seconds since 1970        iso[:OFFSET] RFC 3339 in seconds    isoms[:OFFSET] with milliseconds
    date[:OFFSET]     YYYY-MM-DD                OFFSET       -90s, -5m, +1h, +30d
    amount[:PART]     in the provider's style   minor[:PART] an integer of minor units, whatever the style
    digits[:PART]     minor units as text
    currency          in the provider's case    api_version  the version that was asked for
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from lambdas.shared.providers import get_provider
from lambdas.shared.providers.money import MAX_MINOR
from webhookctl.core.samples.catalogue import Sample, Vocabulary
from webhookctl.core.samples.currencies import check_currency
from webhookctl.core.samples.ids import Cast
from webhookctl.errors import UsageError

DEFAULT_AMOUNT = 4200
DEFAULT_CURRENCY = "USD"

PLACES: Mapping[str, frozenset[str]] = {
    "amount": frozenset({"amount", "minor", "digits"}),
    "currency": frozenset({"currency"}),
    "api_version": frozenset({"api_version"}),
}
"""What an operator may ask for, with the placeholders that it fills."""

_PLACEHOLDER = re.compile(r"\{\{(\w+)(?::([^{}]*))?\}\}")
_OFFSET = re.compile(r"([+-]\d+)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_TAX_SHARE = 11  # prices include 10 % tax: an eleventh of the total


def _fee(total: int) -> int:
    return min(total, total * 29 // 1000 + 30)


_PARTS: dict[str, Callable[[int], int]] = {
    "total": lambda total: total,
    "tax": lambda total: total // _TAX_SHARE,
    "subtotal": lambda total: total - total // _TAX_SHARE,
    "half": lambda total: total // 2,
    "rest": lambda total: total - total // 2,
    "fee": _fee,
    "net": lambda total: total - _fee(total),
    "zero": lambda _: 0,
    "double": lambda total: total * 2,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """The amount that a sample is about: an integer of the currency's minor units, ISO 4217 in upper case."""

    amount: int = DEFAULT_AMOUNT
    currency: str = DEFAULT_CURRENCY

    def __post_init__(self) -> None:
        """Refuse what no provider would send. Raises UsageError."""
        if self.amount < 0:
            raise UsageError(f"--amount {self.amount} is negative", hint="give minor units, such as 4200 for 42.00")
        if self.amount > MAX_MINOR:
            raise UsageError(f"--amount {self.amount} is more than any payment", hint=f"at most {MAX_MINOR}")
        check_currency(self.currency)


def render(sample: Sample, *, cast: Cast, now: datetime, money: Money | None = None) -> dict[str, Any]:
    """Return the event as JSON data. The same cast and time give the same event, but for its own id."""
    event_id = cast.fresh(sample.vocabulary.event)
    scope = _Scope(sample=sample, cast=cast, now=now.astimezone(UTC), money=money or Money(), event_id=event_id)
    filled: dict[str, Any] = _fill(sample.template, scope)
    return filled


def check_asked(asked: Collection[str], *samples: Sample) -> None:
    """Raise UsageError when something that was asked for has no place in any of the samples.

    `asked` holds names of `PLACES`.
    """
    found = {match[1] for sample in samples for match in _PLACEHOLDER.finditer(json.dumps(sample.template))}
    for name in asked:
        if not found & PLACES[name]:
            flag, which = f"--{name.replace('_', '-')}", " and ".join(dict.fromkeys(s.event_type for s in samples))
            raise UsageError(f"{flag} has no effect: there is no place for it in {which}", hint=f"leave {flag} out")


def serialise(event: Mapping[str, Any], words: Vocabulary) -> bytes:
    """Return the bytes of an event, laid out as the provider lays them out.

    Half of a surrogate pair, which JSON can name and UTF-8 can't hold, makes all of it be written in ASCII.
    """
    separators = None if words.indent else (",", ":")
    text = json.dumps(event, indent=words.indent, separators=separators, ensure_ascii=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(event, indent=words.indent, separators=separators).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scope:
    sample: Sample
    cast: Cast
    now: datetime
    money: Money
    event_id: str

    def at(self, offset: str) -> datetime:
        if not offset:
            return self.now
        found = _OFFSET.fullmatch(offset)
        if not found:
            raise ValueError(f"offset '{offset}' in sample {self.sample.event_type}")
        return self.now + timedelta(**{_UNITS[found[2]]: int(found[1])})

    def minor(self, part: str) -> int:
        name = part.removeprefix("-") or "total"
        value = _PARTS[name](self.money.amount)
        return -value if part.startswith("-") else value

    def amount(self, part: str) -> int | str:
        minor = self.minor(part)
        if self.sample.vocabulary.amount_style == "minor":
            return minor
        decimals = get_provider(self.sample.provider).decimals(self.money.currency)
        return str(Decimal(minor).scaleb(-decimals))

    def currency(self) -> str:
        lower = self.sample.vocabulary.currency_case == "lower"
        return self.money.currency.lower() if lower else self.money.currency


_VALUES: dict[str, Callable[[_Scope, str], Any]] = {
    "event": lambda s, _: s.event_id,
    "id": lambda s, name: s.cast.id(name),
    "unix": lambda s, offset: int(s.at(offset).timestamp()),
    "iso": lambda s, offset: s.at(offset).strftime("%Y-%m-%dT%H:%M:%SZ"),
    "isoms": lambda s, offset: s.at(offset).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    "date": lambda s, offset: s.at(offset).strftime("%Y-%m-%d"),
    "amount": lambda s, part: s.amount(part),
    "minor": lambda s, part: s.minor(part),
    "digits": lambda s, part: str(s.minor(part)),
    "currency": lambda s, _: s.currency(),
    "api_version": lambda s, _: s.sample.api_version,
}


def _fill(node: Any, scope: _Scope) -> Any:  # noqa: ANN401 - JSON in, JSON out
    if isinstance(node, dict):
        return {_fill(key, scope): _fill(value, scope) for key, value in node.items()}
    if isinstance(node, list):
        return [_fill(value, scope) for value in node]
    if not isinstance(node, str):
        return node
    whole = _PLACEHOLDER.fullmatch(node)
    if whole:
        return _value(whole, scope)
    return _PLACEHOLDER.sub(lambda found: str(_value(found, scope)), node)


def _value(found: re.Match[str], scope: _Scope) -> Any:  # noqa: ANN401 - JSON value
    return _VALUES[found[1]](scope, found[2] or "")
