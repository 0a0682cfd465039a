"""Snapshots of the engine's state while it runs, so that a SIGKILL loses seconds and not everything.

The engine saves its state on SIGTERM only. Reading it while requests change it needs every other thread to stand
still, so that runs without handing over the interpreter, for no more than a twentieth of the time.
"""

import contextlib
import gc
import importlib
import json
import logging
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

INTERVAL_S: Final = 5.0
"""At least this long between two snapshots; longer where the state is large."""
LATEST_S: Final = 30.0
"""Under steady load a change is saved after this long, in a quiet moment sooner."""
_QUIET_S: Final = 1.0
_LOOK_S: Final = 0.5
PAUSE_SHARE: Final = 0.05
"""Saving holds the engine up for this share of the time at most."""
_LARGE: Final = ("cloudwatch", "cloudwatch_logs", "dynamodb", "sqs")
_READS: Final = ("get", "list", "describe", "query", "scan", "batchget", "filter", "putmetric", "receive", "testmetric")

Message = MutableMapping[str, Any]
Application = Callable[[Message, Callable[..., Awaitable[Any]], Callable[..., Awaitable[Any]]], Awaitable[None]]

_log = logging.getLogger("webhookctl.snapshots")


class Changes:
    """Counts the requests that may have changed something."""

    def __init__(self) -> None:
        self.count = 0

    def watch(self, application: Application) -> Application:
        """Return the application with its changing requests counted once they are answered."""

        async def watched(scope: Message, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
            await application(scope, receive, send)
            if scope["type"] == "http" and not is_read(scope):
                self.count += 1

        return watched


def is_read(scope: Message) -> bool:
    """Tell whether a request surely leaves the state as it is."""
    if scope["method"] in {"GET", "HEAD"}:
        return "execute-api" not in str(scope["path"])
    target = next((value for name, value in scope.get("headers", []) if name.lower() == b"x-amz-target"), b"")
    return target.decode("latin-1").rpartition(".")[2].lower().startswith(_READS)


def start(root: Path) -> None:
    """Take snapshots in the background from now on. `root` is the environment's folder, for the log alone."""
    from ministack import app

    changes = Changes()
    app.app = changes.watch(app.app)
    _log.info("snapshots of %s at most every %.0f s", root, INTERVAL_S)
    threading.Thread(target=_run, args=(changes,), daemon=True, name="webhookctl-snapshots").start()


def _run(changes: Changes) -> None:
    seen = saved = changes.count
    changed_at = unsaved_since = taken_at = time.monotonic()
    pause_s = 0.0
    while True:
        time.sleep(_LOOK_S)
        now = time.monotonic()
        if changes.count != seen:
            unsaved_since = now if seen == saved else unsaved_since
            seen, changed_at = changes.count, now
        if seen == saved or not is_due(
            quiet_s=now - changed_at, unsaved_s=now - unsaved_since, since_last_s=now - taken_at, pause_s=pause_s
        ):
            continue
        saved, pause_s, taken_at = seen, take(), time.monotonic()


def is_due(*, quiet_s: float, unsaved_s: float, since_last_s: float, pause_s: float) -> bool:
    """Tell whether to take a snapshot now: in a quiet moment, or when something has been unsaved for too long.

    `pause_s` is how long the last one held up the engine; it may do so for a twentieth of the time at most.
    """
    if since_last_s < pause_s / PAUSE_SHARE:
        return False
    return unsaved_s >= LATEST_S or (quiet_s >= _QUIET_S and since_last_s >= INTERVAL_S)


def take() -> float:
    """Save the state of every service and return for how many seconds the engine stood still."""
    started = time.monotonic()
    encoded = _encode_undisturbed()
    pause_s = time.monotonic() - started
    _write(encoded)
    _log.info("snapshot: %.3f s standing still, %.3f s in all", pause_s, time.monotonic() - started)
    return pause_s


def _encode_undisturbed() -> dict[str, str]:
    """Return every service's state as JSON, all of the same moment. Large states are encoded without a copy first."""
    from ministack import app
    from ministack.core import persistence

    switch_interval, collecting = sys.getswitchinterval(), gc.isenabled()
    sys.setswitchinterval(3600)
    gc.disable()
    try:
        with _without_copies():
            states = {name: get_state() for name, get_state in app._build_persistence_save_dict().items()}
            return {
                name: json.dumps(
                    {"__ministack_format__": persistence._state_format_version(name), "payload": state},
                    default=persistence._json_default,
                )
                for name, state in states.items()
                if state is not None
            }
    except Exception:  # noqa: BLE001 - a service of the engine may fail in any way; the next snapshot tries again
        _log.exception("no snapshot this time")
        return {}
    finally:
        sys.setswitchinterval(switch_interval)
        if collecting:
            gc.enable()


@contextlib.contextmanager
def _without_copies() -> Iterator[None]:
    """Let the services with much state hand out the state itself: nothing can change it while all stands still.

    The others change their copies (they take container ids and code out), so those keep making them.
    """
    modules = [importlib.import_module(f"ministack.services.{name}") for name in _LARGE]
    originals = [module.copy for module in modules]
    for module in modules:
        vars(module)["copy"] = SimpleNamespace(deepcopy=lambda state: state)
    try:
        yield
    finally:
        for module, original in zip(modules, originals, strict=True):
            vars(module)["copy"] = original


def _write(encoded: dict[str, str]) -> None:
    """Write all files first and rename them afterwards, so that what a crash leaves belongs together."""
    from ministack.core import persistence

    folder = Path(persistence.STATE_DIR)
    for name, text in encoded.items():
        (folder / f"{name}.json.next").write_text(text)
    for name in encoded:
        (folder / f"{name}.json.next").replace(folder / f"{name}.json")
