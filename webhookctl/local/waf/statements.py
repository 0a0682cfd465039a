"""Compile AWS WAFv2 statements into predicates over a request.

Source: AWS WAFv2 API reference, `Statement`. Not modelled: SQLi, XSS, regex, ASN and geo matches and rule groups of
one's own; a web ACL that uses one of them, or a member unknown here, is refused with its name, never silently passed.
"""

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from webhookctl.local.waf.addresses import forwarded, of_connection
from webhookctl.local.waf.fields import BODY_LIMIT, inspector
from webhookctl.local.waf.labels import label_match
from webhookctl.local.waf.members import Json, UnsupportedStatementError, choice, only, single
from webhookctl.local.waf.request import Labels, WafRequest

Matcher = Callable[[WafRequest, Labels], bool]
IpSets = Callable[[str], Iterable[str]]
"""Looks up the address ranges (CIDR) of an IP set by its ARN."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What the statements of one web ACL share. `label_prefix` is that of labels its own rules add."""

    ip_sets: IpSets
    label_prefix: str
    body_limit: int = BODY_LIMIT


def compile_statement(statement: Json, scope: Scope) -> Matcher:
    """Return the predicate of one statement. Raises UnsupportedStatementError."""
    kind, body = single(statement, "Statement")
    compiler = _COMPILERS.get(kind)
    if compiler is None:
        raise UnsupportedStatementError(kind)
    return compiler(body, scope)


def _and(body: Json, scope: Scope) -> Matcher:
    parts = [compile_statement(part, scope) for part in only(body, "AndStatement", "Statements")["Statements"]]
    return lambda request, labels: all(part(request, labels) for part in parts)


def _or(body: Json, scope: Scope) -> Matcher:
    parts = [compile_statement(part, scope) for part in only(body, "OrStatement", "Statements")["Statements"]]
    return lambda request, labels: any(part(request, labels) for part in parts)


def _not(body: Json, scope: Scope) -> Matcher:
    inner = compile_statement(only(body, "NotStatement", "Statement")["Statement"], scope)
    return lambda request, labels: not inner(request, labels)


def _label(body: Json, scope: Scope) -> Matcher:
    matches = label_match(body, scope.label_prefix)
    return lambda _request, labels: matches(labels)


def _ip_set(body: Json, scope: Scope) -> Matcher:
    only(body, "IPSetReferenceStatement", "ARN", "IPSetForwardedIPConfig")
    networks = [ipaddress.ip_network(cidr) for cidr in scope.ip_sets(body["ARN"])]
    config = body.get("IPSetForwardedIPConfig")
    read = forwarded(config, "IPSetForwardedIPConfig", has_position=True) if config else of_connection

    def matches(request: WafRequest, _: Labels) -> bool:
        found = read(request)
        if isinstance(found, bool):
            return found
        return any(address in network for address in found for network in networks)

    return matches


_COMPARISONS: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "EQ": lambda size, limit: size == limit,
    "NE": lambda size, limit: size != limit,
    "LE": lambda size, limit: size <= limit,
    "LT": lambda size, limit: size < limit,
    "GE": lambda size, limit: size >= limit,
    "GT": lambda size, limit: size > limit,
}


def _size(body: Json, scope: Scope) -> Matcher:
    only(body, "SizeConstraintStatement", "FieldToMatch", "TextTransformations", "ComparisonOperator", "Size")
    compare = _COMPARISONS[choice(body, "SizeConstraintStatement", "ComparisonOperator", *_COMPARISONS)]
    limit = int(body["Size"])
    inspect = inspector(body, scope.body_limit)
    return lambda request, _labels: inspect(request, lambda value: compare(len(value), limit))


def _byte_match(body: Json, scope: Scope) -> Matcher:
    only(body, "ByteMatchStatement", "FieldToMatch", "TextTransformations", "PositionalConstraint", "SearchString")
    needle = body["SearchString"]
    if not isinstance(needle, bytes):
        raise UnsupportedStatementError("ByteMatchStatement.SearchString that is no base64")
    test = _POSITIONS[choice(body, "ByteMatchStatement", "PositionalConstraint", *_POSITIONS)]
    inspect = inspector(body, scope.body_limit)
    return lambda request, _labels: inspect(request, lambda value: test(value, needle))


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

_COMPILERS: Final[Mapping[str, Callable[[Json, Scope], Matcher]]] = {
    "AndStatement": _and,
    "OrStatement": _or,
    "NotStatement": _not,
    "LabelMatchStatement": _label,
    "IPSetReferenceStatement": _ip_set,
    "SizeConstraintStatement": _size,
    "ByteMatchStatement": _byte_match,
}
