"""A webhook's body at rest: compressed with a preset dictionary, so that an item stays near 1 KB."""

import re
import zlib
from functools import cache
from pathlib import Path

from lambdas.shared.errors import MalformedError

MAX_STORED_BYTES = 1024 * 1024
"""Upper bound of a decompressed body. Four times what the receiver accepts: an edit may grow a body."""

_DELIVERY_COUNTERS = re.compile(rb'("pending_webhooks"\s*:\s*)[0-9]{1,9}')
"""Members that say how a delivery stands, not what happened: they may differ between deliveries of one event."""

_PLAIN = b"\x00"
_DICTIONARY_1 = b"\x01"
_LEVEL = 9
_RAW_DEFLATE = -15
_MEMORY_LEVEL = 9


def compress(body: bytes) -> bytes:
    """Return `body` in its stored form: one format byte, then raw deflate with the preset dictionary (or plain)."""
    deflater = zlib.compressobj(
        _LEVEL, zlib.DEFLATED, _RAW_DEFLATE, _MEMORY_LEVEL, zlib.Z_DEFAULT_STRATEGY, _dictionary_1()
    )
    packed = deflater.compress(body) + deflater.flush()
    return _DICTIONARY_1 + packed if len(packed) < len(body) else _PLAIN + body


def decompress(stored: bytes, *, limit: int = MAX_STORED_BYTES) -> bytes:
    """Return the body that `compress` was given, never allocating more than `limit` bytes for it.

    Raises MalformedError when the stored form is unknown, damaged, or larger than `limit`.
    """
    form, packed = stored[:1], stored[1:]
    if form == _PLAIN and len(packed) <= limit:
        return packed
    if form != _DICTIONARY_1:
        raise MalformedError("the stored body has an unknown form", reason="body_form")
    inflater = zlib.decompressobj(_RAW_DEFLATE, zdict=_dictionary_1())
    try:
        body = inflater.decompress(packed, limit + 1)
    except zlib.error as error:
        raise MalformedError("the stored body is damaged", reason="body_damaged") from error
    if len(body) > limit or not inflater.eof:
        raise MalformedError("the stored body is damaged or too large", reason="body_damaged")
    return body


def is_same_event(body: bytes, other: bytes) -> bool:
    """Say whether two bodies under one event id are deliveries of the same event."""
    return body == other or _DELIVERY_COUNTERS.sub(rb"\1", body) == _DELIVERY_COUNTERS.sub(rb"\1", other)


@cache
def _dictionary_1() -> bytes:
    """Field names of provider payloads in their usual order. Frozen: stored bodies need these exact bytes for ever."""
    return (Path(__file__).parent / "body_dictionary.txt").read_bytes()
