"""Dead letters in a file: export, import, purge. One JSON object a line.

    {"v": 1, "message": {"id", "body", "sent_at", "receive_count", "trace_header", "attributes"}, "webhook": {...}}

An attribute is `{"type", "text"}` or `{"type", "base64"}`. `webhook` is the table's record without the payload (with
it, base64, where asked for); import needs `message` only.
"""

import base64
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import Enum
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

from webhookctl.core.dlq.dead_letter import Attribute, DeadLetter, OutgoingMessage, Queue
from webhookctl.core.dlq.look import Look
from webhookctl.core.dlq.scan import BATCH, Scan, ScanEnd
from webhookctl.core.operator_file import reading
from webhookctl.errors import UsageError

_VERSION: Final = 1
_WRITTEN_BY: Final = "give a file that webhookctl dlq export or dlq purge wrote"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What went into the file."""

    file: Path
    exported: int
    seen: int
    is_complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What came back into the queue."""

    file: Path
    imported: int
    failed: int
    refused: tuple[str, ...] = ()
    """Which lines the queue refused, and why."""
    torn_line: int | None = None
    """The last line, where it ends in the middle: the purge that wrote it was killed, and kept its message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """What was taken out of the queue. `undeleted` stayed; `file` is None where nothing was to be exported."""

    file: Path | None
    purged: int
    undeleted: int
    seen: int
    is_stopped: bool = False


class Archive:
    """A new file of dead letters, for its owner's eyes only; on the disk whenever `sync` returns."""

    def __init__(self, path: Path, *, has_payloads: bool) -> None:
        """Make the file. Raises UsageError when it exists: an export never overwrites one."""
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError as error:
            raise UsageError(f"{path} exists already", hint="name a new file") from error
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}", hint="name a file elsewhere") from error
        self.path = path
        self.written = 0
        self._has_payloads = has_payloads
        self._file: BinaryIO = os.fdopen(descriptor, "wb")

    def add(self, letters: Sequence[DeadLetter]) -> None:
        """Write letters."""
        for letter in letters:
            self._file.write(json.dumps(_line(letter, has_payload=self._has_payloads)).encode() + b"\n")
        self.written += len(letters)

    def sync(self) -> None:
        """Return once all is on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def export(look: Look, archive: Archive) -> Exported:
    """Write the dead letters that a look finds; return once they are on the disk."""
    for letter in look:
        archive.add([letter])
    archive.sync()
    return Exported(file=archive.path, exported=archive.written, seen=look.seen, is_complete=look.is_complete)


def check_file(path: Path) -> None:
    """Read a whole export. Raises UsageError that names the first line that is none, or when there is no line."""
    if not sum(1 for _ in _messages(path)):
        raise UsageError(f"{path} holds no dead letter", hint=_WRITTEN_BY)


def import_file(path: Path, queue: Queue) -> Imported:
    """Send the messages of an export, which `check_file` found good, to the dead-letter queue.

    A message that is in the queue already comes in a second time: the redrive's guard sends each webhook once.
    """
    imported = 0
    refused: list[str] = []
    messages = _messages(path)
    while batch := list(islice(messages, BATCH)):
        outcome = queue.send(batch)
        imported += len(outcome.done)
        refused += [f"line {number}: {why}" for number, why in outcome.failed.items()]
    torn = _torn_line(path)
    return Imported(file=path, imported=imported, failed=len(refused), refused=tuple(refused), torn_line=torn)


def purge(scan: Scan, *, matches: Callable[[DeadLetter], bool], archive: Archive | None, most: int) -> Purged:
    """Delete the dead letters that match; each is on the disk of the archive before it is deleted."""
    purged = undeleted = 0
    with scan:
        while scan.end is None and purged + undeleted < most:
            letters = scan.next(max(BATCH, most - purged - undeleted))
            meant = [letter for letter in letters if matches(letter)][: most - purged - undeleted]
            chosen = {letter.message.message_id for letter in meant}
            scan.hold([letter for letter in letters if letter.message.message_id not in chosen])
            if archive is not None:
                archive.add(meant)
                archive.sync()
            refused = scan.delete([letter.message for letter in meant])
            purged += len(meant) - len(refused)
            undeleted += len(refused)
    return Purged(
        file=archive.path if archive else None,
        purged=purged,
        undeleted=undeleted,
        seen=scan.seen,
        is_stopped=scan.end is ScanEnd.STOPPED,
    )


def _line(letter: DeadLetter, *, has_payload: bool) -> dict[str, Any]:
    message = letter.message
    return {
        "v": _VERSION,
        "message": {
            "id": message.message_id,
            "body": message.body,
            "sent_at": message.sent_at.isoformat(),
            "receive_count": message.receive_count,
            "trace_header": message.trace_header,
            "attributes": {name: _written(attribute) for name, attribute in message.attributes.items()},
        },
        "webhook": None if letter.webhook is None else _record(asdict(letter.webhook), has_payload=has_payload),
    }


def _record(values: Mapping[str, Any], *, has_payload: bool) -> dict[str, Any]:
    return {name: _plain(value) for name, value in values.items() if name != "body" or has_payload}


def _plain(value: Any) -> Any:  # noqa: ANN401 - a field of a dataclass
    match value:
        case datetime():
            return value.isoformat()
        case bytes():
            return base64.b64encode(value).decode()
        case Enum():
            return value.value
        case dict():
            return {name: _plain(member) for name, member in value.items()}
    return value


def _written(attribute: Attribute) -> dict[str, str]:
    if isinstance(attribute.value, bytes):
        return {"type": attribute.data_type, "base64": base64.b64encode(attribute.value).decode()}
    return {"type": attribute.data_type, "text": attribute.value}


def _messages(path: Path) -> Iterator[OutgoingMessage]:
    torn = _torn_line(path)
    with reading(path), path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if number != torn:
                yield _message(line, key=str(number), where=f"{path}, line {number}")


def _torn_line(path: Path) -> int | None:
    """Return the number of a last line that was not written to its end; its message was not deleted then."""
    with reading(path), path.open("rb") as file:
        number, last = 0, b"\n"
        for number, last in enumerate(file, start=1):  # noqa: B007 - the last one is wanted
            pass
    if last.endswith(b"\n"):
        return None
    try:
        json.loads(last)
    except (ValueError, RecursionError):
        return number
    return None


def _message(line: str, *, key: str, where: str) -> OutgoingMessage:
    try:
        parsed = json.loads(line)
        message, version = parsed["message"], parsed["v"]
        if version != _VERSION:
            raise UsageError(f"{where}: unknown version {version!r}", hint="another webhookctl wrote it: use that one")
        attributes = message.get("attributes") or {}
        return OutgoingMessage(
            key=key,
            body=_text(message["body"]),
            trace_header=None if message.get("trace_header") is None else _text(message["trace_header"]),
            attributes={_text(name): _read_attribute(value) for name, value in attributes.items()},
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UsageError(f"{where}: not a line of an export", hint=_WRITTEN_BY) from error


def _read_attribute(value: Mapping[str, Any]) -> Attribute:
    held = base64.b64decode(value["base64"], validate=True) if "base64" in value else _text(value["text"])
    return Attribute(_text(value["type"]), held)


def _text(value: object) -> str:
    """Return a text that can be sent. Raises TypeError and ValueError (a lone surrogate)."""
    if not isinstance(value, str):
        raise TypeError(value)
    value.encode()
    return value
