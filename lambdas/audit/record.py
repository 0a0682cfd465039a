"""One stream record to one audit line: the allow-listed state, who changed it, and whether the chain holds."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lambdas.shared import attributes
from lambdas.shared.audit_record import CHAINED, MEANING, AuditKey, chained_state, is_chained, sets_meaning
from lambdas.shared.audit_wire import LINE_TYPE, seal_write
from lambdas.shared.card_data import mask
from lambdas.shared.clock import iso
from lambdas.shared.errors import MalformedError

TTL_PRINCIPAL = "dynamodb.amazonaws.com"


def audit_line(record: Mapping[str, Any], *, key: AuditKey) -> dict[str, Any]:
    """Return the sealed audit line of a DynamoDB stream record, in its short form (`audit_wire`).

    The long form holds `streamEventId` (the same for every delivery of the record: de-duplicate by it), `change`
    (INSERT, MODIFY or REMOVE), `changedAt`, the state after the change (before it, for REMOVE), `previousStatus`,
    `previousSeq`, `previous` (what the changed fields held before; null: not set; fields that processing sets for
    the first time are not repeated here), and `isChained`: whether the
    item's chain hash fits its fields and its `seq` rose by one. A write that did not raise `seq` did not come from
    this project: its actor is `unknown`.

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
            "isChained": is_chained(state) and _is_next(change, old, new),
        }
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise MalformedError("the stream record is not a change of a stored webhook", reason="record") from error
    return seal_write(_masked({k: v for k, v in line.items() if v is not None}), key)


def _previous(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    changed = {
        name: old.get(name) for name in CHAINED if name not in ("seq", "actor") and old.get(name) != new.get(name)
    }
    if not sets_meaning(old.get("status"), new.get("status")):
        return changed
    return {name: value for name, value in changed.items() if value is not None or name not in MEANING}


def _without_body(image: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in image.items() if name != "body"}


def _actor(record: Mapping[str, Any], change: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    if change == "REMOVE":
        is_ttl = record.get("userIdentity", {}).get("principalId") == TTL_PRINCIPAL
        return "ttl" if is_ttl else "unknown"
    return str(new.get("actor", "unknown")) if _is_next(change, old, new) else "unknown"


def _is_next(change: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    if change == "MODIFY":
        return bool(new.get("seq") == old.get("seq", 0) + 1 and new.get("prevHash") == old.get("chainHash"))
    return change == "REMOVE" or new.get("seq") == 1


def _moment(stamp: float | str) -> datetime:
    return datetime.fromtimestamp(float(stamp), UTC)


def _masked(line: dict[str, Any]) -> dict[str, Any]:
    """Mask card numbers that should never have got here; the line then says so, as its chain can't be recomputed."""
    masked: dict[str, Any] = mask(line)
    return masked if masked == line else {**masked, "isMasked": True}
