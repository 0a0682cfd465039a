"""What every scenario shares: options, recording, merging of workers, the end and its verdict."""

import json
import logging
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gevent
from locust import events
from locust.exception import StopTest
from locust.runners import WorkerRunner

from loadtests.bounds import Bound, verdict_of
from loadtests.observations import Observations
from loadtests.settings import Load, LoadSettings, LoadSettingsError, add_options, read_settings
from loadtests.signing import Signer

EXIT_BOUND_BROKEN = 7
EXIT_USAGE = 2
_DONE = "role_done"
_log = logging.getLogger("loadtests")

Judge = Callable[[Observations, LoadSettings], Sequence[Bound]]


class Run:
    """One scenario's state in this process, be it alone, the master or a worker."""

    def __init__(self, load: Load, *, judge: Judge, users: int, awaits: int = 0) -> None:
        """Make a scenario's run.

        `users` is the sum of its user classes' fixed counts. It ends early when `awaits` of them say that they are
        done.
        """
        self.name, self._load, self._judge = load.name, load, judge
        self._users = users
        self.observations = Observations()
        self.started_at = 0.0
        self.settings: LoadSettings
        self.signer: Signer
        self._environment: Any = None
        self._awaits, self._finished = awaits, 0
        events.init_command_line_parser.add_listener(self._add_options)
        events.init.add_listener(self._on_init)
        events.test_start.add_listener(self._on_start)
        events.report_to_master.add_listener(self._on_report)
        events.worker_report.add_listener(self._on_worker_report)
        events.test_stop.add_listener(self._on_stop)
        events.quitting.add_listener(self._on_quitting)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the test started."""
        return time.time() - self.started_at

    def done(self) -> None:
        """Say that one of the users that the run waits for has finished; after the last of them the run ends."""
        self._environment.runner.send_message(_DONE)

    def _add_options(self, parser: Any) -> None:  # noqa: ANN401 - Locust's own parser
        """Declare the options, and start all users at once: a role's rate is shared by its users."""
        add_options(parser)
        parser.set_defaults(num_users=self._users, spawn_rate=float(self._users))

    def _on_init(self, environment: Any, **_: Any) -> None:  # noqa: ANN401
        self._environment = environment
        try:
            self._read(environment.parsed_options)
        except (LoadSettingsError, OSError, ValueError) as error:
            print(f"Error: {error}", file=sys.stderr)  # noqa: T201 - Locust would show a traceback
            raise SystemExit(EXIT_USAGE) from None
        if not isinstance(environment.runner, WorkerRunner):
            environment.runner.register_message(_DONE, self._on_done)

    def _read(self, options: Any, host: str | None = None) -> None:  # noqa: ANN401
        self.settings = read_settings(options, self._load, host=host)
        self.signer = Signer.from_file(self.settings.secrets)

    def _on_start(self, environment: Any, **_: Any) -> None:  # noqa: ANN401
        """Check again what the web interface may have changed. Raises StopTest, before any user is made."""
        try:
            self._read(environment.parsed_options, environment.host)
        except (LoadSettingsError, OSError, ValueError) as error:
            raise StopTest(f"Error: {error}") from error
        self.started_at = time.time()
        self.observations = Observations()
        self._finished = 0
        if not isinstance(environment.runner, WorkerRunner):
            gevent.spawn(self._progress)
            gevent.spawn_later(self.settings.duration_s, self._end)

    def _on_done(self, **_: Any) -> None:  # noqa: ANN401
        self._finished += 1
        if self._finished == self._awaits:
            gevent.spawn_later(3, self._end)

    def _end(self) -> None:
        """End the test; with the web interface the process stays and shows the result."""
        if self._environment.web_ui:
            self._environment.runner.stop()
        else:
            self._environment.runner.quit()

    def _on_report(self, client_id: str, data: dict[str, Any]) -> None:  # noqa: ARG002 - Locust calls by name
        data["webhooks"] = self.observations.drain()

    def _on_worker_report(self, client_id: str, data: dict[str, Any]) -> None:  # noqa: ARG002 - Locust calls by name
        if "webhooks" in data:
            self.observations.merge(data["webhooks"])

    def _on_stop(self, environment: Any, **_: Any) -> None:  # noqa: ANN401
        if environment.web_ui:
            self._conclude(environment)

    def _on_quitting(self, environment: Any, **_: Any) -> None:  # noqa: ANN401
        if not environment.web_ui:
            self._conclude(environment)

    def _conclude(self, environment: Any) -> None:  # noqa: ANN401
        if isinstance(environment.runner, WorkerRunner) or not self.started_at:
            return
        bounds = self._judge(self.observations, self.settings)
        if self.settings.out:
            self._write(self.settings.out, bounds)
        for bound in bounds:
            _log.info("%s %s: %s", verdict_of(bound), bound.name, bound.measured)
        environment.process_exit_code = 0 if all(bound.is_kept for bound in bounds) else EXIT_BOUND_BROKEN

    def _write(self, out: Path, bounds: Sequence[Bound]) -> None:
        out.mkdir(parents=True, exist_ok=True)
        document = {
            "scenario": self.name,
            "host": self.settings.host,
            "started_at": self.started_at,
            "duration_s": round(self.elapsed_s, 1),
            "lag_s": self.settings.lag_s,
            "limit": self.settings.limit,
            "window_s": self.settings.window_s,
            "acknowledged": len(self.observations.acknowledged()),
            "bounds": [asdict(bound) | {"is_kept": bound.is_kept} for bound in bounds],
            **self.observations.to_json(),
        }
        (out / "observations.json").write_text(json.dumps(document), encoding="utf-8")
        self.observations.write_journal(out / "journal.jsonl")

    def _progress(self) -> None:
        """Print one JSON line a second for whoever watches; only where an --out folder says that somebody does."""
        while self.settings.out and self._environment.runner.state not in ("stopped", "cleanup"):
            gevent.sleep(1)
            second = int(time.time()) - 2
            counts: dict[str, int] = {}
            for (at, role, _, status), cell in list(self.observations.cells.items()):
                if at == second:
                    counts[f"{role} {status}"] = counts.get(f"{role} {status}", 0) + cell.count
            line = {"elapsed_s": round(self.elapsed_s, 1), "counts": counts, "total": self.observations.count()}
            print(json.dumps(line), flush=True)  # noqa: T201 - a line protocol on stdout
