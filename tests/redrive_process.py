"""`webhookctl` in processes of their own that start warm: forked from one server that has the imports behind it."""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, TextIO

from webhookctl.cli import run

_WARM = [
    "jmespath",
    "pydantic",
    "pytest",
    "webhookctl.aws.dead_letter_desk",
    "webhookctl.cli",
    "webhookctl.commands.dlq",
    "webhookctl.core.outputs",
    "webhookctl.local.environment",
]


@dataclass(frozen=True)
class Running:
    """A process and what it prints. The exit code is that of the command, or minus the signal that ended it."""

    process: Any
    stdout: TextIO
    terminal: int

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        os.kill(self.process.pid, signal.SIGINT)

    def told(self) -> str:
        """Return what it wrote on the terminal that is its stderr; call it when it has ended."""
        told = b""
        with contextlib.suppress(OSError):  # a terminal whose other side is closed
            while chunk := os.read(self.terminal, 65536):
                told += chunk
        return told.decode()

    def kill(self) -> int:
        """End it with SIGKILL; return the exit code."""
        self.process.kill()
        return self.wait()

    def wait(self, timeout_s: float = 120) -> int:
        self.process.join(timeout_s)
        assert self.process.exitcode is not None, "it does not end"
        return int(self.process.exitcode)


@contextmanager
def running(*words: str, environment: Mapping[str, str]) -> Iterator[Running]:
    """Start a command line; kill what still runs at the end."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_WARM)
    ours, theirs = context.Pipe(duplex=False)
    terminal, slave = os.openpty()
    stderr = Connection(slave)
    process = context.Process(target=_run, args=(words, dict(environment), theirs, stderr))
    process.start()
    theirs.close()
    stderr.close()
    with os.fdopen(os.dup(ours.fileno()), encoding="utf-8") as stdout:
        ours.close()
        try:
            yield Running(process, stdout, terminal)
        finally:
            process.kill()
            process.join()
            os.close(terminal)


def _run(words: tuple[str, ...], environment: dict[str, str], stdout: Connection, stderr: Connection) -> None:
    os.environ.update(environment)
    os.dup2(stdout.fileno(), 1)
    os.dup2(stderr.fileno(), 2)
    stdout.close()
    raise SystemExit(run(list(words)))
