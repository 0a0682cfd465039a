"""A captured request: from a raw HTTP message, a HAR file, or headers and body apart."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from webhookctl.core.samples import catalogue
from webhookctl.errors import UsageError

_HEADER = re.compile(r"^(?:> )?([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """What arrived: header names in lower case, the body's bytes, and the URL where it is known."""

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    url: str | None = None

    def provider(self) -> str:
        """Return whose signature header is there. Raises UsageError when none or several are."""
        found = [p for p in catalogue.providers() if catalogue.vocabulary(p).signature_header in self.headers]
        if len(found) != 1:
            which = "no provider's" if not found else f"the signature headers of {' and '.join(found)}, not one"
            raise UsageError(f"the request has {which} signature header", hint="name the provider")
        return found[0]


def from_message(raw: bytes) -> Captured:
    """Read an HTTP/1.1 message: request line, headers, an empty line, the body byte for byte."""
    head, separator, body = raw.partition(b"\r\n\r\n")
    if not separator or b"\n\n" in head:
        head, separator, body = raw.partition(b"\n\n")
    if not separator:
        raise UsageError(
            "the request has no empty line between headers and body",
            hint="a line 'POST /path HTTP/1.1', the headers, an empty line, the body; or --headers with --body",
        )
    headers = parse_headers(head.decode("latin-1"))
    host = headers.get("host")
    path = head.split(b"\n", 1)[0].split(b" ")[1:2]
    return Captured(
        headers=headers, body=body, url=f"https://{host}{path[0].decode('latin-1')}" if host and path else None
    )


def from_har(text: str, *, entry: int | None = None) -> Captured:
    """Read one request of a HAR file: the entry of that number (from 1), else the only POST.

    Raises UsageError.
    """
    try:
        entries = json.loads(text)["log"]["entries"]
        posts = [e["request"] for e in entries if e["request"]["method"] == "POST"]
        request = entries[entry - 1]["request"] if entry else _only(posts)
        headers = {h["name"].lower(): h["value"] for h in request["headers"]}
        return Captured(headers=headers, body=_har_body(request.get("postData") or {}), url=request.get("url"))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError("this is not a HAR file with such a request", hint="log.entries[].request") from error


def parse_headers(text: str) -> dict[str, str]:
    """Read headers as they stand in a message, in `curl -v` output, or as a JSON object.

    A header that stands twice is joined with a comma, as API Gateway hands it on.
    """
    if text.lstrip().startswith("{"):
        return _json_headers(text)
    headers: dict[str, str] = {}
    for line in text.splitlines():
        if found := _HEADER.match(line):
            name, value = found[1].lower(), found[2]
            headers[name] = f"{headers[name]},{value}" if name in headers else value
    if not headers:
        raise UsageError("there are no headers in it", hint="one 'name: value' a line, or a JSON object")
    return headers


def _json_headers(text: str) -> dict[str, str]:
    try:
        members = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError("the headers are not valid JSON", hint='one "name: value" a line, or a JSON object') from error
    return {str(name).lower(): ",".join(map(str, v)) if isinstance(v, list) else str(v) for name, v in members.items()}


def _only(posts: list[Any]) -> Any:  # noqa: ANN401 - HAR is JSON
    if len(posts) != 1:
        raise UsageError(f"the HAR file has {len(posts)} POST requests", hint="choose one with --entry")
    return posts[0]


def _har_body(data: Mapping[str, Any]) -> bytes:
    text = str(data.get("text", ""))
    if data.get("encoding") == "base64" or data.get("_encoding") == "base64":
        try:
            return base64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise UsageError(
                "the HAR file's body is not base64", hint="save the capture again, or give --body and --headers"
            ) from error
    return text.encode()
