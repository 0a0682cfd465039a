"""What a JSON member's name says about its value: a verification code, track data, a card number, or surely none."""

import re
import unicodedata
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple


class Named(Enum):
    """What stands under a name, as far as the name tells."""

    ANYTHING = "anything"
    CARD = "card"
    CODE = "code"
    TRACK = "track"
    OTHER_NUMBER = "other_number"
    """An amount, a phone number, an id: fewer than 16 digits there are no card number."""


VALUE_NAMES: Final = frozenset(
    ("value", "values", "number", "num", "no", "id", "data", "raw", "text", "content", "numeric")
)
"""Names that say nothing by themselves: what holds the member, or its sibling in `LABEL_NAMES`, says it."""

LABEL_NAMES: Final = frozenset(("name", "key", "field", "label", "fieldname", "type"))
"""Members whose value names what stands in the sibling: `{"name": "cvv", "value": "123"}`."""

_LONGEST_NAME: Final = 80
_NEITHER_LETTER_NOR_DIGIT: Final = re.compile(r"[^a-z0-9]+")
_RESULT: Final = re.compile(
    r"check|result|status|response|match|provided|required|present|valid(?!ation)|attempt|fail|declin|reason"
)
_CODE: Final = re.compile(
    r"cvv|cvc|cvn|cvd|securitycode|verificationvalue|cardverification(?:value|code|number)?|cardcode"
    r"|\b(?:card)?(?:cid|csc|cav2?|pin)\b"
)
_TRACK: Final = re.compile(r"track(?:[123]|one|two|three|data)|magstripe|pinblock")
_CARD: Final = re.compile(
    r"[a-z]*card(?:number|num|no|nr|pan)?|[fd]?pan|primaryaccountnumber|(?:cc|creditcc)(?:number|num|no)?"
)
_OTHER_NUMBER: Final = re.compile(
    r"phone|mobile|msisdn|fax|amount|total|price|balance|fee|gross|money|quantity|transactionid|reference|tracking|timestamp"
    r"|gtin|barcode|\b(?:ean|upc|isbn|imei|iccid)\b|id\b"
)


class Name(NamedTuple):
    """What a member's name says, and whether another name has a say in it."""

    named: Named
    is_of_a_value: bool
    """What holds the member, or its sibling of a label's name, says what stands here."""
    is_of_a_label: bool
    """The value says what stands in a sibling."""


def read_name(name: str) -> Name:
    """Read a member's name. Case, underscores and dashes do not count; results of a check are no codes."""
    return _read(name[:_LONGEST_NAME])


@lru_cache(maxsize=4096)
def _read(name: str) -> Name:
    plain = _NEITHER_LETTER_NOR_DIGIT.sub("", unicodedata.normalize("NFKC", name).lower())
    return Name(_what_is_named(plain), plain in VALUE_NAMES, plain in LABEL_NAMES)


def _what_is_named(plain: str) -> Named:
    if _TRACK.search(plain):
        return Named.TRACK
    if _CODE.search(plain) and not _RESULT.search(plain):
        return Named.CODE
    if _CARD.fullmatch(plain):
        return Named.CARD
    return Named.OTHER_NUMBER if _OTHER_NUMBER.search(plain) else Named.ANYTHING
