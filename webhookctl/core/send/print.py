"""A signed request as text: a curl command that works when pasted, its headers, or its body."""

import shlex
from enum import StrEnum

from webhookctl.core.send.request import Outgoing

_INLINE_LIMIT = 100_000  # one argument of a command may be 128 KiB on Linux


class Form(StrEnum):
    """What to print instead of sending."""

    CURL = "curl"
    HEADERS = "headers"
    BODY = "body"


def as_text(outgoing: Outgoing, form: Form) -> bytes:
    """Return the request in that form, ending with a newline, but for a body, whose bytes are all there is."""
    if form is Form.BODY:
        return outgoing.body
    if form is Form.HEADERS:
        return "".join(f"{name}: {value}\n" for name, value in outgoing.headers.items()).encode()
    return _curl(outgoing).encode() + b"\n"


def _curl(outgoing: Outgoing) -> str:
    headers = " \\\n".join(f"  -H {shlex.quote(f'{name}: {value}')}" for name, value in outgoing.headers.items())
    start = f"curl -sS -i -X POST {shlex.quote(outgoing.url)} \\\n{headers} \\\n"
    if _is_plain(outgoing.body):
        return f"{start}  --data-raw {shlex.quote(outgoing.body.decode())}"
    return f"printf '%b' '{_escaped(outgoing.body)}' | {start}  --data-binary @-"


def _is_plain(body: bytes) -> bool:
    """Whether a shell can hold the body as one quoted word."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in body and len(body) < _INLINE_LIMIT


def _escaped(body: bytes) -> str:
    r"""Return the body for printf's `%b`: everything that is not a plain character as `\0ooo`."""
    return "".join(chr(b) if 32 <= b < 127 and b not in b"\\'%" else f"\\0{b:03o}" for b in body)  # noqa: PLR2004
