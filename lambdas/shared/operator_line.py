"""What the audit logger and a verifier must agree on about the lines of operators' actions. Pure, no AWS.

A line's id proves by itself that the audit logger once gave it: it is half a hash of what was recorded and half an
HMAC of that half. So a line whose seal no longer holds can be told from one that was made up, and an invocation that
was repeated seals the same id again.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final

from lambdas.shared.audit_record import AuditKey, canonical

LINE_TYPE: Final = "operator"
"""`type` of an operator's line."""
ALIAS: Final = "operator"
"""The audit logger's alias for operators: through it nothing but their actions is taken, and only through it."""
_HALF: Final = 12
_PURPOSE: Final = b"operator line\x00"


def line_id(recorded: Mapping[str, Any], key: AuditKey) -> str:
    """Return the id of the line that records this: 32 characters, the same for the same action and key."""
    told = hashlib.sha256(canonical(recorded)).digest()[:_HALF]
    return base64.urlsafe_b64encode(told + _proof(told, key)).decode()


def is_own_id(text: object, keys: Sequence[AuditKey]) -> bool:
    """Say whether the audit logger gave this id, with one of `keys`."""
    try:
        raw = base64.b64decode(str(text).encode(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return False
    return any(hmac.compare_digest(_proof(raw[:_HALF], key), raw[_HALF:]) for key in keys)


def operator_name(principal: str) -> str:
    """Return a principal's name, e.g. `Admin/alice` of `arn:aws:sts::1:assumed-role/Admin/alice`."""
    last = principal.rpartition(":")[2]
    return last.partition("/")[2] or last


def _proof(told: bytes, key: AuditKey) -> bytes:
    return hmac.new(key.value, _PURPOSE + told, hashlib.sha256).digest()[:_HALF]
