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
_DICTIONARIES = {b"\x01": "body_dictionary_1.txt", b"\x02": "body_dictionary_2.txt"}
"""By format byte. 1: field names of the providers' payloads. 2: the payloads of payments, refunds and disputes as the
providers write them, without what differs from one to the next. Which is better depends on the event."""
_LEVEL = 9
_RAW_DEFLATE = -15
_MEMORY_LEVEL = 9


def compress(body: bytes) -> bytes:
    """Return `body` in its stored form: one format byte, then raw deflate with the better dictionary (or plain)."""
    packed = (form + _deflated(body, _dictionary(form)) for form in _DICTIONARIES)
    return min(*packed, _PLAIN + body, key=len)


def decompress(stored: bytes, *, limit: int = MAX_STORED_BYTES) -> bytes:
    """Return the body that `compress` was given, never allocating more than `limit` bytes for it.

    Raises MalformedError when the stored form is unknown, damaged, or larger than `limit`.
    """
    form, packed = stored[:1], stored[1:]
    if form == _PLAIN and len(packed) <= limit:
        return packed
    if form not in _DICTIONARIES:
        raise MalformedError("the stored body has an unknown form", reason="body_form")
    inflater = zlib.decompressobj(_RAW_DEFLATE, zdict=_dictionary(form))
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


def _deflated(body: bytes, dictionary: bytes) -> bytes:
    deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW_DEFLATE, _MEMORY_LEVEL, zlib.Z_DEFAULT_STRATEGY, dictionary)
    return deflater.compress(body) + deflater.flush()


@cache
def _dictionary(form: bytes) -> bytes:
    """Return a dictionary. Frozen: stored bodies need these exact bytes for ever; a better one is another form."""
    return (Path(__file__).parent / _DICTIONARIES[form]).read_bytes()
