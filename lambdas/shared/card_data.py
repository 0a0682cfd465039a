"""Card data never comes to rest: numbers and codes in a body are blotted out before it is stored (PCI DSS 3.3.1).

A card number (PAN) is 12 to 19 digits, spaces or dashes allowed between them, that start like a card scheme's and pass
the Luhn check. A verification code is 3 or 4 digits under one of `CODE_NAMES`; track data and PIN blocks are whatever
stands under `TRACK_NAMES`. No digit is kept: the original is identified by a keyed hash, not by its remains.
"""

import re
from dataclasses import dataclass
from typing import Any

MASK = "[redacted]"

CODE_NAMES = (
    "cvv",
    "cvv2",
    "cvc",
    "cvc2",
    "cid",
    "csc",
    "cav2",
    "card_verification_value",
    "security_code",
    "cvv_code",
)
TRACK_NAMES = ("track1", "track2", "track_1", "track_2", "track_data", "magstripe", "pin_block")

_SEPARATED_DIGITS = rb"[0-9](?:[ -]?[0-9]){11,18}"
_NUMBER = re.compile(rb"(?:(?<![0-9A-Za-z_.])|(?<=\\[bfnrt]))" + _SEPARATED_DIGITS + rb"(?![0-9A-Za-z_])")
_UUID = re.compile(rb"(?<![0-9A-Za-z])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z])")
"""Square's event ids, PayPal's transmission ids: about one in 6,000 has a run of digits that passes for a card."""
_UUID_REACH = 36
_SCHEMES = re.compile(
    rb"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})$"  # Visa
    rb"|5[1-5][0-9]{14}$|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}$"  # Mastercard
    rb"|3[47][0-9]{13}$"  # American Express
    rb"|3(?:0[0-5]|[68][0-9])[0-9]{11}$"  # Diners Club
    rb"|6(?:011|5[0-9]{2}|4[4-9][0-9])[0-9]{12,15}$"  # Discover
    rb"|35(?:2[89]|[3-8][0-9])[0-9]{12,15}$"  # JCB
    rb"|62[0-9]{14,17}$"  # UnionPay
    rb"|(?:50|5[6-9]|6[0-9])[0-9]{10,17}$"  # Maestro
)
_NAMES = "|".join(CODE_NAMES).encode()
_TRACKS = "|".join(TRACK_NAMES).encode()
_CODE = re.compile(
    rb'(\\*"(?:' + _NAMES + rb')\\*"\s*:\s*)(?:(\\*")\s*[0-9]{3,4}\s*(\\*")|[0-9]{3,4}(?=\s*[,}\]]))', re.IGNORECASE
)
_TRACK = re.compile(rb'("(?:' + _TRACKS + rb')"\s*:\s*)"(?:[^"\\]|\\.)*"', re.IGNORECASE)
_ESCAPED_DIGIT = re.compile(rb"\\u003([0-9])")
_MASK = MASK.encode()
_MASKED_NUMBER = b"0"
"""Valid JSON where a number stood, and harmless inside a string that ends in a colon or a comma."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redacted:
    """A body without card data, and how many values were blotted out."""

    body: bytes
    count: int


def redact(body: bytes) -> Redacted:
    """Blot out card data in a JSON body. A body without any comes back unchanged, byte for byte."""
    plain = _ESCAPED_DIGIT.sub(rb"\1", body) if b"\\u003" in body else body
    text, tracks = _TRACK.subn(rb'\1"' + _MASK + rb'"', plain)
    text, codes = _CODE.subn(_blot_code, text)
    text, numbers = _blot_numbers(text)
    count = tracks + codes + numbers
    return Redacted(body=text if count else body, count=count)


def mask(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a JSON value with every card number in its strings masked: the second net before a log line."""
    if isinstance(value, str):
        return _blot_numbers(value.encode())[0].decode() if any(c.isdigit() for c in value) else value
    if isinstance(value, dict):
        return {k: mask(v) for k, v in value.items()}
    if isinstance(value, list):
        return [mask(v) for v in value]
    return value


def is_card_number(digits: bytes) -> bool:
    """Say whether bare digits look like a card number: a known scheme's start and length, and the Luhn check."""
    if _SCHEMES.match(digits) is None:
        return False
    doubled = [int(d) * 2 for d in digits.decode()[-2::-2]]
    return (sum(d - 9 if d > 9 else d for d in doubled) + sum(int(d) for d in digits.decode()[-1::-2])) % 10 == 0  # noqa: PLR2004 - Luhn


def _blot_code(found: re.Match[bytes]) -> bytes:
    return found[1] + (found[2] + _MASK + found[3] if found[2] else _MASKED_NUMBER)


def _blot_numbers(text: bytes) -> tuple[bytes, int]:
    count = 0

    def blot(found: re.Match[bytes]) -> bytes:
        nonlocal count
        if not is_card_number(re.sub(rb"[ -]", b"", found[0])) or _is_in_a_uuid(text, found):
            return found[0]
        count += 1
        return _MASKED_NUMBER if _may_be_bare(text, found.start()) else _MASK

    return _NUMBER.sub(blot, text), count


def _is_in_a_uuid(text: bytes, found: re.Match[bytes]) -> bool:
    """Say whether a match lies wholly within a UUID: dashes stand there as they never do in a card number."""
    around = _UUID.finditer(text, max(0, found.start() - _UUID_REACH - 1), found.end() + _UUID_REACH + 1)
    return any(uuid.start() <= found.start() and found.end() <= uuid.end() for uuid in around)


def _may_be_bare(text: bytes, position: int) -> bool:
    """Say whether a JSON number, not the inside of a string, may begin at `position`."""
    while position > 0 and text[position - 1] in b" \t\r\n":
        position -= 1
    return position > 0 and text[position - 1] in b":[,-"
