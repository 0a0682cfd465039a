"""The redrive journal."""

import json
import threading
from pathlib import Path

import pytest

from webhookctl.core.dlq.filter import DeadLetterFilter
from webhookctl.core.redrive.journal import Journal, Sent, read
from webhookctl.core.redrive.plan import Canary, RedrivePlan
from webhookctl.errors import UsageError

PLAN = RedrivePlan(redrive_id="rd-1", environment="test", canary=Canary(size=5), filters=DeadLetterFilter(ids=("a",)))


def sent(number: int) -> Sent:
    return Sent(message_id=f"m{number}", webhook_id=f"w{number}", seq=number, new_id=f"n{number}")


def test_journal_tells_what_was_sent_and_with_which_plan(tmp_path: Path) -> None:
    """What is written is read back, plan included."""
    path = tmp_path / "j.jsonl"
    with Journal.create(path, PLAN.describe()) as journal:
        journal.sent([sent(1), sent(2)])
    past = read(path)
    assert list(past.sent) == [sent(1), sent(2)]
    assert past.plan == PLAN
    assert not past.is_closed


def test_orderly_end_is_known(tmp_path: Path) -> None:
    """After an `end` line nothing is hidden any more."""
    path = tmp_path / "j.jsonl"
    with Journal.create(path, PLAN.describe()) as journal:
        journal.end("interrupt")
    assert read(path).is_closed


def test_torn_last_line_is_ignored_and_ended(tmp_path: Path) -> None:
    """A crash in mid-line costs that line only, also after the resume has written more."""
    path = tmp_path / "j.jsonl"
    with Journal.create(path, PLAN.describe()) as journal:
        journal.sent([sent(1)])
    with path.open("ab") as file:
        file.write(b'{"op":"sent","m":"m2","w"')
    with Journal.resume(path) as journal:
        journal.sent([sent(3)])
    assert list(read(path).sent) == [sent(1), sent(3)]


def test_journal_is_never_overwritten(tmp_path: Path) -> None:
    """A second redrive cannot start on the first one's journal; an empty file is taken."""
    path = tmp_path / "j.jsonl"
    path.touch()
    Journal.create(path, PLAN.describe()).close()
    with pytest.raises(UsageError, match="exists already"):
        Journal.create(path, PLAN.describe())


def test_journal_belongs_to_one_process_at_a_time(tmp_path: Path) -> None:
    """While one redrive writes, no other may."""
    path = tmp_path / "j.jsonl"
    with Journal.create(path, PLAN.describe()), pytest.raises(UsageError, match="another redrive"):
        Journal.resume(path)


@pytest.mark.parametrize("content", ["", "hello\n", '{"op":"sent","m":"m","w":"w","s":1}\n'])
def test_other_files_are_not_journals(tmp_path: Path, content: str) -> None:
    """--resume with some other file is a usage error."""
    path = tmp_path / "j.jsonl"
    path.write_text(content)
    with pytest.raises(UsageError):
        read(path)


BEGIN = {"op": "begin", "v": 1, **PLAN.describe()}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([{"op": "begin"}], "line 1: unknown version None"),
        ([{"op": "begin", "v": 1}], "line 1: the plan has no 'redrive_id'"),
        ([{**BEGIN, "v": 99}], "line 1: unknown version 99"),
        ([{**BEGIN, "limit": "x"}], "line 1: the plan's 'limit' is not one"),
        ([{**BEGIN, "canary": [1]}], "line 1: the plan's 'canary' is not one"),
        ([{**BEGIN, "more": 1}], "line 1: the plan has an unknown 'more'"),
        ([{**BEGIN, "patch": [{"op": []}]}], "line 1: operation 1 of the JSON patch"),
        ([{**BEGIN, "filters": {"colour": "red"}}], "line 1: unknown filter 'colour'"),
        ([{**BEGIN, "filters": {"since": 5}}], "line 1: the filter 'since' cannot be '5'"),
        ([BEGIN, {"op": "sent", "m": "m", "s": 1}], "line 2: not the record of a message"),
        ([BEGIN, []], "line 2: not a line of a journal"),
    ],
)
def test_damaged_journal_is_told_by_its_line(tmp_path: Path, lines: list[object], said: str) -> None:
    """Nothing of a journal that is not wholly understood is carried out."""
    path = tmp_path / "j.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(UsageError) as refused:
        read(path)
    assert f"{path}, {said}" in refused.value.message


def test_threads_share_the_disk_and_lose_no_line(tmp_path: Path) -> None:
    """Every line that `sent` returned for is in the file."""
    path = tmp_path / "j.jsonl"
    with Journal.create(path, PLAN.describe()) as journal:

        def write(first: int) -> None:
            for number in range(first, first + 20):
                journal.sent([sent(number)])

        threads = [threading.Thread(target=write, args=(first,)) for first in range(0, 160, 20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {entry.message_id for entry in read(path).sent} == {f"m{n}" for n in range(160)}
    assert all(json.loads(line) for line in path.read_text().splitlines())
