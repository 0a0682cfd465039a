"""The verdict on the locked dependencies: what is known to be vulnerable, and what could not be looked up."""

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[3] / ".ci" / "audit_dependencies.py"
GOOD = {"name": "good", "version": "1", "vulns": []}
BAD = {"name": "bad", "version": "2", "vulns": [{"id": "CVE-2026-1"}]}
UNKNOWN = {"name": "dark", "skip_reason": "no connection"}

Judge = Callable[[list[dict[str, Any]]], int]


@pytest.fixture(scope="module")
def judge() -> Judge:
    """Return the script's own verdict."""
    found: Judge = runpy.run_path(str(SCRIPT))["judge"]
    return found


def test_a_known_vulnerability_fails(judge: Judge, capsys: pytest.CaptureFixture[str]) -> None:
    """With the package and the id."""
    assert judge([GOOD, BAD]) == 1
    assert "FAILED bad 2: CVE-2026-1" in capsys.readouterr().out


def test_without_a_database_it_says_that_nothing_was_audited(judge: Judge, capsys: pytest.CaptureFixture[str]) -> None:
    """Never "0 vulnerable", which would read as a clean bill."""
    assert judge([UNKNOWN, UNKNOWN]) == 0
    told = capsys.readouterr().out
    assert told.startswith("NOT AUDITED: none of 2 packages")
    assert "no connection" in told
    assert "vulnerable\n" not in told


def test_what_could_not_be_looked_up_is_named(judge: Judge, capsys: pytest.CaptureFixture[str]) -> None:
    """A part of the lock that is in the dark is told beside the rest's verdict."""
    assert judge([GOOD, UNKNOWN]) == 0
    assert capsys.readouterr().out == "NOT AUDITED: dark\n1 packages looked up, 0 vulnerable\n"
