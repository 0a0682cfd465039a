"""Which dead letters are meant: the filters of `dlq list`, `redrive`, `export` and `purge`."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any, Final, Self

import jmespath
from jmespath.exceptions import JMESPathError

from webhookctl.core.dlq.dead_letter import DeadLetter
from webhookctl.core.money import decimals, parse_amount
from webhookctl.errors import UsageError

_AMOUNT: Final = re.compile(r"^\s*([\d.,]+)\s*([A-Za-z]{3})?\s*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterFilter:
    """Every condition that is set must hold; unset ones (None, empty) hold for all.

    `event_type` may have wildcards (`payment_intent.*`). `error` is a fingerprint, or text that the error's class or
    message contains. `since`/`until` compare with the time the webhook was received. `min_amount` is in the currency's
    main unit, `min_amount_currency` restricts it to one currency. `ids` are webhook ids, provider event ids or message
    ids. `query` is a JMESPath expression over `{"message", "webhook", "payload"}` that must give a truthy value.
    """

    provider: str | None = None
    event_type: str | None = None
    error: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    payment_id: str | None = None
    min_amount: Decimal | None = None
    min_amount_currency: str | None = None
    ids: tuple[str, ...] = ()
    query: str | None = None

    def __post_init__(self) -> None:
        if self.query is not None:
            compile_query(self.query)

    @property
    def is_empty(self) -> bool:
        """Nothing is filtered out."""
        return self == DeadLetterFilter()

    def matches(self, letter: DeadLetter) -> bool:
        """Say whether the dead letter is meant. What cannot be known of it (no webhook, no amount) does not match."""
        return all(holds(self, letter) for holds in _CONDITIONS)

    def also(self, query: str) -> Self:
        """Return the filter that wants this JMESPath expression to hold, too. Raises UsageError."""
        compile_query(query)
        return replace(self, query=query if self.query is None else f"({self.query}) && ({query})")

    def describe(self) -> dict[str, Any]:
        """Return the conditions that are set, as JSON values: for the journal, the audit line and the plan."""
        return {name: _plain(value) for name, value in asdict(self).items() if value not in (None, ())}

    @classmethod
    def from_description(cls, described: Mapping[str, Any]) -> Self:
        """Read what `describe` wrote. Raises UsageError for what it never writes."""
        values: dict[str, Any] = {}
        for name, value in described.items():
            try:
                values[name] = _READERS[name](value)
            except KeyError as error:
                raise UsageError(f"unknown filter {name!r}") from error
            except (TypeError, ValueError, ArithmeticError) as error:
                raise UsageError(f"the filter {name!r} cannot be {str(value)[:80]!r}") from error
        return cls(**values)


def parse_min_amount(text: str) -> tuple[Decimal, str | None]:
    """Read `100`, `99.50` or `100EUR`. Raises UsageError."""
    match = _AMOUNT.match(text)
    amount = parse_amount(match[1]) if match else None
    if match is None or amount is None:
        raise UsageError(f"not an amount: {text!r}", hint="write it like 100, 99.50 or 100EUR")
    return amount, match[2].upper() if match[2] else None


def compile_query(expression: str) -> Any:  # noqa: ANN401 - jmespath has no public type for it
    """Compile a JMESPath expression. Raises UsageError."""
    if not expression.strip():
        raise UsageError("the query is empty", hint="is a variable of the shell unset? Without it, all are meant")
    try:
        return jmespath.compile(expression)
    except JMESPathError as error:
        raise UsageError(f"not a JMESPath expression: {expression!r}", hint=str(error).splitlines()[0]) from error


def document(letter: DeadLetter) -> dict[str, Any]:
    """Return what `--query` looks at."""
    webhook = letter.webhook
    event = letter.event
    return {
        "message": {
            "id": letter.message.message_id,
            "sent_at": letter.message.sent_at.isoformat(),
            "receive_count": letter.message.receive_count,
        },
        "webhook": None
        if webhook is None
        else {
            "id": webhook.webhook_id,
            "provider": webhook.provider,
            "event_type": webhook.event_type,
            "status": webhook.status.value,
            "received_at": webhook.received_at.isoformat(),
            "attempts": webhook.attempts,
            "account": webhook.account,
            "error": None if webhook.last_error is None else webhook.last_error.error_class,
            "fingerprint": None if webhook.last_error is None else webhook.last_error.fingerprint,
            "payment_id": None if event is None else event.payment_id,
            "kind": None if event is None else event.kind,
            "amount_minor": None if event is None else event.amount_minor,
            "currency": None if event is None else event.currency,
        },
        "payload": _payload(letter),
    }


def _payload(letter: DeadLetter) -> object:
    try:
        return json.loads(letter.webhook.body) if letter.webhook is not None else None
    except (ValueError, RecursionError):
        return None


def _has_provider(wanted: DeadLetterFilter, letter: DeadLetter) -> bool:
    if wanted.provider is None:
        return True
    return (letter.message.webhook_id or "").partition(":")[0] == wanted.provider


def _has_type(wanted: DeadLetterFilter, letter: DeadLetter) -> bool:
    if wanted.event_type is None:
        return True
    return letter.webhook is not None and fnmatchcase(letter.webhook.event_type, wanted.event_type)


def _has_error(wanted: DeadLetterFilter, letter: DeadLetter) -> bool:
    if wanted.error is None:
        return True
    error = letter.webhook.last_error if letter.webhook is not None else None
    if error is None:
        return False
    text = wanted.error.casefold()
    return text == error.fingerprint or text in f"{error.error_class}: {error.message}".casefold()


def _is_in_time(wanted: DeadLetterFilter, letter: DeadLetter) -> bool:
    at = letter.received_at
    return (wanted.since is None or at >= wanted.since) and (wanted.until is None or at < wanted.until)


def _has_payment(wanted: DeadLetterFilter, letter: DeadLetter) -> bool:
    if wanted.payment_id is None:
        return True
    return letter.event is not None and letter.event.payment_id == wanted.payment_id


def _has_amount(wanted: DeadLetterFilter, letter: DeadLetter) -> bool:
    if wanted.min_amount is None:
        return True
    event = letter.event
    if event is None or event.amount_minor is None or event.currency is None:
        return False
    if wanted.min_amount_currency not in (None, event.currency):
        return False
    return Decimal(event.amount_minor).scaleb(-decimals(event.currency)) >= wanted.min_amount


def _has_id(wanted: DeadLetterFilter, letter: DeadLetter) -> bool:
    if not wanted.ids:
        return True
    named = letter.message.webhook_id or ""
    return any(wanted_id in (letter.message.message_id, named, named.partition(":")[2]) for wanted_id in wanted.ids)


def _answers_query(wanted: DeadLetterFilter, letter: DeadLetter) -> bool:
    if wanted.query is None:
        return True
    try:
        return bool(compile_query(wanted.query).search(document(letter)))
    except JMESPathError as error:
        raise UsageError(f"the query {wanted.query!r} does not fit a dead letter", hint=str(error)) from error


_CONDITIONS: Final[tuple[Callable[[DeadLetterFilter, DeadLetter], bool], ...]] = (
    _has_provider,
    _has_type,
    _has_error,
    _is_in_time,
    _has_payment,
    _has_amount,
    _has_id,
    _answers_query,
)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _moment(value: object) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError(value)
    return moment


def _amount(value: object) -> Decimal:
    amount = Decimal(_text(value))
    if not amount.is_finite():
        raise ValueError(value)
    return amount


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(value)
    return tuple(map(_text, value))


_READERS: Final[Mapping[str, Callable[[object], object]]] = {
    **dict.fromkeys(("provider", "event_type", "error", "payment_id", "min_amount_currency", "query"), _text),
    **dict.fromkeys(("since", "until"), _moment),
    "min_amount": _amount,
    "ids": _texts,
}
"""How each condition is read back from what `_plain` made of it."""


def _plain(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat()
        case Decimal():
            return str(value)
        case tuple():
            return list(value)
    return value
