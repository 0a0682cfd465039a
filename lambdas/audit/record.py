"""One stream record to one audit line: the allow-listed state, who changed it, and whether the chain holds."""

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from lambdas.shared import attributes
from lambdas.shared.audit_record import (
    CHAINED,
    MEANING,
    AuditKey,
    canonical,
    chained_state,
    is_chained,
    sets_meaning,
)
from lambdas.shared.audit_wire import LINE_TYPE, seal_write
from lambdas.shared.card_data import mask
from lambdas.shared.clock import iso
from lambdas.shared.errors import MalformedError

TTL_PRINCIPAL = "dynamodb.amazonaws.com"
MAX_LINE_BYTES: Final = 100_000
"""A longer line would be cut by CloudWatch Logs, and be no line any more."""
MAX_VALUE_BYTES: Final = 1_000
"""Of a line that is too long, values beyond this are told by size and hash."""


def audit_line(record: Mapping[str, Any], *, key: AuditKey) -> dict[str, Any]:
    """Return the sealed audit line of a DynamoDB stream record, in its short form (`audit_wire`).

    The long form holds `streamEventId` (the same for every delivery of the record: de-duplicate by it), `change`
    (INSERT, MODIFY or REMOVE), `changedAt`, the state after the change (before it, for REMOVE), `previousStatus`,
    `previousSeq`, `previous` (what the changed fields held before; null: not set; fields that processing sets for
    the first time are not repeated here), and `isChained`: whether the
    item's chain hash fits its fields and its `seq` rose by one. A write that did not raise `seq` did not come from
    this project: its actor is `unknown`. Whatever somebody else put into a row is told: binary as base64, and in a
    line that got too long big values by size and hash (`isMasked`).

    Raises MalformedError for a record that is not a change of one of our items.
    """
    try:
        change = record["eventName"]
        images = record["dynamodb"]
        new = attributes.from_item(_without_body(images.get("NewImage", {})))
        old = attributes.from_item(_without_body(images.get("OldImage", {})))
        state = old if change == "REMOVE" else new
        line = {
            "type": LINE_TYPE,
            "streamEventId": record["eventID"],
            "change": change,
            "changedAt": iso(_moment(images["ApproximateCreationDateTime"])),
            **chained_state(state),
            "webhookId": state["webhookId"],
            "actor": _actor(record, change, old, new),
            "prevHash": state.get("prevHash"),
            "chainHash": state.get("chainHash"),
            "previousStatus": old.get("status"),
            "previousSeq": old.get("seq"),
            "previous": _previous(old, new) if change == "MODIFY" else None,
            "isChained": _is_next(change, old, new) and _is_intact(state),
        }
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise MalformedError("the stream record is not a change of a stored webhook", reason="record") from error
    told = {name: _json(value) for name, value in line.items() if value is not None}
    return seal_write(_masked(_bounded(told)), key)


def _previous(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    changed = {
        name: old.get(name) for name in CHAINED if name not in ("seq", "actor") and old.get(name) != new.get(name)
    }
    if not sets_meaning(old.get("status"), new.get("status")):
        return changed
    return {name: value for name, value in changed.items() if value is not None or name not in MEANING}


def _without_body(image: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in image.items() if name != "body"}


def _is_intact(state: Mapping[str, Any]) -> bool:
    """Say whether the chain hash fits the fields; where somebody put what we never write it does not."""
    try:
        return is_chained(state)
    except (TypeError, ValueError, RecursionError):
        return False


def _json(value: Any) -> Any:  # noqa: ANN401 - any value of an attribute
    if isinstance(value, bytes):
        return f"base64:{base64.b64encode(value).decode()}"
    if isinstance(value, dict):
        return {name: _json(member) for name, member in value.items()}
    return [_json(member) for member in value] if isinstance(value, list) else value


def _bounded(line: dict[str, Any]) -> dict[str, Any]:
    """Return the line with big values replaced, if it is too long; its chain can't be recomputed then."""
    if len(canonical(line)) <= MAX_LINE_BYTES:
        return line
    kept: dict[str, Any] = {name: line[name] for name in ("webhookId", "previous") if name in line}
    if isinstance(kept.get("previous"), dict):
        kept["previous"] = {name: _small(value) for name, value in kept["previous"].items()}
    return {**{name: _small(value) for name, value in line.items()}, **kept, "isMasked": True}


def _small(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    text = canonical(value)
    if len(text) <= MAX_VALUE_BYTES:
        return value
    return {"bytes": len(text), "sha256": hashlib.sha256(text).hexdigest()}


def _actor(record: Mapping[str, Any], change: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    if change == "REMOVE":
        is_ttl = record.get("userIdentity", {}).get("principalId") == TTL_PRINCIPAL
        return "ttl" if is_ttl else "unknown"
    return str(new.get("actor", "unknown")) if _is_next(change, old, new) else "unknown"


def _is_next(change: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    if change == "REMOVE":
        return True
    before, seq = old.get("seq") if change == "MODIFY" else 0, new.get("seq")
    is_counted = type(before) is int and type(seq) is int and seq == before + 1
    return is_counted and (change != "MODIFY" or new.get("prevHash") == old.get("chainHash"))


def _moment(stamp: float | str) -> datetime:
    return datetime.fromtimestamp(float(stamp), UTC)


def _masked(line: dict[str, Any]) -> dict[str, Any]:
    """Mask card numbers that should never have got here; the line then says so, as its chain can't be recomputed."""
    masked: dict[str, Any] = mask(line)
    return masked if masked == line else {**masked, "isMasked": True}
