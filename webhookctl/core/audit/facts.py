"""What lines and rows tell, read so that whatever stands in them is judged and nothing stops the verifier."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from lambdas.shared.audit_record import canonical, is_chained
from lambdas.shared.audit_wire import VERSION, is_whole
from lambdas.shared.clock import parse_iso
from lambdas.shared.webhook import Status
from webhookctl.core.audit.findings import LineFacts, RowFacts
from webhookctl.core.audit.records import OPERATOR, WEBHOOK
from webhookctl.core.audit.state import changes_of

MOST_WRITES: Final = 1_000_000_000
"""No webhook has so many; a larger number was written by somebody else."""
LATEST_S: Final = 2**53
"""No row lives beyond that, as Unix time."""
_OF_A_WRITE: Final = ("chain", "chainHash")
_OF_AN_ACTION: Final = "lineId"


def recognised(written: Mapping[str, Any]) -> tuple[str | None, Mapping[str, Any]]:
    """Return which kind of line this is, and the line with its proper `type` and `v`, should these be what was edited.

    None: no line of an audit log that anybody could recognise.
    """
    told = written.get("type")
    of_write, of_action = any(name in written for name in _OF_A_WRITE), _OF_AN_ACTION in written
    if not (told in (WEBHOOK, OPERATOR) or ("hmac" in written and (of_write or of_action))):
        return None, written
    if told == WEBHOOK:
        kind = OPERATOR if of_action and not of_write else WEBHOOK
    else:
        kind = OPERATOR if of_action or not of_write else WEBHOOK
    if kind == OPERATOR:
        return kind, written
    return kind, {**written, "type": WEBHOOK, "v": VERSION if "chain" in written else written.get("v")}


def line_facts(line: Mapping[str, Any], *, position: int, at_ms: int, is_genuine: bool, written: str = "") -> LineFacts:
    """Read the line of a write, in its long form. `written` is the text of one whose seal does not hold."""
    seq = seq_of(line.get("seq", 0))
    is_removal, is_insert = line.get("change") == "REMOVE", line.get("change") == "INSERT"
    return LineFacts(
        seq=seq or 0,
        position=position,
        at_ms=at_ms,
        is_genuine=is_genuine,
        is_chained=is_genuine and seq is not None and line.get("isChained") is True,
        is_whole=is_whole(line),
        changes=b"" if "isMasked" in line or not is_genuine else canonical(changes_of(line)),
        is_removal=is_removal,
        by_ttl=line.get("actor") == "ttl",
        chain=hash_bytes(line.get("chainHash")),
        prev=hash_bytes(line.get("prevHash")),
        previous=0 if is_insert else seq if is_removal else seq_of(line.get("previousSeq")),
        is_insert=is_insert,
        event=hash_bytes(line.get("streamEventId")) if is_genuine else b"",
        expires=_whole(line.get("expiresAt"), most=LATEST_S),
        written=written,
    )


def row_facts(row: Mapping[str, Any], *, since: datetime | None, fresh: tuple[datetime, datetime]) -> RowFacts:
    """Read a row. `fresh` is the time of changes whose lines may still come, without its beginning."""
    touched, seq = _last_touched(row), seq_of(row.get("seq", 0))
    return RowFacts(
        seq=seq or 0,
        is_intact=seq is not None and _holds(row),
        is_expected=since is None or touched >= since.isoformat(),
        is_recent=fresh[0].isoformat() < touched <= fresh[1].isoformat(),
        chain=hash_bytes(row.get("chainHash")),
        prev=hash_bytes(row.get("prevHash")),
        by_operator=str(row.get("actor")).startswith("operator:"),
        received_ms=_ms_of(row.get("receivedAt")),
    )


def seq_of(value: Any) -> int | None:  # noqa: ANN401 - any JSON value
    """Return the number of a write; None for what can be none."""
    return _whole(value, most=MOST_WRITES)


def hash_bytes(text: object) -> bytes:
    """Return the bytes of a hexadecimal hash; of anything else, bytes that equal no hash."""
    if text is None:
        return b""
    try:
        return bytes.fromhex(str(text))
    except ValueError:
        return b"?" + str(text).encode(errors="backslashreplace")


def _whole(value: Any, *, most: int) -> int | None:  # noqa: ANN401 - any JSON value
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if 0 <= number <= most else None


def text_of(written: Mapping[str, Any]) -> str:
    """Return a line's text, to be read again; of one that is nested too deep, nothing's."""
    try:
        return json.dumps(written)
    except RecursionError:
        return "{}"


def _has_its_body(row: Mapping[str, Any]) -> bool:
    body = row.get("body")
    if not isinstance(body, bytes):
        return row.get("status") == Status.DELIVERY  # claims of delivery ids have none
    return hashlib.sha256(body).hexdigest() == row.get("bodySha256")


def _last_touched(row: Mapping[str, Any]) -> str:
    """Return the row's latest time of its own, as comparable ISO 8601."""
    error = row.get("lastError")
    times = [row.get("receivedAt"), row.get("processedAt"), error.get("at") if isinstance(error, Mapping) else None]
    return max((str(t).replace("Z", "+00:00") for t in times if t), default="")


def _ms_of(text: object) -> int:
    try:
        return int(parse_iso(str(text)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return 0


def _holds(row: Mapping[str, Any]) -> bool:
    """Say whether a row's hashes fit; those of a row that holds what no write of ours puts there do not."""
    try:
        return _has_its_body(row) and is_chained(row)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return False
