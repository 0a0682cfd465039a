"""Which part of a request a statement inspects, after which transformations, and what happens where it is too large.

Source: AWS WAFv2 API reference, `FieldToMatch` and `TextTransformation`; AWS WAF developer guide, "Oversize web
request components": behind API Gateway the first 16 KB of a body are seen, or what the web ACL's AssociationConfig
says, and of all headers together the first 8 KB or 200.
"""

import html
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from webhookctl.local.waf.members import Json, UnsupportedStatementError, choice, only, single
from webhookctl.local.waf.request import WafRequest, as_sent

BODY_LIMIT: Final = 16 * 1024
"""Bytes of a body that AWS WAF sees in front of API Gateway unless the web ACL raises it."""
HEADER_BYTES: Final = 8 * 1024
HEADER_COUNT: Final = 200
_BODY_LIMITS: Final = {"KB_16": BODY_LIMIT, "KB_32": 32 * 1024, "KB_48": 48 * 1024, "KB_64": 64 * 1024}

Read = Callable[[WafRequest], "list[bytes] | bool"]
"""Returns what is inspected; or the verdict itself, where an oversize part is to match or not to match as such."""
Test = Callable[[bytes], bool]


def body_limit(acl: Json) -> int:
    """Return how many bytes of a body the web ACL sees behind API Gateway. Raises UnsupportedStatementError."""
    association = only(acl.get("AssociationConfig") or {}, "AssociationConfig", "RequestBody")
    own = (association.get("RequestBody") or {}).get("API_GATEWAY")
    if not own:
        return BODY_LIMIT
    only(own, "API_GATEWAY", "DefaultSizeInspectionLimit")
    return _BODY_LIMITS[choice(own, "API_GATEWAY", "DefaultSizeInspectionLimit", *_BODY_LIMITS)]


def inspector(statement: Json, limit: int) -> Callable[[WafRequest, Test], bool]:
    """Return a function that tells whether any inspected value, transformed, passes a test. `limit` is the body's."""
    read = _reader(statement["FieldToMatch"], limit)
    steps = _transformations(statement)

    def inspect(request: WafRequest, test: Test) -> bool:
        found = read(request)
        if isinstance(found, bool):
            return found
        for step in steps:
            found = [step(value) for value in found]
        return any(test(value) for value in found)

    return inspect


def inspected_headers(request: WafRequest) -> tuple[list[tuple[bytes, bytes]], bool]:
    """Return the headers within AWS WAF's limits, and whether there are more than those."""
    seen: list[tuple[bytes, bytes]] = []
    left = HEADER_BYTES
    for name, value in request.headers.items():
        key, content = as_sent(name), as_sent(value)
        if len(seen) == HEADER_COUNT or left <= 0:
            return seen, True
        seen.append((key[:left], content[: max(0, left - len(key))]))
        left -= len(key) + len(content)
    return seen, left < 0


_TRANSFORMATIONS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "NONE": lambda value: value,
    "LOWERCASE": bytes.lower,
    "URL_DECODE": unquote_to_bytes,
    "COMPRESS_WHITE_SPACE": lambda value: re.sub(rb"\s+", b" ", value),
    "HTML_ENTITY_DECODE": lambda value: html.unescape(value.decode("latin-1")).encode("utf-8"),
}


def _transformations(statement: Json) -> list[Callable[[bytes], bytes]]:
    ordered = sorted(statement.get("TextTransformations", ()), key=lambda item: int(item["Priority"]))
    for item in ordered:
        only(item, "TextTransformation", "Priority", "Type")
        if item["Type"] not in _TRANSFORMATIONS:
            raise UnsupportedStatementError(f"text transformation {item['Type']}")
    return [_TRANSFORMATIONS[item["Type"]] for item in ordered]


def _reader(field_to_match: Json, limit: int) -> Read:
    kind, body = single(field_to_match, "FieldToMatch")
    if kind == "Body":
        return _body(body, limit)
    reader = _READERS.get(kind)
    if reader is None:
        raise UnsupportedStatementError(f"field {kind}")
    return reader(body)


def _plain(name: str, read: Callable[[WafRequest], list[bytes]]) -> Callable[[Json], Read]:
    def make(body: Json) -> Read:
        only(body, name)
        return read

    return make


def _single_header(body: Json) -> Read:
    name = str(only(body, "SingleHeader", "Name")["Name"]).lower()
    return lambda request: [as_sent(request.headers[name])] if name in request.headers else []


def _single_argument(body: Json) -> Read:
    name = str(only(body, "SingleQueryArgument", "Name")["Name"]).lower().encode()
    return lambda request: [value for key, value in _arguments(request) if key.lower() == name]


def _body(body: Json, limit: int) -> Read:
    oversize = _oversize(only(body, "Body", "OversizeHandling"), "Body")

    def read(request: WafRequest) -> list[bytes] | bool:
        if oversize is not None and len(request.body) > limit:
            return oversize
        return [request.body[:limit]]

    return read


def _headers(body: Json) -> Read:
    only(body, "Headers", "MatchPattern", "MatchScope", "OversizeHandling")
    scope = choice(body, "Headers", "MatchScope", "ALL", "KEY", "VALUE")
    oversize, wanted = _oversize(body, "Headers"), _header_pattern(body["MatchPattern"])

    def read(request: WafRequest) -> list[bytes] | bool:
        seen, is_oversize = inspected_headers(request)
        if oversize is not None and is_oversize:
            return oversize
        return list(_parts(seen, wanted, scope))

    return read


def _parts(headers: list[tuple[bytes, bytes]], wanted: Test, scope: str) -> Iterator[bytes]:
    for key, value in headers:
        if wanted(key):
            if scope != "VALUE":
                yield key
            if scope != "KEY":
                yield value


def _header_pattern(pattern: Json) -> Test:
    kind, names = single(pattern, "MatchPattern")
    if kind == "All":
        return lambda _key: True
    if kind not in {"IncludedHeaders", "ExcludedHeaders"}:
        raise UnsupportedStatementError(f"MatchPattern.{kind}")
    listed: Any = names
    chosen = {str(name).lower().encode() for name in listed}
    return lambda key: (key.lower() in chosen) is (kind == "IncludedHeaders")


def _oversize(body: Json, of: str) -> bool | None:
    """Return the verdict on an oversize part; None to inspect what can be seen of it."""
    handling = choice(body, of, "OversizeHandling", "CONTINUE", "MATCH", "NO_MATCH", default="CONTINUE")
    return {"CONTINUE": None, "MATCH": True, "NO_MATCH": False}[handling]


def _arguments(request: WafRequest) -> list[tuple[bytes, bytes]]:
    pairs = (part.partition(b"=") for part in as_sent(request.query).split(b"&") if part)
    return [(unquote_to_bytes(key), unquote_to_bytes(value)) for key, _, value in pairs]


_READERS: Final[Mapping[str, Callable[[Json], Read]]] = {
    "SingleHeader": _single_header,
    "SingleQueryArgument": _single_argument,
    "Headers": _headers,
    "Method": _plain("Method", lambda request: [as_sent(request.method)]),
    "UriPath": _plain("UriPath", lambda request: [as_sent(request.path)]),
    "QueryString": _plain("QueryString", lambda request: [as_sent(request.query)]),
    "AllQueryArguments": _plain("AllQueryArguments", lambda request: [value for _, value in _arguments(request)]),
}
