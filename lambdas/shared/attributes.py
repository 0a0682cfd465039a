"""Plain values to and from DynamoDB's typed attribute values (`{"S": "x"}`), without an SDK."""

import base64
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

HASHES = frozenset({"bodySha256", "prevHash", "chainHash"})
"""Attributes that hold SHA-256 hashes: hexadecimal as plain values, 32 bytes in the table, where half the size keeps an
item below the 1 KB of a write unit."""
_HEXADECIMAL = re.compile(r"[0-9a-f]{64}")

Attribute = dict[str, Any]
Item = dict[str, Attribute]


def to_attribute(value: object) -> Attribute:
    """Return the attribute value of a str, int, bool, bytes, mapping or list."""
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case bytes():
            return {"B": value}
        case Mapping():
            return {"M": {str(k): to_attribute(v) for k, v in value.items()}}
        case list() | tuple():
            return {"L": [to_attribute(v) for v in value]}
    raise TypeError(f"no attribute type for {type(value).__name__}")


def from_attribute(attribute: Mapping[str, Any]) -> Any:  # noqa: ANN401 - an attribute can hold any JSON-like value
    """Return the plain value of an attribute. Stream records carry binary as base64 text: it becomes bytes."""
    kind, value = next(iter(attribute.items()))
    match kind:
        case "N":
            number = Decimal(value)
            return int(number) if number == number.to_integral_value() else float(number)
        case "B":
            return base64.b64decode(value) if isinstance(value, str) else bytes(value)
        case "M":
            return {k: from_attribute(v) for k, v in value.items()}
        case "L":
            return [from_attribute(v) for v in value]
        case "NULL":
            return None
    return value


def to_item(values: Mapping[str, object]) -> Item:
    """Return the DynamoDB item of plain values; None means the attribute is absent."""
    return {name: to_attribute(_packed(name, value)) for name, value in values.items() if value is not None}


def from_item(item: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the plain values of a DynamoDB item or stream image."""
    return {name: _unpacked(name, from_attribute(attribute)) for name, attribute in item.items()}


def _packed(name: str, value: object) -> object:
    is_hash = name in HASHES and isinstance(value, str) and _HEXADECIMAL.fullmatch(value)
    return bytes.fromhex(str(value)) if is_hash else value


def _unpacked(name: str, value: Any) -> Any:  # noqa: ANN401 - as from_attribute
    return value.hex() if name in HASHES and isinstance(value, bytes) else value
