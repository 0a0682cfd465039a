"""Reading a web ACL strictly: a member or a value that the model does not know is refused by its name."""

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]


class UnsupportedStatementError(Exception):
    """The web ACL says something that the local environment does not model; the message names it."""


def only(body: Json, of: str, *known: str) -> Json:
    """Return `body` if it has no member besides the known ones. Raises UnsupportedStatementError with `<of>.<name>`."""
    unknown = sorted(set(body).difference(known))
    if unknown:
        raise UnsupportedStatementError(f"{of}.{unknown[0]}")
    return body


def single(body: Json, of: str) -> tuple[str, Json]:
    """Return the name and the value of the one member that a choice must have."""
    if len(body) != 1:
        raise UnsupportedStatementError(f"{of} with {len(body)} members ({', '.join(sorted(body))}) where one is meant")
    ((name, value),) = body.items()
    return name, value or {}


def choice(body: Json, of: str, name: str, *known: str, default: str | None = None) -> str:
    """Return the value of a member that has a fixed vocabulary."""
    value = body.get(name, default)
    if value is None:
        raise UnsupportedStatementError(f"{of} without {name}")
    if value not in known:
        raise UnsupportedStatementError(f"{of}.{name} {value!r}")
    return str(value)


def is_on(body: Json, name: str) -> bool:
    """Return a switch, which CloudFormation may have kept as text; a missing one is on."""
    return str(body.get(name, True)).lower() == "true"
