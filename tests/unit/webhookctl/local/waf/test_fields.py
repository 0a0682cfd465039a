"""Laws of what a statement inspects of a request."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.fakes_web_acl import acl, byte_match, request, rule

KB = 1024
ALL: dict[str, Any] = {"All": {}}


def is_blocked(statement: Mapping[str, Any], acl_members: Mapping[str, Any] | None = None, **fields: Any) -> bool:
    return acl(rule("it", 0, statement), **(acl_members or {})).evaluate(request(**fields), 0).is_blocked


def headers(*, scope: str, pattern: Mapping[str, Any] = ALL, oversize: str = "CONTINUE") -> dict[str, Any]:
    return {"Headers": {"MatchPattern": pattern, "MatchScope": scope, "OversizeHandling": oversize}}


@pytest.mark.parametrize(
    ("handling", "kilobytes", "is_match"),
    [("MATCH", 20, True), ("MATCH", 16, False), ("NO_MATCH", 20, False), ("CONTINUE", 20, False)],
)
def test_an_oversize_body_is_handled_as_told(handling: str, kilobytes: int, *, is_match: bool) -> None:
    """Above 16 KB the rule matches, or not, or looks at what it sees; the needle lies at the end, out of sight."""
    statement = byte_match("x", "CONTAINS", {"Body": {"OversizeHandling": handling}})
    body = b" " * (kilobytes * KB)
    assert is_blocked(statement, body=body) is is_match
    assert is_blocked(statement, body=body[:-1] + b"x") is (is_match or kilobytes == 16)


def test_no_match_leaves_an_oversize_body_alone_even_if_it_holds_the_needle() -> None:
    """NO_MATCH is a verdict, not a look at the first 16 KB."""
    field = {"Body": {"OversizeHandling": "NO_MATCH"}}
    assert not is_blocked(byte_match("x", "CONTAINS", field), body=b"x" * (20 * KB))


def test_the_web_acl_may_raise_the_body_limit() -> None:
    """AssociationConfig lets AWS WAF see up to 64 KB behind API Gateway; other resources' limits say nothing here."""
    config = {"RequestBody": {"API_GATEWAY": {"DefaultSizeInspectionLimit": "KB_32"}}}
    statement, body = byte_match("x", "CONTAINS", {"Body": {}}), b" " * (20 * KB) + b"x"
    assert is_blocked(statement, {"AssociationConfig": config}, body=body)
    other = {"RequestBody": {"CLOUDFRONT": {"DefaultSizeInspectionLimit": "KB_64"}}}
    assert not is_blocked(statement, {"AssociationConfig": other}, body=body)


@pytest.mark.parametrize(
    ("field", "is_match"),
    [
        (headers(scope="KEY"), True),
        (headers(scope="VALUE"), False),
        (headers(scope="ALL"), True),
        (headers(scope="KEY", pattern={"IncludedHeaders": ["Cookie"]}), False),
        (headers(scope="KEY", pattern={"ExcludedHeaders": ["cookie"]}), True),
        (headers(scope="KEY", pattern={"ExcludedHeaders": ["User-Agent"]}), False),
    ],
)
def test_headers_are_inspected_by_name_or_value_as_told(field: Mapping[str, Any], *, is_match: bool) -> None:
    """MatchScope chooses names, values or both; MatchPattern chooses the headers."""
    assert is_blocked(byte_match("agent", "CONTAINS", field), headers={"user-agent": "x"}) is is_match


def test_only_the_included_headers_are_inspected() -> None:
    """A value in another header does not match."""
    statement = byte_match("bad", "CONTAINS", headers(scope="VALUE", pattern={"IncludedHeaders": ["cookie"]}))
    assert not is_blocked(statement, headers={"user-agent": "bad", "cookie": "good"})
    assert is_blocked(statement, headers={"user-agent": "good", "cookie": "bad"})


@pytest.mark.parametrize(
    "many", [{f"x-{n}": "v" for n in range(201)}, {"x-big": "v" * (8 * KB)}], ids=["count", "bytes"]
)
def test_oversize_headers_are_handled_as_told(many: Mapping[str, str]) -> None:
    """More than 200 headers or 8 KB of them are oversize; 200 small ones are not."""
    statement = byte_match("none", "CONTAINS", headers(scope="ALL", oversize="MATCH"))
    assert is_blocked(statement, headers=many)
    assert not is_blocked(statement, headers={f"x-{n}": "v" for n in range(200)})
    assert not is_blocked(byte_match("none", "CONTAINS", headers(scope="ALL")), headers=many)


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ({"SingleHeader": {"Name": "user-agent"}}, {"headers": {"user-agent": "a\udcffb"}}),
        (headers(scope="VALUE"), {"headers": {"user-agent": "a\udcffb"}}),
        ({"UriPath": {}}, {"path": "/a\udcffb"}),
        ({"QueryString": {}}, {"query": "a\udcffb"}),
        ({"AllQueryArguments": {}}, {"query": "x=a\udcffb"}),
        ({"SingleQueryArgument": {"Name": "x"}}, {"query": "y=1&X=a%FFb"}),
    ],
)
def test_bytes_that_are_no_text_are_inspected_as_sent(field: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
    """What the web server could not decode is compared byte for byte."""
    statement = byte_match("", "CONTAINS", field)
    statement["ByteMatchStatement"]["SearchString"] = b"a\xffb"
    assert is_blocked(statement, **fields)
