"""Start Locust as a process of its own: gevent patches the interpreter that it runs in, so never in the CLI's."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Final

from webhookctl.core.load.run import LoadPlan
from webhookctl.errors import ConfigError, UsageError, WebhookctlError

EXIT_BOUND_BROKEN: Final = 7
EXIT_USAGE: Final = 2
CONCLUDE_S: Final = 30.0
"""How long a scenario may take to let its last requests end and write its record."""
LEAVE_S: Final = 5.0


class LocustRunner:
    """Runs scenarios of the `loadtests` package. `secrets` is the file that they sign with."""

    def __init__(self, secrets: Path) -> None:
        self._secrets = secrets
        if find_spec("locust") is None:
            raise ConfigError("load tests need Locust", hint='pip install "webhookctl[load]"')

    def run(self, plan: LoadPlan) -> Generator[Mapping[str, Any]]:
        """Yield the scenario's progress lines until it ends; closed before, it ends in order and leaves its record.

        Raises UsageError for options that the scenario refuses, and WebhookctlError when it breaks off.
        """
        plan.folder.mkdir(parents=True, exist_ok=True)
        log = plan.folder / "locust.log"
        port = _free_port() if plan.workers else None
        with log.open("w", encoding="utf-8") as stderr:
            master = _start(self._command(plan, port=port), stdout=subprocess.PIPE, stderr=stderr)
            worker = self._command(plan, port=port, is_worker=True)
            workers = [_start(worker, stdout=stderr, stderr=stderr) for _ in range(plan.workers)]
            try:
                yield from _lines(master)
            finally:
                _end(master, workers)
        if master.returncode == EXIT_USAGE:
            raise UsageError(_refusal(log), hint="webhookctl load run --help")
        if master.returncode not in (0, EXIT_BOUND_BROKEN):
            raise WebhookctlError(f"the scenario ended with exit code {master.returncode}", hint=f"see {log}")

    def report(self, folder: Path) -> Path:
        """Write the folder's HTML report."""
        subprocess.run([sys.executable, "-m", "loadtests.report", str(folder)], check=True, env=_environment())
        return folder / "report.html"

    def _command(self, plan: LoadPlan, *, port: int | None, is_worker: bool = False) -> list[str]:
        scenario = _package() / f"{plan.scenario}.py"
        command = [
            sys.executable,
            "-m",
            "locust",
            "-f",
            str(scenario),
            "--host",
            plan.host,
            "--confirm",
            plan.environment,
        ]
        command += ["--secrets", str(self._secrets), "--waf-lag", f"{plan.waf_lag_s:g}", "--exit-code-on-error", "0"]
        options = {
            "--rate": plan.rate_rps,
            "--seconds": plan.seconds,
            "--stage-rate": plan.stage_rate,
            "--stage-burst": plan.stage_burst,
        }
        for name, value in options.items():
            if value is not None:
                command += [name, f"{value:g}"]
        if plan.provider_address:
            command += ["--provider-address", plan.provider_address]
        if is_worker:
            return [*command, "--worker", "--master-host", "127.0.0.1", "--master-port", str(port)]
        command += ["--headless", "--only-summary", "--out", str(plan.folder), "--stop-timeout", "10"]
        if plan.workers:
            command += ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", str(port)]
            command += ["--expect-workers", str(plan.workers)]
        return command


def _start(command: list[str], *, stdout: IO[str] | int, stderr: IO[str]) -> "subprocess.Popen[str]":
    """Start a process in a session of its own: a Ctrl-C is for the CLI, which ends it in order."""
    environment = _environment()
    return subprocess.Popen(command, stdout=stdout, stderr=stderr, text=True, env=environment, start_new_session=True)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _end(master: "subprocess.Popen[str]", workers: Sequence["subprocess.Popen[str]"]) -> None:
    """Wait for the master, asking it to conclude if it still runs, and see that no worker outlives it for long."""
    try:
        if master.poll() is None:
            master.send_signal(signal.SIGINT)
        for process, patience_s in [(master, CONCLUDE_S), *((worker, LEAVE_S) for worker in workers)]:
            _see_off(process, patience_s)
    except BaseException:  # another Ctrl-C: nobody waits any longer
        for process in (master, *workers):
            process.kill()
        raise


def _see_off(process: "subprocess.Popen[str]", patience_s: float) -> None:
    """Wait for a process to end by itself, then tell it to, then make it."""
    for end in (process.terminate, process.kill):
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            end()
        else:
            return
    process.wait(LEAVE_S)


def _refusal(log: Path) -> str:
    """Return why a scenario refused its options, from its log."""
    said = [line for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("Error: ")]
    return said[-1].removeprefix("Error: ") if said else f"the scenario refused its options: see {log}"


def _lines(process: "subprocess.Popen[str]") -> Iterator[Mapping[str, Any]]:
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    for text in process.stdout:
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict):
            yield line
    process.wait()


def _package() -> Path:
    spec = find_spec("loadtests")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError("the load scenarios are not installed", hint='pip install "webhookctl[load]"')
    return Path(next(iter(spec.submodule_search_locations)))


def _environment() -> dict[str, str]:
    """Return the environment with this installation's packages importable, also from a checkout."""
    root = str(_package().parent)
    path = os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{path}" if path else root, "PYTHONUNBUFFERED": "1"}
