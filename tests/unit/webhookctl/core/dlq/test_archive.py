"""Files of dead letters: what is written comes back the same, and what is damaged is named."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes_dlq import FakeQueue, World
from webhookctl.core.dlq.archive import Archive, check_file, import_file
from webhookctl.core.dlq.dead_letter import Attribute, DeadLetter
from webhookctl.errors import UsageError

LINE = {"v": 1, "message": {"body": "b", "attributes": {"n": {"type": "Number", "text": "7"}}}}


def _file(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "letters.jsonl"
    path.write_text("".join(lines))
    return path


def test_attributes_keep_their_types_through_a_file(tmp_path: Path) -> None:
    """Text, number with a label, bytes."""
    queue = FakeQueue(World())
    queue.add("stripe:evt_1")
    attributes = {
        "a": Attribute("String", "x"),
        "b": Attribute("Number.cents", "7"),
        "c": Attribute("Binary", b"\x00\xff"),
    }
    (message,) = queue.receive(limit=1, visibility_s=1, wait_s=0)
    message = replace(message, attributes=attributes)
    with Archive(tmp_path / "x", has_payloads=False) as archive:
        archive.add([DeadLetter(message=message, webhook=None, event=None)])
    import_file(tmp_path / "x", queue)
    assert queue.sent[0].attributes == attributes


@pytest.mark.parametrize(
    "message",
    [
        {"body": None},
        {"body": {"webhookId": "x"}},
        {"body": "\ud800"},
        {"body": "b", "trace_header": 5},
        {"body": "b", "attributes": {"n": "text"}},
        {"body": "b", "attributes": {"n": {"type": "Binary", "base64": "?"}}},
        {},
    ],
)
def test_a_line_that_is_none_is_named_before_anything_is_sent(tmp_path: Path, message: dict[str, object]) -> None:
    """By its number: nothing is made up for it."""
    path = _file(tmp_path, json.dumps(LINE), "\n", json.dumps({"v": 1, "message": message}), "\n")
    with pytest.raises(UsageError, match="line 2: not a line of an export"):
        check_file(path)


@pytest.mark.parametrize("text", ["[" * 100_000 + "\n", '{"v":99,"message":{"body":"b"}}\n', ""])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    """Too deep, of another version, empty."""
    with pytest.raises(UsageError):
        check_file(_file(tmp_path, text))


def test_a_last_line_that_was_not_written_whole_is_left_out(tmp_path: Path) -> None:
    """A purge was killed while it wrote: that message is still in the queue."""
    path = _file(tmp_path, json.dumps(LINE), "\n", json.dumps(LINE), "\n", json.dumps(LINE)[:20])
    check_file(path)
    queue = FakeQueue(World())
    report = import_file(path, queue)
    assert (report.imported, report.torn_line, len(queue.sent)) == (2, 3, 2)


def test_refused_messages_are_named(tmp_path: Path) -> None:
    """Which line, and why: the good ones need not come a second time."""
    queue = FakeQueue(World())
    queue.refuses_sends = {"2"}
    report = import_file(_file(tmp_path, *[json.dumps(LINE) + "\n"] * 3), queue)
    assert (report.imported, report.failed) == (2, 1)
    assert report.refused[0].startswith("line 2: ")
