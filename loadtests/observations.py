"""What a load test saw, second by second and address by address, in a form that workers can send and files can hold."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

BLOCKED = 403
THROTTLED = 429


@dataclass(slots=True)
class Cell:
    """One second of one role from one address with one answer. Latencies in milliseconds."""

    count: int = 0
    latencies_ms: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Mark:
    """The turning points of a role, as epoch seconds; None where it did not come to that."""

    first_request: float | None = None
    first_block: float | None = None
    silent_since: float | None = None
    first_allowed_after: float | None = None


class Observations:
    """A growing record. Keys of `cells`: (epoch second, role, address, status); status 0 is no answer at all."""

    def __init__(self) -> None:
        self.cells: dict[tuple[int, str, str, int], Cell] = {}
        self.marks: dict[str, Mark] = {}
        self.journal: list[tuple[str, int]] = []

    def add(self, *, at: float, role: str, address: str, status: int, latency_ms: float, webhook_id: str) -> None:
        """Record one answered request. Only its first byte on the wire counts: retries are requests of their own."""
        cell = self.cells.setdefault((int(at), role, address, status), Cell())
        cell.count += 1
        cell.latencies_ms.append(round(latency_ms, 1))
        self.journal.append((webhook_id, status))

    def mark(self, role: str) -> Mark:
        """Return the role's turning points, to be filled in."""
        return self.marks.setdefault(role, Mark())

    def drain(self) -> dict[str, Any]:
        """Return everything recorded since the last call as plain data, and start anew (marks stay)."""
        data = {
            "cells": [[*key, cell.count, cell.latencies_ms] for key, cell in self.cells.items()],
            "marks": {role: asdict(mark) for role, mark in self.marks.items()},
            "journal": self.journal,
        }
        self.cells, self.journal = {}, []
        return data

    def merge(self, data: Mapping[str, Any]) -> None:
        """Add what a worker drained."""
        for second, role, address, status, count, latencies in data["cells"]:
            cell = self.cells.setdefault((int(second), role, address, int(status)), Cell())
            cell.count += count
            cell.latencies_ms.extend(latencies)
        for role, values in data["marks"].items():
            self._merge_mark(role, Mark(**values))
        self.journal.extend((str(webhook_id), int(status)) for webhook_id, status in data["journal"])

    def _merge_mark(self, role: str, other: Mark) -> None:
        mark = self.mark(role)
        mark.first_request = _earlier(mark.first_request, other.first_request)
        mark.first_block = _earlier(mark.first_block, other.first_block)
        mark.first_allowed_after = _earlier(mark.first_allowed_after, other.first_allowed_after)
        mark.silent_since = max(filter(None, (mark.silent_since, other.silent_since)), default=None)

    def count(self, *, role: str | None = None, status: int | None = None) -> int:
        """Return how many requests match."""
        return sum(
            cell.count
            for (_, its_role, _, its_status), cell in self.cells.items()
            if role in (None, its_role) and status in (None, its_status)
        )

    def acknowledged(self) -> list[str]:
        """Return the ids of the webhooks that were answered with 2xx, each once."""
        return list(dict.fromkeys(webhook_id for webhook_id, status in self.journal if 200 <= status < 300))  # noqa: PLR2004

    def to_json(self) -> dict[str, Any]:
        """Return the whole record as plain data; the journal is kept apart."""
        return {
            "cells": [[*key, cell.count, cell.latencies_ms] for key, cell in sorted(self.cells.items())],
            "marks": {role: asdict(mark) for role, mark in self.marks.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        observations = cls()
        observations.merge({"cells": data["cells"], "marks": data["marks"], "journal": []})
        return observations

    def write_journal(self, path: Path) -> None:
        """Write one line for each request: its webhook id and its status."""
        with path.open("w", encoding="utf-8") as file:
            for webhook_id, status in self.journal:
                file.write(json.dumps({"webhook_id": webhook_id, "status": status}) + "\n")


def _earlier(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
