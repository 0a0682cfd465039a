"""Files that the operator names: one way to say what keeps them from being read."""

from collections.abc import Callable
from pathlib import Path

import pytest

from webhookctl.core.audit.export import ExportedLog
from webhookctl.core.audit.proof import BEGINNING
from webhookctl.core.audit.records import AuditFilter
from webhookctl.core.operator_file import read_text
from webhookctl.core.scenario.file import read as read_scenario
from webhookctl.errors import NotFoundError, UsageError


def _exported(path: Path) -> object:
    return list(ExportedLog(path).lines(AuditFilter(), start=BEGINNING))


@pytest.mark.parametrize("read", [read_text, _exported, read_scenario])
def test_a_file_that_is_missing_is_not_found_and_one_that_cannot_be_read_is_a_mistake(
    read: Callable[[Path], object], tmp_path: Path
) -> None:
    """Exit 5 and exit 2, in words, never the operating system's number."""
    with pytest.raises(NotFoundError, match="there is no such file"):
        read(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="Is a directory") as caught:
        read(tmp_path)
    assert "Errno" not in str(caught.value)
    assert caught.value.hint
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="not text in UTF-8"):
        read(tmp_path / "bytes")


def test_a_relative_path_that_is_missing_is_told_with_where_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mistake is often the folder."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFoundError) as caught:
        read_text(Path("nowhere"))
    assert caught.value.hint == f"relative paths start in {tmp_path}"
