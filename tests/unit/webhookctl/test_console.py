"""What reaches the terminal, whoever wrote it."""

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookctl.console import Console, printable
from webhookctl.errors import UsageError

NASTY = "ok\x1b[2J\x1b[31m\x07\r\x9b5A\u202eexe"


def test_control_characters_are_spelled_out_and_our_colours_stay() -> None:
    """Clearing, ringing, moving and turning round are text; a colour ends at the line's own reset."""
    assert printable(NASTY) == "ok\\u001b[2J\x1b[31m\\u0007\\u000d\\u009b5A\\u202eexe"
    assert printable("\x1b[1;36mcyan\x1b[0m\tand\nnext") == "\x1b[1;36mcyan\x1b[0m\tand\nnext"
    assert printable("\x1b[8mhidden") == "\\u001b[8mhidden"


@given(st.text())
def test_json_stays_the_same_json(text: str) -> None:
    """Spelled out as JSON spells it."""
    assert json.loads(printable(json.dumps(text, ensure_ascii=False))) == text


@pytest.mark.parametrize("voice", ["write", "say", "warn", "fail", "write_lines", "redraw"])
def test_no_voice_lets_a_stranger_s_text_act_on_the_terminal(voice: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Stdout and stderr, data, talk, errors and screens."""
    console = Console()
    said = {"fail": UsageError(NASTY, hint=NASTY), "write_lines": [NASTY], "redraw": [[NASTY]]}.get(voice, NASTY)
    getattr(console, voice)(said)
    sys.stdout.flush()
    told = "".join(capsys.readouterr())
    own = "\x1b[?1049h\x1b[?25l\x1b[H\x1b[K\x1b[J\x1b[?25h\x1b[?1049l" if voice == "redraw" else ""
    assert "ok\\u001b[2J" in told
    assert told.count("\x1b[2J") + told.count("\x07") + told.count("\x9b") == 0
    assert told.count("\x1b") == own.count("\x1b") + told.count("\x1b[31m")
