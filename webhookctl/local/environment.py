"""Start, stop, inspect and reset the local environment: the Python side of `webhookctl local`."""

import contextlib
import fcntl
import importlib.util
import os
import shutil
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from webhookctl.local import ports, processes, state
from webhookctl.local.engine import process as engine
from webhookctl.local.errors import MissingExtraError, NotRunningError, StartError
from webhookctl.local.places import Places, default_places
from webhookctl.local.state import LocalEnvironment

_START_S = 60
_STOP_FRONT_DOOR_S = 35
"""Longer than the gateway's integration timeout: requests in flight end first."""
_STOP_ENGINE_S = 120
"""The engine saves its state when it stops; SIGKILL would lose it."""
_ATTEMPTS = 3
_LOG_TAIL_LINES = 15
_WAY_ON = "webhookctl local reset starts from nothing, where what was stored may go"


@dataclass(frozen=True)
class LocalStatus:
    """Whether the local environment runs, where it listens and where its files are."""

    running: bool
    endpoint_url: str | None
    front_door_url: str | None
    aws_url: str | None
    engine_pid: int | None
    front_door_pid: int | None
    lambda_workers: int
    folder: Path


def up(places: Places | None = None) -> LocalEnvironment:
    """Start the local environment unless it runs, and return it. Safe to call at the same time from two shells.

    Raises MissingExtraError without the `local` extra, StartError (with the end of the log) when a process ends early.
    """
    places = places or default_places()
    _require_extra()
    places.make()
    with _exclusively(places):
        running = _running(places)
        if running is not None:
            return running
        _stop_everything(places)
        return _start(places)


def down(places: Places | None = None) -> bool:
    """Stop every process of the local environment and keep its state. Return whether anything ran."""
    places = places or default_places()
    if not places.root.exists():
        return False
    with _exclusively(places):
        return _stop_everything(places)


def reset(places: Places | None = None) -> bool:
    """Stop the local environment and delete its state, deployed stacks included. Return whether anything ran."""
    places = places or default_places()
    if not places.root.exists():
        return False
    with _exclusively(places):
        ran = _stop_everything(places)
        for folder in (places.engine_state, places.objects, places.scratch, places.logs):
            shutil.rmtree(folder, ignore_errors=True)
        places.ports_file.unlink(missing_ok=True)
    return ran


def status(places: Places | None = None) -> LocalStatus:
    """Tell what runs, without changing anything."""
    places = places or default_places()
    running = _running(places)
    workers = sum(processes.WORKER_PREFIX in command.line for command in processes.of(places.root))
    return LocalStatus(
        running=running is not None,
        endpoint_url=running.endpoint_url if running else None,
        front_door_url=running.front_door_url if running else None,
        aws_url=running.aws_url if running else None,
        engine_pid=running.engine_pid if running else None,
        front_door_pid=running.front_door_pid if running else None,
        lambda_workers=workers,
        folder=places.root,
    )


def env(places: Places | None = None) -> dict[str, str]:
    """Return the variables that point AWS clients at the running environment. Raises NotRunningError when down."""
    return state.client_variables(current(places))


def current(places: Places | None = None) -> LocalEnvironment:
    """Return the running environment. Raises NotRunningError when it is down."""
    running = _running(places or default_places())
    if running is None:
        raise NotRunningError("the local environment is not running", hint="webhookctl local up")
    return running


def _require_extra() -> None:
    missing = [name for name in ("aiohttp", "ministack") if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"the local environment needs {' and '.join(missing)}, not installed here",
            hint='pip install "webhookctl[local]"',
        )


@contextlib.contextmanager
def _exclusively(places: Places) -> Iterator[None]:
    """Hold the folder's lock: only one process at a time starts or stops things."""
    with places.lock_file.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _running(places: Places) -> LocalEnvironment | None:
    known = state.read(places.state_file)
    if known is None or known.root != places.root:
        return None
    found = {command.pid: command for command in processes.of(places.root)}
    expected = ((known.engine_pid, processes.ENGINE), (known.front_door_pid, processes.FRONT_DOOR))
    if not all(pid in found and found[pid].runs(module) for pid, module in expected):
        return None
    healthy = _answers(known.endpoint_url + state.ENGINE_HEALTH_PATH) and _answers(
        known.aws_url + state.FRONT_DOOR_HEALTH_PATH
    )
    return known if healthy else None


@contextlib.contextmanager
def _one_start_at_a_time() -> Iterator[None]:
    """Hold a lock of this user's on this machine: two environments that start at once would choose the same ports.

    The later one would take the earlier one's answers for its own.
    """
    path = Path(tempfile.gettempdir()) / f"webhookctl-start-{os.getuid()}.lock"
    with os.fdopen(os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600), "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _start(places: Places) -> LocalEnvironment:
    with _one_start_at_a_time():
        return _started(places)


def _started(places: Places) -> LocalEnvironment:
    for attempt in range(1, _ATTEMPTS + 1):
        chosen = ports.choose(ports.load(places.ports_file))
        try:
            started = _start_processes(places, chosen)
        except StartError:
            _stop_everything(places)
            if attempt == _ATTEMPTS or all(map(ports.is_free, (chosen.engine, chosen.front_door, chosen.aws))):
                raise  # only a port that somebody else took meanwhile is worth another try
            continue
        ports.save(places.ports_file, chosen)
        state.write(places.state_file, started)
        return started
    raise AssertionError("unreachable")


def _start_processes(places: Places, chosen: ports.Ports) -> LocalEnvironment:
    environment = engine.engine_environment(places, chosen)
    log = places.log_of("engine")
    engine_pid = processes.spawn(processes.ENGINE, places.root, log=log, env=environment)
    _await(f"http://{ports.LOOPBACK}:{chosen.engine}{state.ENGINE_HEALTH_PATH}", engine_pid, log)
    log = places.log_of("front-door")
    arguments = [str(port) for port in (chosen.engine, chosen.front_door, chosen.aws, chosen.xray_daemon)]
    front_door_pid = processes.spawn(processes.FRONT_DOOR, places.root, *arguments, log=log, env=os.environ)
    _await(f"http://{ports.LOOPBACK}:{chosen.aws}{state.FRONT_DOOR_HEALTH_PATH}", front_door_pid, log)
    return LocalEnvironment(ports=chosen, engine_pid=engine_pid, front_door_pid=front_door_pid, root=places.root)


def _await(url: str, pid: int, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if not processes.is_alive(pid):
            raise StartError(f"the local environment did not start; the end of {log}:\n{_tail(log)}", hint=_WAY_ON)
        if _answers(url):
            return
        time.sleep(0.05)
    raise StartError(
        f"the local environment did not answer within {_START_S} s; the end of {log}:\n{_tail(log)}", hint=_WAY_ON
    )


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through the operator's HTTP proxy
    try:
        with opener.open(url, timeout=5) as response:
            return bool(response.status == 200)  # noqa: PLR2004 - HTTP OK
    except (OSError, urllib.error.URLError):
        return False


def _tail(log: Path) -> str:
    try:
        return "\n".join(f"  {line}" for line in log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:])
    except OSError:
        return "  (no log)"


def _stop_everything(places: Places) -> bool:
    """Stop the front door, then the engine, then what is left of the Lambda workers."""
    found = processes.of(places.root)
    processes.stop([c.pid for c in found if c.runs(processes.FRONT_DOOR)], patience_s=_STOP_FRONT_DOOR_S)
    processes.stop([c.pid for c in found if c.runs(processes.ENGINE)], patience_s=_STOP_ENGINE_S)
    processes.stop([c.pid for c in processes.of(places.root)], patience_s=2)
    places.state_file.unlink(missing_ok=True)
    shutil.rmtree(places.scratch, ignore_errors=True)
    places.scratch.mkdir(mode=0o700, exist_ok=True)
    return bool(found)
