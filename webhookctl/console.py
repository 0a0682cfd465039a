"""The two voices of the CLI: data on stdout, talk on stderr."""

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from webhookctl.errors import CancelledError, WebhookctlError

_STYLES: Final[Mapping[str, str]] = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "bold": "1", "dim": "2"}
_OURS: Final = "|".join(["0", *_STYLES.values()])
_CONTROL: Final = re.compile(
    rf"\x1b(?!\[(?:{_OURS})(?:;(?:{_OURS}))*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
)
"""What would move a terminal's cursor, clear it or turn its text around; all but line breaks and our own colours."""
_ERASE_LINE: Final = "\r\x1b[K"


def printable(text: str) -> str:
    """Return text with its control characters spelled out as JSON does it, escape as u001b after a backslash.

    Strangers write a good part of what is shown: queue messages, error texts, ids, headers.
    """
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


@dataclass(slots=True, kw_only=True)
class Console:
    """Where an invocation writes and asks. stdout carries data only, so that it can be piped at any time.

    Whatever it prints is `printable`, but for bytes that are asked for as they are and files.
    """

    is_quiet: bool = False
    is_verbose: bool = False
    takes_input: bool = True
    is_colourless: bool = False
    is_json: bool = False

    def write(self, line: str) -> None:
        """Print one line of data on stdout at once."""
        sys.stdout.write(printable(line) + "\n")
        sys.stdout.flush()

    def write_lines(self, lines: Iterable[str], path: Path | None = None) -> int:
        """Print many lines of data, buffered, on stdout or into a file; return how many."""
        count = 0
        with path.open("w", encoding="utf-8") if path else nullcontext(sys.stdout) as stream:
            for line in lines:
                stream.write((line if path else printable(line)) + "\n")
                count += 1
            stream.flush()
        return count

    def redraw(self, screens: Iterable[Sequence[str]]) -> None:
        """Show screen after screen in the same place, on the terminal's other page, until Ctrl-C."""
        sys.stdout.write("\x1b[?1049h\x1b[?25l")
        try:
            for lines in screens:
                height = shutil.get_terminal_size().lines
                sys.stdout.write(
                    "\x1b[H" + "".join(f"{printable(line)}\x1b[K\n" for line in lines[: height - 1]) + "\x1b[J"
                )
                sys.stdout.flush()
        finally:
            sys.stdout.write("\x1b[?25h\x1b[?1049l")
            sys.stdout.flush()

    def write_bytes(self, data: bytes) -> None:
        """Print bytes on stdout exactly as they are."""
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def say(self, message: str) -> None:
        """Tell the operator something on stderr."""
        if not self.is_quiet:
            self._tell(message)

    def warn(self, message: str) -> None:
        """Tell the operator something that must not be missed, even when quiet."""
        self._tell(self.style_talk("warning: ", "yellow") + message)

    def detail(self, message: str) -> None:
        """Tell more on stderr, under --verbose only."""
        if self.is_verbose:
            self.say(self.style_talk(message, "dim"))

    def fail(self, error: WebhookctlError) -> None:
        """Report an error on stderr: two lines for a person, one JSON object under -o json and jsonl."""
        if self.is_json:
            body = {"code": error.code, "message": error.message, "hint": error.hint, "exit_code": error.exit_code}
            self._tell(json.dumps({"error": body}))
            return
        self._tell(self.style_talk("error: ", "red") + error.message)
        if error.hint:
            self._tell(self.style_talk("hint:  ", "cyan") + error.hint)

    def confirm(self, question: str) -> None:
        """Ask for a yes on the terminal. Raises CancelledError on anything else, or when nobody can be asked."""
        if not self.can_ask:
            raise CancelledError(f"not confirmed: {question}", hint="add --yes to confirm without a terminal")
        if self._ask(f"{question} [y/N] ").lower() not in ("y", "yes"):
            raise CancelledError("cancelled")

    def confirm_name(self, question: str, name: str) -> None:
        """Ask for `name` to be typed. Raises CancelledError on anything else, or when nobody can be asked."""
        if not self.can_ask:
            raise CancelledError(f"not confirmed: {question}", hint=f"add --confirm {name} to confirm in a script")
        if self._ask(f"{question} Type {name!r} to go on: ") != name:
            raise CancelledError("cancelled: the name does not match")

    @property
    def can_ask(self) -> bool:
        """Whether a person can be asked: a terminal on both sides, and not --no-input."""
        return self.takes_input and sys.stdin.isatty() and sys.stderr.isatty()

    @contextmanager
    def progress(self, label: str) -> Iterator["Progress"]:
        """Show what is being waited for on one line of stderr, only on a terminal; the line goes when it ends."""
        shown = Progress(label, sys.stderr if self._draws_progress else None)
        shown.update("")
        try:
            yield shown
        finally:
            shown.clear()

    def style(self, text: str, *styles: str, stream: TextIO | None = None) -> str:
        """Return `text` in colour where `stream` (default: stdout) is a terminal that wants colour."""
        if not self._has_colour(stream or sys.stdout):
            return text
        return f"\x1b[{';'.join(_STYLES[s] for s in styles)}m{text}\x1b[0m"

    def style_talk(self, text: str, *styles: str) -> str:
        """Return `text` in colour where stderr is a terminal that wants colour."""
        return self.style(text, *styles, stream=sys.stderr)

    @property
    def width(self) -> int | None:
        """The columns of the terminal behind stdout; None when stdout is not one (then nothing is cut off)."""
        return shutil.get_terminal_size().columns if sys.stdout.isatty() else None

    @property
    def _draws_progress(self) -> bool:
        return not self.is_quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def _has_colour(self, stream: TextIO) -> bool:
        if self.is_colourless or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
            return False
        return stream.isatty()

    def _tell(self, line: str) -> None:
        print(printable(line), file=sys.stderr, flush=True)  # noqa: T201 - the terminal is this module's job

    def _ask(self, prompt: str) -> str:
        sys.stderr.write(prompt)
        sys.stderr.flush()
        return sys.stdin.readline().strip()


class Progress:
    """One line on a terminal that is rewritten in place; silent elsewhere."""

    def __init__(self, label: str, stream: TextIO | None) -> None:
        self._label = label
        self._stream = stream

    def update(self, state: str) -> None:
        """Replace what the line says after its label."""
        if self._stream is not None:
            line = printable(f"{self._label} {state}").rstrip()[: shutil.get_terminal_size().columns - 1]
            self._stream.write(_ERASE_LINE + line)
            self._stream.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._stream is not None:
            self._stream.write(_ERASE_LINE)
            self._stream.flush()
