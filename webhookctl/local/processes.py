"""Background processes that outlive the shell: start, recognise, stop.

A process is recognised by its command line, never by its id alone: ids are reused. Everything that the local
environment starts names its folder there, and so do the Lambda workers, whose script lies in the folder's `tmp`.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ENGINE = "webhookctl.local.engine.process"
FRONT_DOOR = "webhookctl.local.front_door"
WORKER_PREFIX = "ministack-lambda-"
"""The engine's name for the folder of a Lambda worker, below its temporary folder."""
WORKER_SCRIPT = "_worker.py"
_POLL_S = 0.05


@dataclass(frozen=True)
class Command:
    """A running process and its command line, its arguments joined by spaces."""

    pid: int
    line: str

    def belongs_to(self, root: Path) -> bool:
        """Tell whether this is a process, or a Lambda worker, of the local environment in a folder."""
        worker = f" {root / 'tmp' / WORKER_PREFIX}" in self.line and self.line.endswith(f"/{WORKER_SCRIPT}")
        return worker or any(f" -m {module} {root} " in f"{self.line} " for module in (ENGINE, FRONT_DOOR))

    def runs(self, module: str) -> bool:
        """Tell whether this process runs one of our modules."""
        return f" -m {module} " in self.line


def spawn(module: str, root: Path, *arguments: str, log: Path, env: Mapping[str, str]) -> int:
    """Start `python -m module root arguments...` in a session of its own and return its process id."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module, str(root), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd=root,
            start_new_session=True,
        )
    # Deliberately not waited for: it lives on. Reaped here only if it ends while its starter still runs.
    return process.pid


def of(root: Path) -> list[Command]:
    """List every process of the local environment in a folder, Lambda workers included."""
    return [command for command in _commands() if command.belongs_to(root) and command.pid != os.getpid()]


def stop(pids: list[int], *, patience_s: float) -> list[int]:
    """Ask processes to end (SIGTERM) and end them by SIGKILL after `patience_s`. Return those that were killed."""
    for pid in pids:
        _signal(pid, signal.SIGTERM)
    late = _wait(pids, patience_s)
    for pid in late:
        _signal(pid, signal.SIGKILL)
    _wait(late, 5)
    return late


def is_alive(pid: int) -> bool:
    """Tell whether a process runs (a zombie does not)."""
    with contextlib.suppress(ChildProcessError, OSError):
        os.waitpid(pid, os.WNOHANG)  # our own child that has ended would stay a zombie
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _wait(pids: list[int], seconds: float) -> list[int]:
    deadline = time.monotonic() + seconds
    left = [pid for pid in pids if is_alive(pid)]
    while left and time.monotonic() < deadline:
        time.sleep(_POLL_S)
        left = [pid for pid in left if is_alive(pid)]
    return left


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False


def _commands() -> Iterator[Command]:
    proc = Path("/proc")
    return _commands_of_proc(proc) if (proc / "self" / "cmdline").exists() else _commands_of_ps()


def _commands_of_proc(proc: Path) -> Iterator[Command]:
    for folder in proc.iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            yield Command(
                int(folder.name), os.fsdecode((folder / "cmdline").read_bytes().rstrip(b"\0")).replace("\0", " ")
            )


def _commands_of_ps() -> Iterator[Command]:
    # macOS has no /proc.
    listing = subprocess.run(["/bin/ps", "-axww", "-o", "pid=,command="], capture_output=True, text=True, check=True)
    for line in listing.stdout.splitlines():
        pid, _, command = line.strip().partition(" ")
        yield Command(int(pid), command.strip())
