"""Compile AWS WAFv2 statements, as GetWebACL returns them, into predicates over a request.

Source: AWS WAFv2 API reference, `Statement` and `FieldToMatch`. Not modelled: SQLi, XSS and regex statements, geo
matches and rule groups of one's own; a web ACL that uses one is refused with its name, never silently passed.
"""

import html
import ipaddress
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, unquote_to_bytes

BODY_INSPECTION_LIMIT: Final = 16 * 1024
"""Bytes of a body that AWS WAF sees in front of API Gateway (AWS WAF developer guide, oversize components)."""

Json = Mapping[str, Any]
Labels = set[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WafRequest:
    """What the rules look at. `headers` has lower-case names; `body` is the raw bytes."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    client_ip: str
    body: bytes = field(default=b"", repr=False)
    http_version: str = "HTTP/1.1"
    request_id: str = ""


Matcher = Callable[[WafRequest, Labels], bool]
IpSets = Callable[[str], Iterable[str]]
"""Looks up the address ranges (CIDR) of an IP set by its ARN."""


class UnsupportedStatementError(Exception):
    """The web ACL uses a statement that the local environment does not model."""


def compile_statement(statement: Json, ip_sets: IpSets) -> Matcher:
    """Return the predicate of one statement. Raises UnsupportedStatementError."""
    ((kind, body),) = statement.items()
    compiler = _COMPILERS.get(kind)
    if compiler is None:
        raise UnsupportedStatementError(kind)
    return compiler(body, ip_sets)


def _and(body: Json, ip_sets: IpSets) -> Matcher:
    parts = [compile_statement(part, ip_sets) for part in body["Statements"]]
    return lambda request, labels: all(part(request, labels) for part in parts)


def _or(body: Json, ip_sets: IpSets) -> Matcher:
    parts = [compile_statement(part, ip_sets) for part in body["Statements"]]
    return lambda request, labels: any(part(request, labels) for part in parts)


def _not(body: Json, ip_sets: IpSets) -> Matcher:
    inner = compile_statement(body["Statement"], ip_sets)
    return lambda request, labels: not inner(request, labels)


def _label(body: Json, _: IpSets) -> Matcher:
    key, is_namespace = body["Key"], body["Scope"] == "NAMESPACE"
    if is_namespace:
        prefix = key if key.endswith(":") else f"{key}:"
        return lambda _request, labels: any(label.startswith(prefix) for label in labels)
    return lambda _request, labels: any(label == key or label.endswith(f":{key}") for label in labels)


def _ip_set(body: Json, ip_sets: IpSets) -> Matcher:
    networks = [ipaddress.ip_network(cidr) for cidr in ip_sets(body["ARN"])]
    address_of = _address(body.get("IPSetForwardedIPConfig"))

    def matches(request: WafRequest, _: Labels) -> bool:
        try:
            address = ipaddress.ip_address(address_of(request))
        except ValueError:
            return False
        return any(address in network for network in networks)

    return matches


def _address(forwarded: Json | None) -> Callable[[WafRequest], str]:
    if not forwarded:
        return lambda request: request.client_ip
    header = forwarded["HeaderName"].lower()
    return lambda request: request.headers.get(header, "").split(",")[0].strip()


_COMPARISONS: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "EQ": lambda size, limit: size == limit,
    "NE": lambda size, limit: size != limit,
    "LE": lambda size, limit: size <= limit,
    "LT": lambda size, limit: size < limit,
    "GE": lambda size, limit: size >= limit,
    "GT": lambda size, limit: size > limit,
}


def _size(body: Json, _: IpSets) -> Matcher:
    compare, limit = _COMPARISONS[body["ComparisonOperator"]], int(body["Size"])
    read = _field(body)
    return lambda request, _labels: any(compare(len(value), limit) for value in read(request))


def _byte_match(body: Json, _: IpSets) -> Matcher:
    needle = body["SearchString"]
    needle = needle if isinstance(needle, bytes) else str(needle).encode()
    test, read = _POSITIONS[body["PositionalConstraint"]], _field(body)
    return lambda request, _labels: any(test(value, needle) for value in read(request))


def _contains_word(value: bytes, needle: bytes) -> bool:
    start = value.find(needle)
    while start >= 0:
        before, after = value[start - 1 : start] if start else b"", value[start + len(needle) : start + len(needle) + 1]
        if not (_is_word(before) or _is_word(after)):
            return True
        start = value.find(needle, start + 1)
    return False


def _is_word(byte: bytes) -> bool:
    return byte.isalnum() or byte == b"_"


_POSITIONS: Final[Mapping[str, Callable[[bytes, bytes], bool]]] = {
    "EXACTLY": lambda value, needle: value == needle,
    "STARTS_WITH": lambda value, needle: value.startswith(needle),
    "ENDS_WITH": lambda value, needle: value.endswith(needle),
    "CONTAINS": lambda value, needle: needle in value,
    "CONTAINS_WORD": _contains_word,
}

_TRANSFORMATIONS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "NONE": lambda value: value,
    "LOWERCASE": bytes.lower,
    "URL_DECODE": unquote_to_bytes,
    "COMPRESS_WHITE_SPACE": lambda value: b" ".join(value.split()),
    "HTML_ENTITY_DECODE": lambda value: html.unescape(value.decode("latin-1")).encode("utf-8"),
}


def _field(statement: Json) -> Callable[[WafRequest], list[bytes]]:
    """Return a reader of the values that a statement inspects, its text transformations applied."""
    read = _reader(statement["FieldToMatch"])
    ordered = sorted(statement.get("TextTransformations", ()), key=lambda item: item["Priority"])
    for item in ordered:
        if item["Type"] not in _TRANSFORMATIONS:
            raise UnsupportedStatementError(f"text transformation {item['Type']}")
    steps = [_TRANSFORMATIONS[item["Type"]] for item in ordered]

    def values(request: WafRequest) -> list[bytes]:
        found = read(request)
        for step in steps:
            found = [step(value) for value in found]
        return found

    return values


def _reader(field_to_match: Json) -> Callable[[WafRequest], list[bytes]]:
    ((kind, body),) = field_to_match.items()
    if kind in ("SingleHeader", "SingleQueryArgument"):
        name = str(body["Name"]).lower()
        if kind == "SingleHeader":
            return lambda request: [request.headers[name].encode()] if name in request.headers else []
        return lambda request: [value for key, value in _arguments(request) if key.lower() == name.encode()]
    if kind not in _READERS:
        raise UnsupportedStatementError(f"field {kind}")
    return _READERS[kind]


def _arguments(request: WafRequest) -> list[tuple[bytes, bytes]]:
    pairs = (part.partition("=") for part in request.query.split("&") if part)
    return [(unquote(key).encode(), unquote_to_bytes(value)) for key, _, value in pairs]


_READERS: Final[Mapping[str, Callable[[WafRequest], list[bytes]]]] = {
    "Method": lambda request: [request.method.encode()],
    "UriPath": lambda request: [request.path.encode()],
    "QueryString": lambda request: [request.query.encode()],
    "AllQueryArguments": lambda request: [value for _, value in _arguments(request)],
    "Body": lambda request: [request.body[:BODY_INSPECTION_LIMIT]],
    "Headers": lambda request: [value.encode() for value in request.headers.values()],
}

_COMPILERS: Final[Mapping[str, Callable[[Json, IpSets], Matcher]]] = {
    "AndStatement": _and,
    "OrStatement": _or,
    "NotStatement": _not,
    "LabelMatchStatement": _label,
    "IPSetReferenceStatement": _ip_set,
    "SizeConstraintStatement": _size,
    "ByteMatchStatement": _byte_match,
}
