"""Where the local environment keeps its files: `local` below the operator's data folder."""

from dataclasses import dataclass
from pathlib import Path

from webhookctl.config import data_home


@dataclass(frozen=True)
class Places:
    """The folder of one local environment and what lies in it."""

    root: Path

    @property
    def state_file(self) -> Path:
        """What is running: process ids and addresses."""
        return self.root / "state.json"

    @property
    def ports_file(self) -> Path:
        """The ports of the last start; kept while the environment is down, because deployed resources name them."""
        return self.root / "ports.json"

    @property
    def lock_file(self) -> Path:
        """Held while processes are started or stopped."""
        return self.root / "lock"

    @property
    def engine_state(self) -> Path:
        """The engine's saved state, a JSON file per service."""
        return self.root / "engine"

    @property
    def objects(self) -> Path:
        """S3 objects (the CDK's assets)."""
        return self.root / "objects"

    @property
    def scratch(self) -> Path:
        """Temporary files of the engine; Lambda workers run from here."""
        return self.root / "tmp"

    @property
    def logs(self) -> Path:
        """One log file per process."""
        return self.root / "logs"

    def log_of(self, process: str) -> Path:
        """Return the log file of a process, by its name."""
        return self.logs / f"{process}.log"

    def make(self) -> None:
        """Create the folders, readable by their owner alone (they hold secrets of test webhooks)."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.engine_state, self.objects, self.scratch, self.logs):
            folder.mkdir(mode=0o700, exist_ok=True)


def default_places() -> Places:
    """Return the places of this user: `local` in `$WEBHOOKCTL_HOME`, else in the platform's user data folder."""
    return Places(data_home().resolve() / "local")
