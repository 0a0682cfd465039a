"""A web ACL as the engine's API sends it, made into what an SDK would give: search strings as bytes."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any


def decoded(node: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a copy with every SearchString, which is base64 on the wire, decoded; one that is not stays text."""
    if isinstance(node, Mapping):
        return {k: _bytes(v) if k == "SearchString" else decoded(v) for k, v in node.items()}
    if isinstance(node, list):
        return [decoded(value) for value in node]
    return node


def _bytes(value: Any) -> Any:  # noqa: ANN401 - what the wire holds
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, TypeError, ValueError):
        return value
