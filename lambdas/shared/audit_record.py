"""Tamper evidence: the canonical form, the hash chain of an item and the seal of an audit line. Pure, no AWS.

Every write of an item raises `seq` by one and sets, in the same conditional write,

    prevHash  = chainHash of the state before (64 zeros before the first write)
    chainHash = SHA-256(prevHash + canonical(state after the write, `CHAINED` fields only)), hex

An audit line repeats those fields and is sealed with an HMAC over its own canonical form. So whoever holds the audit
key can prove that a line is genuine (`is_genuine`), that it follows the line before (`follows`), and that a table row
is what the last line says (`chain_hash` of the row's state).
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lambdas.shared.errors import UnavailableError

GENESIS = "0" * 64
"""`prevHash` of an item's first write."""

MEANING = (
    "kind",
    "paymentId",
    "objectId",
    "amountMinor",
    "currency",
    "isCumulative",
    "isSecondary",
    "processedAt",
    "expiresAt",
)
"""What processing sets, and nothing else does: none of it is there before the change to PROCESSED, all after it."""

CHAINED = (
    "webhookId",
    "seq",
    "actor",
    "provider",
    "eventType",
    "eventCreatedAt",
    "receivedAt",
    "status",
    "bodySha256",
    "redactions",
    "originalHmac",
    "originalHmacKey",
    "apiVersion",
    "livemode",
    "account",
    "traceId",
    "traceParent",
    "attempts",
    "lastError",
    *MEANING,
    "note",
)
"""The allow-list: what of an item is chained and may reach the audit log. Never the body."""

_SEAL = ("hmac", "hmacKeyId")
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditKey:
    """One key of the audit seal, as the secret holds it."""

    id: str
    value: bytes = field(repr=False)


def canonical(value: object) -> bytes:
    """Return the one JSON form that hashes and seals are made of: keys sorted, no spaces, ASCII."""
    return _ENCODER.encode(value).encode()


def chained_state(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of an item (plain values) or audit line that the chain covers."""
    return {name: values[name] for name in CHAINED if values.get(name) is not None}


def chain_hash(prev_hash: str, values: Mapping[str, Any]) -> str:
    """Return the chain hash of an item's state (plain values or an audit line) after `prev_hash`."""
    return hashlib.sha256(prev_hash.encode() + canonical(chained_state(values))).hexdigest()


def is_chained(values: Mapping[str, Any]) -> bool:
    """Say whether an item or audit line carries the chain hash that its own fields give."""
    expected = chain_hash(str(values.get("prevHash", "")), values)
    return hmac.compare_digest(expected.encode(), str(values.get("chainHash", "")).encode(errors="backslashreplace"))


def follows(later: Mapping[str, Any], earlier: Mapping[str, Any] | None) -> bool:
    """Say whether audit line `later` is the direct successor of `earlier` (None: `later` must be the first)."""
    if earlier is None:
        return later.get("seq") == 1 and later.get("prevHash") == GENESIS
    return later.get("seq") == int(earlier.get("seq", 0)) + 1 and later.get("prevHash") == earlier.get("chainHash")


def sets_meaning(before: object, after: object) -> bool:
    """Say whether a change of status is the one that sets `MEANING`: to PROCESSED, which is final."""
    return after == "PROCESSED" and before not in (None, "PROCESSED")


def seal(line: Mapping[str, Any], key: AuditKey) -> dict[str, Any]:
    """Return the audit line with `hmacKeyId` and `hmac` (SHA-256 over the canonical form of all other fields)."""
    named = {**{k: v for k, v in line.items() if k not in _SEAL}, "hmacKeyId": key.id}
    return {**named, "hmac": _mac(named, key)}


def is_genuine(line: Mapping[str, Any], keys: Sequence[AuditKey]) -> bool:
    """Say whether a sealed line is unchanged and was sealed with one of `keys` (the one that it names)."""
    named = {k: v for k, v in line.items() if k != "hmac"}
    try:
        return any(
            hmac.compare_digest(_mac(named, key), str(line.get("hmac", "")))
            for key in keys
            if key.id == line.get("hmacKeyId")
        )
    except (TypeError, ValueError, RecursionError):  # what no line of ours holds: it was changed
        return False


def parse_audit_keys(text: str) -> tuple[AuditKey, ...]:
    """Read the audit key secret, newest key first.

    JSON: `{"v": 1, "keys": [{"id", "value", "createdAt"}]}`, or the generated form `{"keys": [], "generated": "..."}`
    of a fresh stack, whose key has the id `generated`. Raises UnavailableError when it holds no usable key.
    """
    try:
        raw = json.loads(text)
        keys = [AuditKey(id=str(k["id"]), value=str(k["value"]).encode()) for k in raw.get("keys", []) if k["value"]]
        if raw.get("generated"):
            keys.append(AuditKey(id="generated", value=str(raw["generated"]).encode()))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UnavailableError("the audit key secret is malformed", reason="secret_malformed") from error
    if not keys:
        raise UnavailableError("the audit key secret holds no key yet", reason="secret_empty")
    return tuple(keys)


def _mac(line: Mapping[str, Any], key: AuditKey) -> str:
    return hmac.new(key.value, canonical(line), hashlib.sha256).hexdigest()
