"""Reads a described plan back, member by member: a journal may be damaged, or another version's."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from webhookctl.core.dlq import json_patch
from webhookctl.core.dlq.filter import DeadLetterFilter
from webhookctl.errors import UsageError

_LONGEST_HIDDEN_S: Final = 43_200
"""The longest visibility timeout (Amazon SQS developer guide, quotas)."""


def read_members(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plan's values by their names; `canary` as a pair. Raises UsageError that names the faulty one."""
    unknown = sorted(described.keys() - _READERS.keys())
    if unknown:
        raise UsageError(f"the plan has an unknown {unknown[0]!r}")
    values = {}
    for name, read in _READERS.items():
        try:
            values[name] = read(described[name])
        except KeyError as error:
            raise UsageError(f"the plan has no {name!r}") from error
        except (TypeError, ValueError, ArithmeticError) as error:
            raise UsageError(f"the plan's {name!r} is not one: {str(described[name])[:80]!r}") from error
    return values


def text(value: object) -> str:
    """Return a text. Raises TypeError."""
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def whole(value: object, *, least: int = 0) -> int:
    """Return a whole number of `least` or more. Raises TypeError, ValueError."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(value)
    if value < least:
        raise ValueError(value)
    return value


def _seconds(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(value)
    if not 0 <= value < float("inf"):
        raise ValueError(value)
    return value


def _rate(value: object) -> float:
    rate = _seconds(value)
    if not rate:
        raise ValueError(value)
    return rate


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


def _visibility(value: object) -> int:
    seconds = whole(value, least=1)
    if seconds > _LONGEST_HIDDEN_S:
        raise ValueError(value)
    return seconds


def _canary(value: object) -> tuple[int, int]:
    if not isinstance(value, list):
        raise TypeError(value)
    size, stop_if_fail = value
    return whole(size, least=1), whole(stop_if_fail, least=1)


def _filters(value: object) -> DeadLetterFilter:
    if not isinstance(value, dict):
        raise TypeError(value)
    return DeadLetterFilter.from_description(value)


def _maybe(read: Callable[[object], object]) -> Callable[[object], object]:
    return lambda value: None if value is None else read(value)


_READERS: Final[Mapping[str, Callable[[object], object]]] = {
    "redrive_id": text,
    "environment": text,
    "filters": _filters,
    "is_guarded": _flag,
    "rate_per_s": _maybe(_rate),
    "limit": _maybe(whole),
    "canary": _maybe(_canary),
    "patch": _maybe(json_patch.parse),
    "follows_to_the_end": _flag,
    "visibility_s": _visibility,
    "run_for_s": _seconds,
    "wait_for_s": _seconds,
}
