"""Reading a verified body: strict JSON, and values from it that can be trusted to be what they are called."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from lambdas.shared.errors import MalformedError
from lambdas.shared.providers.base import Reason

Fields = dict[str, Any]
"""A JSON object."""

MAX_DEPTH: Final = 64
"""Genuine webhooks nest about a dozen levels. A fixed bound, because Python's own differs by version and caller."""

_IDENTIFIER: Final = re.compile(r"[\x21-\x7e]{1,255}")
_MOMENT: Final = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|z|[+-]\d\d:\d\d)", re.ASCII)


def malformed(why: str) -> MalformedError:
    """Return the error for a body that is authentic but can't be read."""
    return MalformedError(why, reason=Reason.MALFORMED_BODY)


def parse(body: bytes) -> dict[str, Any]:
    """Parse a body that must be one JSON object in UTF-8.

    Numbers with a point or an exponent become Decimal, never float. Refuses, with MalformedError, what JSON readers
    disagree about: a byte order mark, duplicate keys, NaN and Infinity, nesting beyond MAX_DEPTH, absurd numbers.
    """
    if body.startswith(b"\xef\xbb\xbf"):
        raise malformed("the body starts with a byte order mark")
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object_without_duplicates,
            parse_float=Decimal,
            parse_constant=_refuse_constant,
        )
    except UnicodeDecodeError as error:
        raise malformed("the body is not UTF-8") from error
    except (ValueError, RecursionError, InvalidOperation) as error:
        raise malformed("the body is not JSON") from error
    if not isinstance(value, dict):
        raise malformed("the body is not a JSON object")
    _check_depth(value)
    return value


def dig(value: object, path: str) -> Any:  # noqa: ANN401 - the JSON edge; callers narrow
    """Return what stands at a dotted path (`data.object.id`, `items.0.price`), or None."""
    for step in path.split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def identifier(value: object) -> str | None:
    """Return an id as text, None unless it is 1 to 255 visible ASCII characters. An expanded object gives its `id`."""
    if isinstance(value, dict):
        value = value.get("id")
    return value if isinstance(value, str) and _IDENTIFIER.fullmatch(value) else None


def required_identifier(value: object, name: str) -> str:
    """Return an id that the event can't do without. Raises MalformedError."""
    found = identifier(value)
    if found is None or isinstance(value, dict):
        raise malformed(f"the event has no usable `{name}`")
    return found


def label(value: object) -> str | None:
    """Return a short text such as a version or a status, None when it is anything else."""
    return identifier(value) if isinstance(value, str) else None


def moment(value: object) -> datetime | None:
    """Return an RFC 3339 text or a Unix timestamp in seconds as UTC, None when it is neither.

    Providers do send impossible dates (PayPal's simulator sends `2018-19-12T22:20:32.000Z`); an event is not refused
    for that.
    """
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, tz=UTC)
        match = _MOMENT.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            return None
        day, time, fraction, zone = match.groups()
        micros = (fraction or "").ljust(6, "0")[:6]
        return datetime.fromisoformat(f"{day}T{time}.{micros}{zone.upper()}").astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise malformed("the body has a duplicate key")
    return found


def _refuse_constant(name: str) -> None:
    raise malformed(f"the body has the value {name}")


def _check_depth(value: dict[str, Any]) -> None:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in _children(node) if isinstance(child, dict | list)]
        if not level:
            return
    raise malformed(f"the body nests deeper than {MAX_DEPTH} levels")


def _children(node: dict[str, Any] | list[Any]) -> list[Any]:
    return list(node.values()) if isinstance(node, dict) else node
