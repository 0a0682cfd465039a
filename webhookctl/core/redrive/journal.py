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
from typing import Any, Self

from webhookctl.core.dlq.dead_letter import DeadLetter
from webhookctl.errors import UsageError, WebhookctlError

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

    plan: Mapping[str, Any]
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
        journal.record([{"op": "begin", "v": 1, **plan}])
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
    """Read a journal. Raises UsageError when the file is missing or is not a redrive journal."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"the journal {path} cannot be read: {error.strerror}") from error
    lines = [parsed for line in raw.split(b"\n") if (parsed := _parse(line))]
    if not lines or lines[0].get("op") != "begin":
        raise UsageError(f"{path} is not the journal of a redrive that sent anything", hint="start without --resume")
    sent = [_sent(line) for line in lines if line.get("op") == "sent"]
    return Past(plan=lines[0], sent=sent, is_closed=lines[-1].get("op") == "end")


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        parsed = json.loads(line)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


def _sent(line: Mapping[str, Any]) -> Sent:
    return Sent(message_id=str(line["m"]), webhook_id=str(line["w"]), seq=int(line["s"]), new_id=str(line.get("n", "")))


def _hold(descriptor: int, path: Path) -> None:
    """Lock the journal against a second process. Windows has no flock: there it is the operator's care."""
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(f"another redrive is writing to the journal {path}") from error


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
