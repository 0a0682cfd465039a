"""Card data never comes to rest: numbers and codes in a body are blotted out before it is stored (PCI DSS 3.3.1).

The body is read as JSON, so that a value is judged by its name too (`card_names`) and a text by what it says
(`card_text`). Only whole strings and numbers are replaced, by strings: what was readable stays readable, with the same
members in the same places, and every other byte as it was. A bare number of fewer than 15 digits (among amounts, 16)
may be money or a time and is left alone, unless its name is a card's. No digit is kept: a keyed hash identifies the
original, not its remains.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Any, Final

from lambdas.shared.card_names import Named, read_name
from lambdas.shared.card_text import MASK, Trust, blot, has_some_digits, is_card_number

__all__ = ("MASK", "Redacted", "mask", "redact")

_TOKEN: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|-?[0-9][-+.0-9eE]*+', re.DOTALL)
"""A string or a number of readable JSON."""
_NUMBER: Final = re.compile(r"-?([0-9]+)(?:\.0+)?")
_MERE_NUMBER: Final = re.compile(r"\s*\+?\d+(?:[.,]\d+)?\s*")
_CODE: Final = re.compile(r"(?<!\d)\d{3,4}(?!\d)")
_TRUST: Final = {Named.CARD: Trust.NAMED, Named.OTHER_NUMBER: Trust.SIXTEEN}
_FEWEST_BARE: Final = 15
_LONGEST_SPELLED: Final = 25
"""Characters of a number with an exponent that is looked at: a card number's digits, a point, sign and exponent."""
_DIGIT: Final = re.compile(r"\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Redacted:
    """A body without card data, and how many values were blotted out."""

    body: bytes
    count: int


def redact(body: bytes) -> Redacted:
    """Blot out card data in a JSON body. A body without any comes back unchanged, byte for byte.

    What is no JSON in UTF-8 is searched as one text: the receiver refuses such a body, and stores none.
    """
    text = body.decode("utf-8", "surrogateescape")
    redacted, found = _redact_json(text) or blot(text)
    return Redacted(body=redacted.encode("utf-8", "surrogateescape") if found else body, count=found)


def mask(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a JSON value with all card data in its strings masked: the second net before a log line."""
    if isinstance(value, str):
        return blot(value)[0]
    if isinstance(value, dict):
        return {k: mask(v) for k, v in value.items()}
    if isinstance(value, list):
        return [mask(v) for v in value]
    return value


class _Number(str):
    """A JSON number as it is spelled."""

    __slots__ = ()


class _Members(list[tuple[str, Any]]):
    """A JSON object's members in their order, duplicates included."""


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_Members, parse_int=_Number, parse_float=_Number)


def _redact_json(text: str) -> tuple[str, int] | None:
    """Return the document without card data and how many places were blotted out; None when it is no JSON."""
    search = _Search()
    try:
        search.visit(_DECODER.decode(text), Named.ANYTHING)
    except (ValueError, RecursionError):
        return None
    return (_replaced(text, search.replacements), search.count) if search.count else (text, 0)


def _replaced(text: str, replacements: dict[int, str]) -> str:
    """Put strings in the place of the strings and numbers that stand at these positions among them all."""
    positions = count()

    def put(token: re.Match[str]) -> str:
        new = replacements.get(next(positions))
        return token[0] if new is None else json.dumps(new)

    return _TOKEN.sub(put, text)


class _Search:
    """Goes through a document's strings and numbers, members' names among them, in the order of the text."""

    def __init__(self) -> None:
        self.replacements: dict[int, str] = {}
        self.count = 0
        self._position = 0

    def visit(self, value: object, named: Named) -> None:
        """Look at a value that stands under a name. Raises RecursionError where it nests too deep."""
        if isinstance(value, str):
            if named is Named.TRACK or has_some_digits(value):
                self._note(*(_number if isinstance(value, _Number) else _string)(value, named))
            self._position += 1
        elif isinstance(value, _Members):
            self._visit_members(value, named)
        elif isinstance(value, list):
            for element in value:
                self.visit(element, named)

    def _visit_members(self, members: _Members, above: Named) -> None:
        names = [read_name(name) for name, _ in members]
        labels = [value for name, (_, value) in zip(names, members, strict=True) if name.is_of_a_label]
        if labels:
            above = _said_by(labels) or above
        spare = _SpareNames(members)
        for name, (spelled, value) in zip(names, members, strict=True):
            if _DIGIT.search(spelled):
                self._note(*spare.instead_of(spelled))
            self._position += 1
            self.visit(value, above if name.is_of_a_value and above is not Named.ANYTHING else name.named)

    def _note(self, new: str, found: int) -> None:
        if found:
            self.replacements[self._position] = new
            self.count += found


class _SpareNames:
    """Names in place of those that hold card data. Two of an object stay two: a reader refuses duplicates."""

    __slots__ = ("_members", "_numbers", "_taken")

    def __init__(self, members: _Members) -> None:
        self._members = members
        self._numbers = count(2)
        self._taken: set[str] | None = None

    def instead_of(self, name: str) -> tuple[str, int]:
        """Return a member's new name and how many places in it were blotted out."""
        new, found = blot(name)
        if not found:
            return name, 0
        if self._taken is None:
            self._taken = {name for name, _ in self._members}
        unique = new
        while unique in self._taken:
            unique = f"{new} ({next(self._numbers)})"
        self._taken.add(unique)
        return unique, found


def _said_by(labels: list[Any]) -> Named | None:
    """Return what the labels of a member say of it, None where they say nothing; what is of a card goes first."""
    said: Named | None = None
    for label in labels:
        for text in (label,) if isinstance(label, str) else _texts(label):
            named = read_name(text).named
            if named is not Named.ANYTHING and said in (None, Named.OTHER_NUMBER):
                said = named
    return said


def _texts(label: object) -> Iterator[str]:
    """Yield the words of a label that is an object (Stripe Checkout: `{"type": "custom", "custom": "CVV"}`).

    Of no other: a person's `name` is an object as well, and `Pin` or `Cid` somebody's surname.
    """
    if isinstance(label, _Members):
        yield from (value for name, value in label if name == "custom" and isinstance(value, str))


def _number(spelled: str, named: Named) -> tuple[str, int]:
    whole = _whole(spelled)
    return (MASK, 1) if whole and _is_card_data(whole, named) else (spelled, 0)


def _whole(spelled: str) -> str | None:
    """Return the digits of a whole number, written out; None of any other and of one beyond all card numbers."""
    plain = _NUMBER.fullmatch(spelled)
    if plain or len(spelled) > _LONGEST_SPELLED or "e" not in spelled.lower():
        return plain[1] if plain else None
    try:
        number = Decimal(spelled)
        is_whole = number.adjusted() < _LONGEST_SPELLED and number == number.to_integral_value()
    except ArithmeticError:
        return None
    return str(abs(int(number))) if is_whole else None


def _is_card_data(whole: str, named: Named) -> bool:
    """Say whether a bare number is. Not if it can be an amount: no provider's has 16 digits (`money.MAX_MINOR`)."""
    if named is Named.TRACK:
        return True
    if named is Named.CODE and _CODE.fullmatch(whole):
        return True
    is_long = named is Named.CARD or len(whole) >= _FEWEST_BARE
    return is_long and is_card_number(whole, _TRUST.get(named, Trust.USUAL))


def _string(text: str, named: Named) -> tuple[str, int]:
    if named is Named.TRACK:
        return (text, 0) if text == MASK else (MASK, 1)
    if text[0] in "{[ \t\r\n" and '"' in text:
        within = _redact_json(text)
        if within is not None:
            return within
    is_mere_number = named is Named.CARD or _MERE_NUMBER.fullmatch(text)
    new, found = blot(text, _TRUST.get(named, Trust.USUAL) if is_mere_number else Trust.USUAL)
    if named is Named.CODE:
        new, codes = _CODE.subn(MASK, new)
        found += codes
    return new, found
