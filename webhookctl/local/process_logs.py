"""The logs of the local environment's own processes (the Lambdas' logs are in CloudWatch Logs, as on AWS)."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from webhookctl.errors import NotFoundError, UsageError
from webhookctl.local.places import Places, default_places

PROCESSES: Final = ("engine", "front-door")
_POLL_S: Final = 0.2
_CHUNK: Final = 64 * 1024


def read(process: str, *, lines: int, follow: bool = False, places: Places | None = None) -> Iterator[str]:
    """Yield the last lines of a process's log and, following, all that come. Raises UsageError, NotFoundError."""
    path = (places or default_places()).log_of(process)
    if process not in PROCESSES:
        raise UsageError(f"there is no process {process!r}", hint=f"one of: {', '.join(PROCESSES)}")
    if not path.exists():
        raise NotFoundError(f"there is no log of {process!r} in {path.parent}", hint="webhookctl local up")
    return _lines(path, lines, follow=follow)


def _lines(path: Path, count: int, *, follow: bool) -> Iterator[str]:
    with path.open("rb") as file:
        yield from _tail(file, count)
        rest = b""
        while follow:
            chunk = file.read(_CHUNK)
            if not chunk:
                time.sleep(_POLL_S)
                continue
            *complete, rest = (rest + chunk).split(b"\n")
            yield from (line.decode(errors="replace") for line in complete)


def _tail(file: BinaryIO, count: int) -> Iterator[str]:
    position = file.seek(0, 2)
    tail = b""
    while position > 0 and tail.count(b"\n") <= count:
        step = min(_CHUNK, position)
        position = file.seek(position - step)
        tail = file.read(step) + tail
    file.seek(0, 2)
    for line in tail.splitlines()[-count:] if count > 0 else []:
        yield line.decode(errors="replace")
