"""Commands that people are told to type: in the documentation and in the hints of errors."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer

from webhookctl.cli import app, hoisted

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
TELLING = re.compile(
    r"`(?P<inline>(?:webhookctl|make) [^`]+)`|^(?: {4,}|\$ )(?P<block>(?:webhookctl|make) .*)$", re.MULTILINE
)
ENDS = re.compile(r"(?:^|\s)(?:#|\||->|>|<|;|&&|\\$).*")
"""What ends the command's own words: a comment, a pipe, a redirection, the next command."""


TAKES_VALUE = ("-e", "--env", "-o", "--output", "--query", "--profile", "--region")


def told_by_pages() -> Iterator[tuple[str, str]]:
    """Yield (page, command) of everything that is shown as a command."""
    for page in PAGES:
        if page.name == "commands.md":  # made of the commands themselves
            continue
        for found in TELLING.finditer(page.read_text()):
            for told in re.split(r";\s+(?=webhookctl |make )", found["inline"] or found["block"]):
                yield page.name, ENDS.sub("", told).strip()


def told_by_hints() -> Iterator[tuple[str, str]]:
    """Yield (module, command) of every hint that begins with a command; what is filled in reads X."""
    for module in sorted((ROOT / "webhookctl").rglob("*.py")):
        for node in ast.walk(ast.parse(module.read_text())):
            text = _told(node)
            if text is not None and text.startswith("webhookctl "):
                yield module.name, re.split(r"[;,:(]|\s[a-z]+s\s", text)[0].strip()


def _told(node: ast.AST) -> str | None:
    """Return what a hint says, or a remedy of the doctor."""
    if isinstance(node, ast.keyword) and node.arg == "hint":
        return _text(node.value)
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "patient.command":
        return f"webhookctl {_text(node.args[0])}"
    return None


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else "X"


def unknown(told: str) -> str | None:
    """Return the first word that the command line does not know, or None."""
    command: Any = typer.main.get_command(app)
    options, words = set(_options(command)), hoisted(told.split()[1:])
    for before, word in pairwise(["", *words]):
        if word.startswith("-"):
            if word.partition("=")[0] not in options:
                return word
        elif hasattr(command, "get_command") and before not in TAKES_VALUE:
            found = [command.get_command(None, name) for name in word.split("|")]
            if None in found:
                return word
            command = found[0]
            options |= set(_options(command))
    return None


def _options(command: Any) -> Iterator[str]:
    yield from ("-h", "--help")
    for param in command.params:
        yield from (*param.opts, *param.secondary_opts)


@pytest.mark.parametrize(("page", "told"), sorted(set(told_by_pages())))
def test_every_command_that_a_page_shows_exists(page: str, told: str) -> None:
    """Its name and its options; a target of make likewise."""
    del page
    if told.startswith("make "):
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert [word for word in told.split()[1:] if "=" not in word and word not in targets] == []
    else:
        assert unknown(told) is None


@pytest.mark.parametrize(("module", "told"), sorted(set(told_by_hints())))
def test_every_command_that_a_hint_names_exists(module: str, told: str) -> None:
    """An error never sends anyone to a command that is not there."""
    del module
    assert unknown(told) is None


@pytest.mark.parametrize(
    ("told", "word"),
    [
        ("webhookctl -e dev dlq redrve", "redrve"),
        ("webhookctl outputs --since 1h", "--since"),
        ("webhookctl snd", "snd"),
    ],
)
def test_a_command_that_is_not_there_is_found(told: str, word: str) -> None:
    """The search itself is not blind."""
    assert unknown(told) == word
