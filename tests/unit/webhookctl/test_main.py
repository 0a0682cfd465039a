"""The console script's own few lines."""

import sys
from types import ModuleType

import pytest

from webhookctl.__main__ import main


class Interrupted(ModuleType):
    """A module whose loading Ctrl-C interrupts."""

    def __getattr__(self, name: str) -> object:
        raise KeyboardInterrupt(name)


def test_ctrl_c_while_loading_is_exit_130_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading takes a good part of a second: whoever changes their mind then sees what they see later."""
    monkeypatch.setitem(sys.modules, "webhookctl.cli", Interrupted("webhookctl.cli"))
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 130
