"""Operators' actions to sealed audit lines: only allow-listed members of bounded size, no body and no secret."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from lambdas.shared.audit_record import AuditKey, canonical, seal
from lambdas.shared.card_data import mask
from lambdas.shared.clock import iso
from lambdas.shared.errors import MalformedError
from lambdas.shared.operator_line import LINE_TYPE, line_id, operator_name

LINE_VERSION: Final = 1
MOST_ACTIONS: Final = 100
"""Actions in one event."""
MAX_BYTES: Final = 32_768
"""One action, as JSON."""
MAX_TEXT: Final = 1_000
MAX_ITEMS: Final = 51
MAX_DEPTH: Final = 3
REQUIRED: Final[Mapping[str, re.Pattern[str]]] = {
    "action": re.compile(r"[a-z]+(?:\.[a-z-]+)+"),
    "actionId": re.compile(r"[A-Za-z0-9_.:-]{1,128}"),
    "at": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}Z"),
    "outcome": re.compile(r"[a-z][a-z_-]{0,31}"),
    "principal": re.compile(r"arn:[!-~]{1,600}"),
    "user": re.compile(r"[^\x00-\x1f\x7f]{1,128}"),
}
OPTIONAL: Final[Mapping[str, re.Pattern[str]]] = {"webhookId": re.compile(r"[^\x00-\x1f\x7f]{1,600}")}
DETAILS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "filter": dict,
    "stoppedBy": str,
    "counts": dict,
    "error": str,
    "paths": str,
    "bodySha256": dict,
    "payloads": bool,
    "file": (str, type(None)),
    "webhooks": int,
    "provider": str,
    "keyId": str,
    "members": str,
}
"""What more an action may tell, and of which JSON type."""
_SECRET: Final = re.compile(r"whsec_[A-Za-z0-9+/=_-]{8}|-----BEGIN ")


def operator_lines(
    event: Mapping[str, Any], *, key: AuditKey, environment: str, now: datetime
) -> Sequence[dict[str, Any]]:
    """Return the sealed lines of `{"operatorActions": [...], "previousLine": id or null}`.

    What the caller says is taken as its word: who it is (`principal`, from its own credentials), when (`at`), what.
    The audit logger adds `recordedAt`, its own time, and `lineId`; `actor` follows from the principal. `previousLine`
    names the line that the same run of the command line had sealed before, so that none in between can go unnoticed.

    Raises MalformedError, for all of them, when one is not of the allowed form.
    """
    actions, previous = event.get("operatorActions"), event.get("previousLine")
    if not isinstance(actions, list) or not 0 < len(actions) <= MOST_ACTIONS:
        raise MalformedError(f"1 to {MOST_ACTIONS} actions are taken at once", reason="actions")
    if previous is not None and not REQUIRED["actionId"].fullmatch(str(previous)):
        raise MalformedError("previousLine is not the id of a line", reason="previousLine")
    for action in actions:
        _check(action)
    lines = []
    for action in actions:
        told = {**action, **({"previousLine": previous} if previous else {})}
        previous = line_id(told, key)
        own = {"type": LINE_TYPE, "v": LINE_VERSION, "lineId": previous, "recordedAt": iso(now)}
        actor = f"operator:{operator_name(action['principal'])}"
        lines.append(seal({**own, "actor": actor, "environment": environment, **mask(told)}, key))
    return lines


def _check(action: object) -> None:
    if not isinstance(action, dict):
        raise MalformedError("an action is an object", reason="action")
    wrong = [name for name in action if name not in {*REQUIRED, *OPTIONAL, *DETAILS}]
    wrong += [name for name, form in REQUIRED.items() if not _fits(action.get(name), form)]
    wrong += [name for name, form in OPTIONAL.items() if name in action and not _fits(action[name], form)]
    wrong += [name for name, kind in DETAILS.items() if name in action and not isinstance(action[name], kind)]
    wrong += [name for name, value in action.items() if not _is_small(value, MAX_DEPTH)]
    if wrong:
        named = ", ".join(sorted({name[:40] for name in wrong}))
        raise MalformedError(f"not allowed in an action, or not in this form: {named}", reason="member")
    text = canonical(action)
    if len(text) > MAX_BYTES:
        raise MalformedError(f"an action has {MAX_BYTES} bytes at most", reason="size")
    if _SECRET.search(text.decode()):
        raise MalformedError("an action holds what looks like a secret", reason="secret")


def _fits(value: object, form: re.Pattern[str]) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None


def _is_small(value: object, depth: int) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_TEXT
    if isinstance(value, dict):
        return depth > 0 and len(value) <= MAX_ITEMS and all(_is_small(v, depth - 1) for v in value.values())
    if isinstance(value, list):
        return depth > 0 and len(value) <= MAX_ITEMS and all(_is_small(v, depth - 1) for v in value)
    return value is None or isinstance(value, int | float)
