"""Card numbers, verification codes and track data within one text, however they are spaced."""

import re
from collections.abc import Iterator
from enum import IntEnum
from typing import Final

MASK: Final = "[redacted]"

_SHORTEST: Final = 12
_PHONE_LENGTH: Final = 15
"""The most digits that an international phone number has (E.164)."""

Span = tuple[int, int]


class Trust(IntEnum):
    """How few digits may be taken for a card number: the less a place speaks of cards, the more are needed."""

    SIXTEEN = 0
    """Among amounts, ids and phone numbers, which have at most 15 digits."""
    USUAL = 1
    """In any text: the lengths that are in use, so that no barcode of 13 digits and no phone number passes."""
    NAMED = 2
    """Under a card's name: whatever ISO 7812 allows a scheme."""


_SCHEMES: Final[tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]] = (
    (r"4", (16,), (13, 19)),  # Visa
    (r"5[1-5]|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)", (16,), ()),  # Mastercard
    (r"3[47]", (15,), ()),  # American Express
    (r"30[0-5]|3095|3[689]", (14,), (16, 19)),  # Diners Club
    (r"35(?:2[89]|[3-8][0-9])", (16,), (17, 18, 19)),  # JCB
    (r"62|81", (16, 19), (12, 13, 14, 15, 17, 18)),  # UnionPay
    (r"220[0-4]", (16,), (17, 18, 19)),  # Mir
    (r"50|5[6-9]|6", (16,), (12, 13, 14, 15, 17, 18, 19)),  # Maestro, Discover, RuPay
)
"""How a scheme's numbers begin, how long they are in use, and how long they may be besides."""
_SCHEME: Final = re.compile("|".join(f"({start})" for start, _, _ in _SCHEMES))
_LENGTHS: Final[dict[Trust, list[tuple[int, ...]]]] = {
    Trust.SIXTEEN: [tuple(n for n in usual if n > _PHONE_LENGTH) for _, usual, _ in _SCHEMES],
    Trust.USUAL: [usual for _, usual, _ in _SCHEMES],
    Trust.NAMED: [usual + besides for _, usual, besides in _SCHEMES],
}
_DOUBLED: Final = bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)).ljust(256, b"\0")
"""What the Luhn check counts for every second digit."""

_GAP: Final = r"[\s\u00ad\u2000-\u2015\u2060\u2212\ufeff.\-]"
"""What may stand between digits: spaces and dashes of every kind, dots, and what can't be seen."""
_RUN: Final = re.compile(rf"\d++(?:{_GAP}{{1,3}}+\d++)*+")
_GROUP: Final = re.compile(r"\d+")
_ENOUGH: Final = re.compile(rf"\d(?:{_GAP}{{0,3}}\d){{{_SHORTEST - 1}}}")
_CARD_BEFORE: Final = re.compile(
    r"(?<![a-z0-9])(?:card|pan|visa|mastercard|maestro|amex|cc|number|num|no|nr|track\d?)_?$", re.IGNORECASE
)
_LONGEST_BEFORE: Final = 13
_MAY_FOLLOW: Final = re.compile(r"exp|cv[cv]|valid|thru", re.IGNORECASE)
_UUID: Final = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z])")
"""Square's event ids, PayPal's transmission ids: about one in 6,000 has a run of digits that passes for a card."""
_UUID_LENGTH: Final = 36
_DOTTED_GROUP: Final = 4
_GROUPS_OF_A_DECIMAL: Final = 2

_STEP: Final = r"[\s|/,;:.()\-]{1,3}"
_TAIL: Final = re.compile(
    rf"(?:{_STEP}(?:exp[a-z]*{_STEP})?\d{{1,2}}{_STEP}\d{{2}}(?:\d\d)?)?{_STEP}(?:cv[cv]2?{_STEP})?\d{{3,4}}(?!\d)",
    re.IGNORECASE,
)
"""Where people write `number MM/YY code` or `number code`, the code goes with the number."""
_TRACK: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:%?[Bb](?P<one>\d{12,19})\^[^^]{2,45}\^[^?\"\s]{0,100}|;?(?P<two>\d{12,19})=\d{4,40})\??"
)
_SOME: Final = re.compile(rf"\d(?:{_GAP}{{0,3}}\d){{2}}")
_CODE: Final = re.compile(
    r"(?<![a-z0-9])(?:card[ _-]?)?(?:cvv|cvc|cvn|cvd|csc|cav2|card[ _-]?code|(?:card[ _-]?)?security[ _-]?code"
    r"|(?:card )?verification[ _-]?value)2?(?:[ _-]?(?:code|number|value|no))?"
    r"(?:\W{1,6}|\W{1,3}(?:is|was|=)\W{1,3})(\d{3,4})(?![\d]|[-/.]\d)",
    re.IGNORECASE,
)

_CODE_PARTS: Final = ("cv", "csc", "cav2", "code", "value")
"""One of these is in all that `_CODE` finds: most texts need no closer look."""


def blot(text: str, trust: Trust = Trust.USUAL) -> tuple[str, int]:
    """Return `text` with card data replaced by `MASK`, and how many places that were."""
    if not has_some_digits(text):
        return text, 0
    lower = text.lower()
    spans = [found.span(1) for found in _CODE.finditer(text)] if any(part in lower for part in _CODE_PARTS) else []
    if _ENOUGH.search(text):
        spans += _tracks(text)
        spans += _numbers(text, trust)
    return _without(text, _merged(spans)) if spans else (text, 0)


def has_some_digits(text: str) -> bool:
    """Say whether a text has at least the digits of a verification code; most have not."""
    return _SOME.search(text) is not None


def is_card_number(digits: str, trust: Trust) -> bool:
    """Say whether digits are a card number: a scheme's start, a length it has, and the Luhn check."""
    return len(digits) in _Digits(digits).lengths(0, trust)


class _Digits:
    """The digits of a run, read together, in which numbers are looked for."""

    def __init__(self, digits: str) -> None:
        self._values = bytes(map(int, digits))
        self._doubled = self._values.translate(_DOUBLED)
        self._text = digits if digits.isascii() else "".join(map(str, self._values))

    def lengths(self, start: int, trust: Trust) -> list[int]:
        """Return how long the card numbers are that may start here."""
        scheme = _SCHEME.match(self._text, start)
        if scheme is None:
            return []
        return [n for n in _LENGTHS[trust][(scheme.lastindex or 1) - 1] if self._passes_luhn(start, start + n)]

    def _passes_luhn(self, start: int, end: int) -> bool:
        """Say whether the last digit is the check digit of the others (ISO 7812)."""
        odd = (end - start) % 2
        return (sum(self._values[start + 1 - odd : end : 2]) + sum(self._doubled[start + odd : end : 2])) % 10 == 0


def _tracks(text: str) -> Iterator[Span]:
    for track in _TRACK.finditer(text):
        if is_card_number(track["one"] or track["two"], Trust.NAMED):
            yield track.span()


def _numbers(text: str, trust: Trust) -> Iterator[Span]:
    for run in _RUN.finditer(text):
        if run.end() - run.start() < _SHORTEST:
            continue
        for start, end in _windows(text, run.span(), trust):
            if not _is_in_a_uuid(text, start, end):
                tail = _TAIL.match(text, end)
                yield start, tail.end() if tail else end


def _windows(text: str, run: Span, trust: Trust) -> Iterator[Span]:
    """Yield every stretch of whole groups of digits that is a card number: its neighbours may be other numbers."""
    groups = [group.span() for group in _GROUP.finditer(text, *run)]
    digits = _Digits("".join(text[start:end] for start, end in groups))
    ends, at = {}, 0
    for start, end in groups:
        at += end - start
        ends[at] = end
    at = 0
    for start, group_end in groups:
        for length in digits.lengths(at, trust):
            end = ends.get(at + length, 0)
            if end and _stands_alone(text, start, end, run) and _is_spelled_as_one(text, start, end, group_end):
                yield start, end
        at += group_end - start


def _stands_alone(text: str, start: int, end: int, run: Span) -> bool:
    """Say whether a number is no part of a word. At the ends of its run only: within, gaps part it from the rest."""
    if start == run[0] and start > 0:
        before = text[start - 1]
        if before == "+" and sum(map(str.isdigit, text[start:end])) <= _PHONE_LENGTH:
            return False
        if _is_of_a_word(before) and not _CARD_BEFORE.search(text[max(0, start - _LONGEST_BEFORE) : start]):
            return False
    return end < run[1] or end == len(text) or not _is_of_a_word(text[end]) or bool(_MAY_FOLLOW.match(text, end))


def _is_of_a_word(character: str) -> bool:
    """Say so of letters that are written with spaces between words; other scripts set numbers amid their text."""
    return character.isascii() and (character.isalnum() or character == "_")


def _is_spelled_as_one(text: str, start: int, end: int, first_end: int) -> bool:
    """Say whether dots are a card number's, not a decimal number's: several behind a group of four, none before it."""
    if first_end == end:
        return not (start > 1 and text[start - 1] == "." and text[start - 2].isdigit())
    is_decimal = len(_GROUP.findall(text, start, end)) <= _GROUPS_OF_A_DECIMAL
    return "." not in text[start:end] or (not is_decimal and first_end - start == _DOTTED_GROUP)


def _is_in_a_uuid(text: str, start: int, end: int) -> bool:
    """Say whether a match lies wholly within a UUID: dashes stand there as they never do in a card number."""
    around = _UUID.finditer(text, max(0, start - _UUID_LENGTH - 1), end + _UUID_LENGTH + 1)
    return any(uuid.start() <= start and end <= uuid.end() for uuid in around)


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _without(text: str, spans: list[Span]) -> tuple[str, int]:
    parts: list[str] = []
    at = 0
    for start, end in spans:
        parts += (text[at:start], MASK)
        at = end
    return "".join((*parts, text[at:])), len(spans)
