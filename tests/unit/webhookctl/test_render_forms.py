"""The renderer's forms: streams, leaves, queries."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from webhookctl.console import Console
from webhookctl.errors import UsageError
from webhookctl.render import render, to_plain

AT = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    name: str
    at: datetime
    text: str = "x"


def test_nothing_is_said_to_be_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr: stdout stays empty for a script."""
    render([], Console(), output="table")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "(none)\n")


def test_json_lines_stream(capsys: pytest.CaptureFixture[str]) -> None:
    """One object a line, as it comes."""

    def rows() -> Iterator[Row]:
        yield Row("a", AT)
        assert '"name": "a"' in capsys.readouterr().out
        yield Row("b", AT)

    render(rows(), Console(), output="jsonl")
    assert '"name": "b"' in capsys.readouterr().out


def test_leaves_have_one_json_form() -> None:
    """ISO 8601 with Z, seconds, base64, whole numbers where they are whole."""
    assert to_plain({"at": AT, "took": timedelta(minutes=1), "raw": b"a", "n": Decimal(3), "part": Decimal("1.5")}) == {
        "at": "2026-01-02T03:04:05.678Z",
        "took": 60.0,
        "raw": "YQ==",
        "n": 3,
        "part": 1.5,
    }


def test_a_bad_query_is_a_usage_error() -> None:
    """With the expression in the message."""
    with pytest.raises(UsageError, match="is not a JMESPath expression"):
        render({"a": 1}, Console(), output="json", query="[[")
