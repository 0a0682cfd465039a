"""Printed requests: a command that works when pasted."""

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.fakes_sender import NOW, SQUARE_URL, at, secret_of
from webhookctl.core.samples.ids import IdSource
from webhookctl.core.send.compose import Recipe, compose
from webhookctl.core.send.print import Form, as_text
from webhookctl.core.send.request import Outgoing, Target, sign

CURL_THAT_TELLS = 'curl() { printf "%s\\0" "$@"; printf "\\0stdin\\0"; cat; }; '
"""A function in curl's place: it prints its arguments, then what is piped into it."""


def outgoing(body: bytes | None = None) -> Outgoing:
    item = compose(Recipe(provider="stripe", body=body), ids=IdSource(1), now=at(NOW))
    return sign(item, Target(url=SQUARE_URL, secret=secret_of("stripe")), at=NOW)


def pasted(command: str, folder: Path) -> tuple[list[str], bytes]:
    script = folder / "pasted.sh"
    script.write_text(CURL_THAT_TELLS + command)
    done = subprocess.run(["/bin/sh", script], capture_output=True, check=True, stdin=subprocess.DEVNULL)
    words, _, piped = done.stdout.partition(b"\0\0stdin\0")
    return [word.decode() for word in words.split(b"\0")], piped


@pytest.mark.parametrize("body", [None, b"{}", b"it's 100% $HOME `x` \\n \xc3\xa9\n", b"@file"])
def test_the_command_sends_the_signed_bytes(body: bytes | None, tmp_path: Path) -> None:
    """A shell hands curl exactly the body and the headers that were signed."""
    request = outgoing(body)
    words, _ = pasted(as_text(request, Form.CURL).decode(), tmp_path)
    assert words[words.index("--data-raw") + 1].encode() == request.body
    assert SQUARE_URL in words
    assert {f"{k}: {v}" for k, v in request.headers.items()} <= set(words)


@pytest.mark.parametrize("body", [b"\x00\xff\xfe'\\%s\n", bytes(range(256)) * 5, b"x" * 150_000])
def test_bytes_that_no_word_can_hold_are_piped(body: bytes, tmp_path: Path) -> None:
    """Binary and huge bodies go through stdin, byte for byte."""
    request = outgoing(body)
    words, piped = pasted(as_text(request, Form.CURL).decode(), tmp_path)
    assert piped == body
    assert words[-2:] == ["--data-binary", "@-"]


def test_headers_and_body_can_be_printed_alone() -> None:
    """Headers one a line; the body as it is, without a line break of ours."""
    request = outgoing()
    assert b"stripe-signature: t=" in as_text(request, Form.HEADERS)
    assert json.loads(as_text(request, Form.BODY))["object"] == "event"
    assert as_text(request, Form.BODY) == request.body


def test_the_command_can_be_split_into_words() -> None:
    """It is one command, with its line breaks escaped."""
    assert shlex.split(as_text(outgoing(b"{}"), Form.CURL).decode().replace("\\\n", ""))[0] == "curl"
