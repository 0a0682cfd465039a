"""Finds card numbers in JSON by brute force and by other code than the redaction's, to judge what it left."""

import json
import re
from collections.abc import Iterator
from typing import Any

_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_MAY_BE_AN_ID = re.compile(r"\s*[0-9]{15}\s*")
_LONG_ENOUGH = re.compile(r"[0-9](?:[ -]*[0-9]){14}")
_START = frozenset(" \"'({[:,;\n\t")
_END = frozenset(" \"')}]:,;\n\t!?")
_CARD = re.compile(r"(4|5[1-5])[0-9]{14,15}|3[47][0-9]{13}")


class Pairs(list[tuple[str, Any]]):
    """A JSON object as its members, duplicates included."""


def read(body: bytes) -> Any:
    """Return JSON with its objects as `Pairs` and its numbers as they are spelled, in text that starts with `#`."""
    return json.loads(body.decode(), object_pairs_hook=Pairs, parse_int="#{}".format, parse_float="#{}".format)


def shape(value: Any) -> Any:
    """Return what of a document must not change: where its objects, lists, members and values stand."""
    if isinstance(value, Pairs):
        return tuple(shape(member) for _, member in value)
    return [shape(element) for element in value] if isinstance(value, list) else None


def card_numbers(value: Any) -> list[str]:
    """Return the numbers of Visa, Mastercard and American Express that stand in a document's texts and names.

    A text that is nothing but 15 digits is left out: under some names that is an id.
    """
    return [number for text in _texts(value) if not _MAY_BE_AN_ID.fullmatch(text) for number in _in_text(text)]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Pairs):
        for name, member in value:
            yield name
            yield from _texts(member)
    elif isinstance(value, list):
        for element in value:
            yield from _texts(element)
    elif isinstance(value, str):
        yield value


def _in_text(text: str) -> Iterator[str]:
    if not _LONG_ENOUGH.search(text):
        return
    text = f" {_UUID.sub('u', text)} "
    for start in range(1, len(text)):
        if text[start] in "345" and (text[start - 1] in _START or text[start - 1] == "-"):
            yield from _from(text, start)


def _from(text: str, start: int) -> Iterator[str]:
    digits = ""
    for at in range(start, len(text) - 1):
        if text[at].isdigit() and text[at].isascii():
            digits += text[at]
        elif text[at] not in " -" or not text[at + 1].isdigit():
            return
        if len(digits) > 16:
            return
        if text[at + 1] in _END and text[at] not in " -" and _is_card_number(digits):
            yield digits


def _is_card_number(digits: str) -> bool:
    if not _CARD.fullmatch(digits) or len(digits) != (15 if digits[0] == "3" else 16):
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled // 10 + doubled % 10
    return total % 10 == 0
