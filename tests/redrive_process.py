"""`webhookctl` in processes of their own that start warm: forked from one server that has the imports behind it."""

import multiprocessing
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, TextIO

from webhookctl.cli import run

_WARM = ["webhookctl.cli", "webhookctl.commands.dlq", "webhookctl.aws.dead_letter_desk"]


@dataclass(frozen=True)
class Running:
    """A process and what it prints. The exit code is that of the command, or minus the signal that ended it."""

    process: Any
    stdout: TextIO

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
    process = context.Process(target=_run, args=(words, dict(environment), theirs))
    process.start()
    theirs.close()
    with os.fdopen(os.dup(ours.fileno()), encoding="utf-8") as stdout:
        ours.close()
        try:
            yield Running(process, stdout)
        finally:
            process.kill()
            process.join()


def _run(words: tuple[str, ...], environment: dict[str, str], stdout: Connection) -> None:
    os.environ.update(environment)
    os.dup2(stdout.fileno(), 1)
    stdout.close()
    raise SystemExit(run(list(words)))
