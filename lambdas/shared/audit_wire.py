"""The short form in which the audit lines of writes are logged and sealed: logs are paid for by the byte.

A line as everybody reads it (`audit_line` names its members) and its short form tell the same: members have shorter
names, hashes are base64url and instants milliseconds, and what follows from the rest is left out. The line of a change
that extends the chain holds what changed, and of the rest only `KEPT`, which questions ask for: the state before it is
in the lines before it, and the chain hash proves that the two fit (`own_members`).
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from lambdas.shared.audit_record import CHAINED, GENESIS, MEANING, AuditKey, canonical, is_chained, sets_meaning
from lambdas.shared.clock import parse_iso

LINE_TYPE: Final = "audit"
"""`type` of the line of a write, in both forms."""
VERSION: Final = 2
"""`v` of the short form."""
LONG_VERSION: Final = 1
"""`v` of the long form."""
KEPT: Final = ("webhookId", "seq", "actor", "status", "eventType", "traceId")
"""What every line holds of the state, changed or not."""
_SHORT: Final = {
    "streamEventId": "id",
    "changedAt": "at",
    "eventCreatedAt": "created",
    "receivedAt": "received",
    "processedAt": "processed",
    "expiresAt": "expires",
    "bodySha256": "sha",
    "apiVersion": "api",
    "livemode": "live",
    "traceId": "trace",
    "traceParent": "parent",
    "amountMinor": "amount",
    "objectId": "object",
    "isCumulative": "cumulative",
    "isSecondary": "secondary",
    "prevHash": "prev",
    "chainHash": "chain",
    "previous": "was",
    "isChained": "chained",
    "hmacKeyId": "key",
}
_LONG: Final = {short: name for name, short in _SHORT.items()}
_STATE: Final = frozenset(CHAINED)
_HEX: Final = re.compile(r"(?:[0-9a-f]{32}|[0-9a-f]{64})")
_RAW: Final = "="
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_MILLISECOND: Final = timedelta(milliseconds=1)
_LAST_MS: Final = 253_402_300_800_000
"""The year 10000."""


def seal_write(line: Mapping[str, Any], key: AuditKey) -> dict[str, Any]:
    """Return the short form of a line with the key's id and the HMAC over the rest of the short form."""
    named = shorten({**{name: value for name, value in line.items() if name != "hmac"}, "hmacKeyId": key.id})
    return {**named, "hmac": _bytes_text(_mac(named, key))}


def is_genuine_write(line: Mapping[str, Any], keys: Sequence[AuditKey]) -> bool:
    """Say whether a line, in either form, is unchanged and was sealed with one of `keys` (the one that it names).

    A long form may be completed with members from the lines before it: the chain hash proves them.
    """
    try:
        return _is_genuine_write(line, keys)
    except (TypeError, ValueError, OverflowError, RecursionError):  # what no line of ours holds: it was changed
        return False


def _is_genuine_write(line: Mapping[str, Any], keys: Sequence[AuditKey]) -> bool:
    is_long = line.get("type") == LINE_TYPE and _same(line.get("v"), LONG_VERSION) and _tells_all(line)
    if not is_long and not _is_short(line):
        return False
    short = shorten(line) if is_long else dict(line)
    seal = str(short.pop("hmac", "")).encode()
    is_sealed = any(
        hmac.compare_digest(_bytes_text(_mac(short, key)).encode(), seal) for key in keys if key.id == short.get("key")
    )
    return is_sealed and (not is_long or not _is_completed(line) or is_chained(line))


def _tells_all(line: Mapping[str, Any]) -> bool:
    """Say whether a line in its long form tells what follows from the rest."""
    needed = {} if _is_odd(line) else {**_derived(line), "change": True}
    return all(name in line for name, value in needed.items() if value is not None)


def own_members(line: Mapping[str, Any]) -> frozenset[str]:
    """Return the members of the state that a line itself tells; the others stand in the lines before it."""
    if is_whole(line):
        return _STATE
    if line.get("change") == "REMOVE":
        return frozenset(KEPT)
    return changed_members(line).union(KEPT)


def changed_members(line: Mapping[str, Any]) -> frozenset[str]:
    """Return the members of the state that the line of a change says it changed."""
    first_set = MEANING if sets_meaning(_previous_status(line), line.get("status")) else ()
    previous = line.get("previous")
    return frozenset(("seq", "actor", *first_set, *(previous if isinstance(previous, Mapping) else ())))


def _is_completed(line: Mapping[str, Any]) -> bool:
    """Say whether a line in its long form holds members from the lines before it."""
    own = own_members(line)
    return not is_whole(line) and any(
        name in line and name not in own and not (name == "provider" and line[name] == _provider(line))
        for name in (*CHAINED, "prevHash")
    )


def is_whole(line: Mapping[str, Any]) -> bool:
    """Say whether a line tells the whole state: the first of a webhook, and one that is not as it should be."""
    return _is_odd(line) or line.get("change") == "INSERT"


def shorten(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return the short form of a line in its long form, sealed or not."""
    if _is_odd(line):
        kept = {**line, "isChained": line.get("isChained")}
    else:
        own, implied = own_members(line), _implied(line)
        follows = {**_derived(line), **implied}
        kept = {
            name: value
            for name, value in line.items()
            if (name in own or name not in _STATE) and not (name in follows and _same(follows[name], value))
        }
        kept |= {name: None for name in implied if name not in line}
        if line.get("change") != "INSERT":
            kept.pop("prevHash", None)
    previous = kept.get("previous")
    members = {_short(name): _encoded(name, value) for name, value in kept.items() if name not in ("type", "v")}
    if isinstance(previous, Mapping):
        members["was"] = _previous_to_short(previous)
    return {"type": LINE_TYPE, "v": VERSION, **members}


def lengthen(short: Mapping[str, Any]) -> dict[str, Any]:
    """Return the long form of a line, as far as it tells by itself; any other JSON object as it is."""
    if not _is_short(short):
        return dict(short)
    line: dict[str, Any] = {}
    for told, value in short.items():
        name = _LONG.get(told, told)
        decode = _DECODERS.get(name)
        line[name] = decode(value) if decode else value
    line["v"] = LONG_VERSION
    if "chained" in short:
        return line
    line["isChained"] = True
    line.setdefault("change", "MODIFY" if "previous" in line else "INSERT")
    for name, value in (*_derived(line).items(), *_implied(line).items()):
        if line.setdefault(name, value) is None:
            del line[name]
    return line


def _is_short(line: Mapping[str, Any]) -> bool:
    return line.get("v") == VERSION and line.get("type") == LINE_TYPE


def _is_odd(line: Mapping[str, Any]) -> bool:
    """Say whether a line must tell everything: the chain does not hold, or can't be recomputed from it."""
    return line.get("isChained") is not True or "isMasked" in line


def _short(name: str) -> str:
    """Return a member's short name; one that takes another's short name for its own can't pass for that one."""
    return _SHORT.get(name, _RAW + name if name in _LONG else name)


def _derived(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members that follow from the rest of a line that is as it should be."""
    change, seq = line.get("change"), line.get("seq")
    derived: dict[str, Any] = {"isChained": True, "provider": _provider(line)}
    if change in ("INSERT", "MODIFY") and (change == "MODIFY") is ("previous" in line):
        derived["change"] = change
    if change == "INSERT":
        return derived | {"prevHash": GENESIS}
    derived["previousStatus"] = _previous_status(line)
    if isinstance(seq, int):
        derived["previousSeq"] = seq - 1 if change == "MODIFY" else seq
    return derived


def _implied(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of the state that a line has unless it says otherwise."""
    return {"attempts": 0} if line.get("change") == "INSERT" else {}


def _previous_status(line: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
    previous = line.get("previous")
    before = previous if isinstance(previous, Mapping) else {}
    return before.get("status", line.get("status"))


def _provider(line: Mapping[str, Any]) -> str:
    return str(line.get("webhookId", "")).partition(":")[0]


def _same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other


def _encoded(name: str, value: Any) -> Any:  # noqa: ANN401 - any JSON value
    encode = _ENCODERS.get(name)
    return encode(value) if encode and isinstance(value, str) else value


def _hex_to_text(value: str) -> str:
    return _bytes_text(bytes.fromhex(value)) if _HEX.fullmatch(value) else _RAW + value


def _text_to_hex(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if not isinstance(value, str):
        return value
    if value.startswith(_RAW):
        return value[1:]
    try:
        return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).hex()
    except (binascii.Error, ValueError):
        return value


def _time_to_number(value: str) -> int | str:
    try:
        number = (parse_iso(value).replace(tzinfo=None) - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError):
        return value
    return number if _number_to_time(number) == value else value


def _number_to_time(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if type(value) is not int or not 0 <= value < _LAST_MS:
        return value
    return (_EPOCH + timedelta(milliseconds=value)).isoformat(timespec="milliseconds") + "Z"


def _previous_to_short(value: Mapping[str, Any]) -> dict[str, Any]:
    return {_short(name): _encoded(name, member) for name, member in value.items()}


def _previous_to_long(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if not isinstance(value, dict):
        return value
    named: dict[str, Any] = {_LONG.get(str(told), str(told)): member for told, member in value.items()}
    return {name: _DECODERS[name](member) if name in _DECODERS else member for name, member in named.items()}


_HASHES: Final = ("streamEventId", "bodySha256", "prevHash", "chainHash", "hmac")
_TIMES: Final = ("changedAt", "eventCreatedAt", "receivedAt", "processedAt")
_ENCODERS: Final[Mapping[str, Callable[[str], Any]]] = {
    **dict.fromkeys(_HASHES, _hex_to_text),
    **dict.fromkeys(_TIMES, _time_to_number),
}
_DECODERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    **dict.fromkeys(_HASHES, _text_to_hex),
    **dict.fromkeys(_TIMES, _number_to_time),
    "previous": _previous_to_long,
}


def _bytes_text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _mac(short: Mapping[str, Any], key: AuditKey) -> bytes:
    return hmac.new(key.value, canonical(short), hashlib.sha256).digest()
