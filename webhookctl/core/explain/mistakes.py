"""The known mistakes that make a genuine webhook fail verification, each as a way to undo it."""

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

from lambdas.shared.providers.base import Key, ProviderSecret
from lambdas.shared.webhook import WebhookRequest

SIMULATOR_WEBHOOK_ID = "WEBHOOK_ID"
"""What PayPal's public webhook simulator signs with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A request and a secret as they would be without the mistake."""

    request: WebhookRequest
    secret: ProviderSecret


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """A mistake: its name, what to do about it, and how it may be undone."""

    name: str
    advice: str
    undo: Callable[[Attempt], Iterator[Attempt]]


class RawKey(str):
    """A key whose bytes are no text: what its text form decodes to. Sign and verify take a key's bytes by `encode`."""

    __slots__ = ("_raw",)

    def __new__(cls, raw: bytes) -> Self:
        """Keep the bytes beside a text that is not empty."""
        made = super().__new__(cls, raw.hex() or "0")
        made._raw = raw
        return made

    _raw: bytes

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """Return the bytes."""
        del encoding, errors
        return self._raw


def mistakes(*, other_keys: Sequence[str] = (), other_urls: Sequence[str] = ()) -> tuple[Mistake, ...]:
    """Return every known mistake. `other_keys` and `other_urls` are what the operator suspects besides."""
    return (
        *_BODY,
        *_HEADERS,
        *_KEYS,
        Mistake(
            name="another key",
            advice="it was signed with one of the other keys given: an old secret, or another endpoint's",
            undo=lambda a: (_with_keys(a, [value]) for value in other_keys),
        ),
        Mistake(
            name="another notification URL",
            advice="the sender signs another URL: set it exactly as the provider's console shows it",
            undo=lambda a: (_with_url(a, url) for url in _urls(a, other_urls)),
        ),
    )


_LAYOUTS: tuple[dict[str, Any], ...] = tuple(
    {"indent": indent, "separators": separators, "ensure_ascii": is_ascii, "sort_keys": is_sorted}
    for indent, separators in ((None, (",", ":")), (None, (", ", ": ")), (2, None), (4, None))
    for is_ascii in (False, True)
    for is_sorted in (False, True)
)


def _bodies(*undo: Callable[[bytes], Iterator[bytes]]) -> Callable[[Attempt], Iterator[Attempt]]:
    def attempts(attempt: Attempt) -> Iterator[Attempt]:
        for way in undo:
            for body in way(attempt.request.body):
                if body and body != attempt.request.body:
                    yield replace(attempt, request=replace(attempt.request, body=body))

    return attempts


def _reserialised(body: bytes) -> Iterator[bytes]:
    """Write the JSON as the providers and the usual libraries do: dense, spaced, indented, escaped, sorted."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return
    for layout in _LAYOUTS:
        text = json.dumps(data, **layout)
        for written in (text, text.replace("/", "\\/")):  # the latter is PHP's
            yield from (encoded := written.encode("utf-8", "replace"), encoded + b"\n")


def _line_breaks(body: bytes) -> Iterator[bytes]:
    yield from (body + b"\n", body + b"\r\n", body.removesuffix(b"\n"), body.rstrip(b"\r\n"), body.strip())
    yield from (body.replace(b"\r\n", b"\n"), body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


def _byte_order_mark(body: bytes) -> Iterator[bytes]:
    yield from (body.removeprefix(b"\xef\xbb\xbf"), b"\xef\xbb\xbf" + body)


def _base64(body: bytes) -> Iterator[bytes]:
    try:
        yield base64.b64decode(b"".join(body.split()), validate=True)  # tools break its lines, or end it with one
    except (binascii.Error, ValueError):
        return


def _charset(body: bytes) -> Iterator[bytes]:
    for decoded_as, encoded_as in (
        ("utf-8", "latin-1"),
        ("latin-1", "utf-8"),
        ("utf-8", "cp1252"),
        ("utf-16", "utf-8"),
    ):
        try:
            yield body.decode(decoded_as).encode(encoded_as)
        except UnicodeError:
            continue


def _quoted(body: bytes) -> Iterator[bytes]:
    try:
        text = json.loads(body)
    except (ValueError, RecursionError):
        return
    if isinstance(text, str):
        yield text.encode("utf-8", "surrogatepass")


_BODY = (
    Mistake(
        name="line breaks changed",
        advice="a line break was added, taken off or converted on the way: keep the body's bytes as they arrive",
        undo=_bodies(_line_breaks),
    ),
    Mistake(
        name="body in base64",
        advice="the body is still base64: decode it (API Gateway says isBase64Encoded) before verifying",
        undo=_bodies(_base64),
    ),
    Mistake(name="byte order mark", advice="a byte order mark was added or removed", undo=_bodies(_byte_order_mark)),
    Mistake(
        name="re-serialised JSON",
        advice="the body was parsed and written again: verify the raw bytes, before any JSON parser",
        undo=_bodies(_reserialised),
    ),
    Mistake(
        name="character set",
        advice="the body was decoded and encoded with another character set: keep it as bytes",
        undo=_bodies(_charset),
    ),
    Mistake(name="quoted body", advice="the body was wrapped into a JSON string: unwrap it", undo=_bodies(_quoted)),
)


def _with_headers(change: Callable[[str], str]) -> Callable[[Attempt], Iterator[Attempt]]:
    def attempts(attempt: Attempt) -> Iterator[Attempt]:
        changed = {name: change(value) for name, value in attempt.request.headers.items()}
        if changed != attempt.request.headers:
            yield replace(attempt, request=replace(attempt.request, headers=changed))

    return attempts


_HEADERS = (
    Mistake(
        name="quotes or spaces in a header",
        advice="header values were quoted or padded: hand them on as they arrive",
        undo=_with_headers(lambda value: value.replace(", ", ",").strip("\"' ")),
    ),
    Mistake(
        name="upper-case signature",
        advice="the hexadecimal signature was written in upper case: hand it on as it arrives",
        undo=_with_headers(str.lower),
    ),
)


def _with_keys(attempt: Attempt, values: Sequence[str]) -> Attempt:
    keys = tuple(Key(id=f"other-{number}", value=value) for number, value in enumerate(values, start=1) if value)
    return replace(attempt, secret=replace(attempt.secret, keys=keys or attempt.secret.keys))


def _each_key(*change: Callable[[str], str | None]) -> Callable[[Attempt], Iterator[Attempt]]:
    def attempts(attempt: Attempt) -> Iterator[Attempt]:
        for way in change:
            changed = [value for key in attempt.secret.keys if (value := way(key.value)) and value != key.value]
            if changed:
                yield _with_keys(attempt, changed)

    return attempts


def _decoded(prefix: str) -> Callable[[str], str | None]:
    def decode(value: str) -> str | None:
        text = value.removeprefix(prefix)
        try:
            return RawKey(base64.b64decode(text + "=" * (-len(text) % 4), validate=True))
        except (binascii.Error, ValueError):
            return None

    return decode


def _unhexed(value: str) -> str | None:
    try:
        return RawKey(bytes.fromhex(value.removeprefix("whsec_")))
    except ValueError:
        return None


_KEYS = (
    Mistake(
        name="decoded key",
        advice="the key was decoded before use: use its text as it is shown, prefix included",
        undo=_each_key(_decoded("whsec_"), _decoded(""), _unhexed),
    ),
    Mistake(
        name="key without its prefix",
        advice="the key was used without 'whsec_': it is part of the key",
        undo=_each_key(lambda value: value.removeprefix("whsec_"), lambda value: f"whsec_{value}"),
    ),
    Mistake(
        name="white space around the key",
        advice="the stored key has white space around it, or the sender's has: store it without",
        undo=_each_key(str.strip, lambda value: f"{value}\n", lambda value: f"{value}\r\n", lambda value: f" {value}"),
    ),
    Mistake(
        name="PayPal's simulator",
        advice="PayPal's simulator signs with the webhook id WEBHOOK_ID: such events prove nothing, refuse them",
        undo=lambda a: iter([_with_keys(a, [SIMULATOR_WEBHOOK_ID])]),
    ),
)


def _with_url(attempt: Attempt, url: str) -> Attempt:
    extra: Mapping[str, object] = {**attempt.secret.extra, "notificationUrl": url}
    return replace(attempt, secret=replace(attempt.secret, extra=extra))


def _urls(attempt: Attempt, others: Sequence[str]) -> Iterator[str]:
    """Yield the URL with http or https, with and without a trailing slash, port, query and stage."""
    configured = attempt.secret.extra.get("notificationUrl")
    bases = dict.fromkeys([*others, *([configured] if isinstance(configured, str) else [])])
    seen = {configured}
    for url in bases:
        for candidate in _variants(url):
            if candidate not in seen:
                seen.add(candidate)
                yield candidate


def _variants(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        yield url
        return
    hosts = dict.fromkeys([parts.netloc, parts.netloc.lower(), parts.hostname or "", f"{parts.hostname}:443"])
    path = parts.path.rstrip("/")
    stages = dict.fromkeys([path, "/" + path.lstrip("/").partition("/")[2], f"/prod{path}"])
    for host in hosts:
        for stage in stages:
            for scheme in ("https", "http"):
                for ending in ("", "/"):
                    yield urlunsplit((scheme, host, stage + ending, parts.query, ""))
                    yield urlunsplit((scheme, host, stage + ending, "", ""))
