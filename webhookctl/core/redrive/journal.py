"""The redrive journal: what has been sent, on disk before the dead letter is deleted.

JSON lines. The first is the plan (`begin`), then one `sent` line per message sent and one `end` line per finished run.
A line that a crash cut short is the last one and is ignored. `record` returns when its lines are on the disk; calls
from several threads share one fsync.
"""

import json
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from webhookctl.core.dlq.dead_letter import DeadLetter
from webhookctl.core.redrive.described import text, whole
from webhookctl.core.redrive.plan import RedrivePlan
from webhookctl.errors import UsageError, WebhookctlError

_VERSION: Final = 1
_START_ANEW: Final = "start without --resume: the guard leaves out what was sent and is on its way or processed"

if sys.platform != "win32":
    import fcntl


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One dead letter whose replacement is in the processing queue.

    `seq` is the webhook's sequence number before the send: a FAILED with a higher one is a new failure. `new_id` is the
    id of the message that was sent.
    """

    message_id: str
    webhook_id: str
    seq: int
    new_id: str

    @classmethod
    def of(cls, letter: DeadLetter, *, new_id: str) -> Self:
        """Return the record of a dead letter that was sent."""
        return cls(
            message_id=letter.message.message_id,
            webhook_id=letter.message.webhook_id or "",
            seq=letter.webhook.seq if letter.webhook is not None else 0,
            new_id=new_id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What a journal says happened before: its plan and what was sent.

    `is_closed`: its last run ended in an orderly way, so it hides no message any more. A killed one may.
    """

    plan: RedrivePlan
    sent: Sequence[Sent]
    is_closed: bool


class Journal:
    """An append-only journal file, held by one process at a time."""

    def __init__(self, path: Path, *, past: Past | None = None) -> None:
        self.path = path
        self.past = past
        self._file = path.open("ab")
        self._lock = threading.Condition()
        self._pending: list[bytes] = []
        self._written = 0
        self._durable = 0
        self._is_flushing = False
        self._is_broken = False
        _hold(self._file.fileno(), path)
        _end_torn_line(path, self._file.fileno())

    @classmethod
    def create(cls, path: Path, plan: Mapping[str, Any]) -> Self:
        """Start a journal. Raises UsageError when the file holds one: another redrive's is never overwritten."""
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        if b"\n" in path.read_bytes():
            raise UsageError(f"the journal {path} exists already", hint="continue it with --resume, or name a new file")
        journal = cls(path)
        journal.record([{"op": "begin", "v": _VERSION, **plan}])
        _sync_directory(path.parent)
        return journal

    @classmethod
    def resume(cls, path: Path) -> Self:
        """Open the journal of an interrupted redrive. Raises UsageError when it is not one."""
        return cls(path, past=read(path))

    def record(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Append lines and return once they are on the disk (fsync, shared by the threads that wait for one).

        Raises WebhookctlError when the disk refuses: then nothing that depends on the lines may be done.
        """
        encoded = [json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines]
        with self._lock:
            self._pending += encoded
            self._written += len(encoded)
            mine = self._written
            while self._durable < mine:
                if self._is_broken:
                    raise WebhookctlError(f"the journal {self.path} cannot be written", hint="is the disk full?")
                if self._is_flushing:
                    self._lock.wait()
                else:
                    self._flush()

    def sent(self, entries: Sequence[Sent]) -> None:
        """Record that these dead letters' replacements are in the processing queue."""
        self.record([{"op": "sent", "m": e.message_id, "w": e.webhook_id, "s": e.seq, "n": e.new_id} for e in entries])

    def end(self, outcome: str) -> None:
        """Record that the run ended."""
        self.record([{"op": "end", "outcome": outcome}])

    def close(self) -> None:
        """Close the file and let go of it."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _flush(self) -> None:
        """Write and fsync all pending lines with the lock released. The lock is held on entry and on exit."""
        lines, self._pending = self._pending, []
        target = self._written
        self._is_flushing = True
        self._lock.release()
        try:
            self._file.write(b"".join(lines))
            self._file.flush()
            os.fsync(self._file.fileno())
            is_durable = True
        except OSError:
            is_durable = False
        finally:
            self._lock.acquire()
            self._is_flushing = False
            self._lock.notify_all()
        self._is_broken = not is_durable
        self._durable = target if is_durable else self._durable


def read(path: Path) -> Past:
    """Read a journal. Raises UsageError when the file is missing, is not a redrive journal, or is a damaged one."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"the journal {path} cannot be read: {error.strerror}", hint="the redrive printed where its journal is"
        ) from error
    parsed = ((number, _parse(line)) for number, line in enumerate(raw.split(b"\n"), start=1))
    lines = [(number, line) for number, line in parsed if line is not None]
    first = lines[0][1] if lines else None
    if not isinstance(first, dict) or first.get("op") != "begin":
        raise UsageError(f"{path} is not the journal of a redrive that sent anything", hint="start without --resume")
    number = lines[0][0]
    try:
        plan = _plan(first)
        sent: list[Sent] = []
        op = "begin"
        for number, line in lines[1:]:  # noqa: B007 - the refusal names it
            op = _op(line)
            sent += [_sent(line)] if op == "sent" else []
    except UsageError as error:
        raise UsageError(f"{path}, line {number}: {error.message}", hint=_START_ANEW) from error
    return Past(plan=plan, sent=sent, is_closed=op == "end")


def _parse(line: bytes) -> Any:  # noqa: ANN401 - any JSON
    """Return what a line says; None for a torn one, which is never JSON: an object's last byte closes it."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _op(line: object) -> str:
    op = line.get("op") if isinstance(line, dict) else None
    if op not in ("begin", "sent", "end"):
        raise UsageError("not a line of a journal")
    return str(op)


def _plan(line: Mapping[str, Any]) -> RedrivePlan:
    described = dict(line)
    described.pop("op")
    version = described.pop("v", None)
    if version != _VERSION or isinstance(version, bool):
        raise UsageError(f"unknown version {version!r}: another version of webhookctl wrote it")
    return RedrivePlan.from_description(described)


def _sent(line: Mapping[str, Any]) -> Sent:
    try:
        return Sent(
            message_id=text(line["m"]),
            webhook_id=text(line["w"]),
            seq=whole(line["s"]),
            new_id=text(line.get("n", "")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError("not the record of a message that was sent") from error


def _hold(descriptor: int, path: Path) -> None:
    """Lock the journal against a second process. Windows has no flock: there it is the operator's care."""
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(f"another redrive is writing to the journal {path}", hint="wait for its end") from error


def _end_torn_line(path: Path, descriptor: int) -> None:
    """End a last line that a crash cut short, so that the next line stands alone."""
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            os.write(descriptor, b"\n")


def _sync_directory(folder: Path) -> None:
    """Make a new file's name itself durable."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # pragma: no cover - Windows cannot open folders
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
