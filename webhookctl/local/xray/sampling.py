"""X-Ray's sampling rules: CloudFormation's handler in the engine writes them, the front door decides by them.

The two are processes of their own, so the rules lie in a small file between them, which survives restarts.
"""

import json
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Rule:
    """One rule: the first `reservoir` requests of a second, then the share `rate` of the rest."""

    name: str
    service: str
    priority: int
    reservoir: int
    rate: float

    @classmethod
    def from_properties(cls, properties: dict[str, Any]) -> "Rule":
        """Read CloudFormation's SamplingRule property."""
        return cls(
            name=str(properties["RuleName"]),
            service=str(properties.get("ServiceName", "*")),
            priority=int(properties.get("Priority", 10_000)),
            reservoir=int(properties.get("ReservoirSize", 0)),
            rate=float(properties.get("FixedRate", 0.0)),
        )


def rules_file(root: Path) -> Path:
    """Return where the rules of a local environment are."""
    return root / "xray" / "sampling-rules.json"


def remember(path: Path, name: str, properties: dict[str, Any] | None) -> None:
    """Keep a rule, or forget it where `properties` is None."""
    rules = {key: value for key, value in _read(path).items() if key != name}
    if properties is not None:
        rules[name] = properties
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(rules))
    fresh.replace(path)


class Sampler:
    """Decides for each request. Without a rule for the service, every request is traced."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = lambda: secrets.randbelow(2**32) / 2**32,
    ) -> None:
        self._path = path
        self._clock = clock
        self._chance = chance
        self._stamp: tuple[int, int] | None = None
        self._rules: list[Rule] = []
        self._second = 0
        self._taken: dict[str, int] = {}

    def decide(self, service: str) -> bool:
        """Return whether the next request to `service` (`<API>/<stage>`) is traced."""
        self._reload()
        rule = next((r for r in self._rules if fnmatchcase(service, r.service)), None)
        if rule is None:
            return True
        second = int(self._clock())
        if second != self._second:
            self._second, self._taken = second, {}
        taken = self._taken.get(rule.name, 0)
        if taken < rule.reservoir:
            self._taken[rule.name] = taken + 1
            return True
        return self._chance() < rule.rate

    def _reload(self) -> None:
        try:
            found = os.stat(self._path)  # noqa: PTH116 - one call, on every request
            stamp: tuple[int, int] | None = (found.st_mtime_ns, found.st_size)
        except OSError:
            stamp = None
        if stamp != self._stamp:
            self._stamp = stamp
            rules = [Rule.from_properties(properties) for properties in _read(self._path).values()]
            self._rules = sorted(rules, key=lambda rule: rule.priority)


def _read(path: Path) -> dict[str, Any]:
    try:
        rules = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return rules if isinstance(rules, dict) else {}
