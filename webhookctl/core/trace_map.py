"""The service graph: who calls whom, how often, how fast, with how many errors."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Protocol

from webhookctl.core.trace import windows
from webhookctl.core.trace_svg import draw_svg

Key = tuple[str, str]
_PERCENTILES = (50, 90, 99)


class GraphReader(Protocol):
    """Reads X-Ray's service graph."""

    def graph(self, start: datetime, end: datetime) -> Sequence[Mapping[str, Any]]:
        """Return the services of one window of at most six hours, in the API's shape."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What went over a node or an edge. Times in milliseconds; percentiles are of the response time's histogram."""

    requests: int
    per_minute: float
    errors: int
    throttles: int
    faults: int
    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MapNode(Traffic):
    """A service."""

    TABLE: ClassVar = ("name", "type", "requests", "per_minute", "errors", "faults", "p50_ms", "p90_ms", "p99_ms")
    name: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MapEdge(Traffic):
    """Calls from one service to another."""

    TABLE: ClassVar = ("source", "target", "requests", "errors", "faults", "p50_ms", "p99_ms")
    source: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceMap:
    """The graph of a window."""

    start: datetime
    end: datetime
    nodes: list[MapNode]
    edges: list[MapEdge]

    def write_svg(self, path: Path | None) -> None:
        """Draw the graph into a file, if there is one to draw into."""
        if path is not None:
            path.write_text(self.svg(), encoding="utf-8")

    def svg(self) -> str:
        """Return the graph as a picture."""
        boxes = [(_key_text(n.name, n.type), _box(n)) for n in self.nodes]
        arrows = [(e.source, e.target, str(e.requests), e.faults > 0) for e in self.edges]
        return draw_svg(boxes, arrows)


def read_map(reader: GraphReader, *, start: datetime, end: datetime) -> ServiceMap:
    """Return the graph of a range, however long: windows are added up."""
    minutes = max((end - start).total_seconds() / 60, 1e-9)
    total = _Sum()
    for begin, until in windows(start, end):
        total.add(reader.graph(begin, until))
    return ServiceMap(
        start=start,
        end=end,
        nodes=[MapNode(name=k[0], type=k[1], **tally.traffic(minutes)) for k, tally in total.nodes.items()],
        edges=[
            MapEdge(source=_key_text(*a), target=_key_text(*b), **tally.traffic(minutes))
            for (a, b), tally in total.edges.items()
        ],
    )


class _Tally:
    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.times: Counter[float] = Counter()

    def add(self, statistics: Mapping[str, Any], histogram: Sequence[Mapping[str, Any]]) -> None:
        errors = statistics.get("ErrorStatistics", {})
        self.counts["requests"] += statistics.get("TotalCount", 0)
        self.counts["errors"] += errors.get("TotalCount", 0)
        self.counts["throttles"] += errors.get("ThrottleCount", 0)
        self.counts["faults"] += statistics.get("FaultStatistics", {}).get("TotalCount", 0)
        for entry in histogram:
            self.times[entry["Value"]] += entry["Count"]

    def traffic(self, minutes: float) -> dict[str, Any]:
        p50, p90, p99 = (percentile(self.times, share) for share in _PERCENTILES)
        return {
            "requests": self.counts["requests"],
            "per_minute": round(self.counts["requests"] / minutes, 2),
            "errors": self.counts["errors"],
            "throttles": self.counts["throttles"],
            "faults": self.counts["faults"],
            "p50_ms": p50,
            "p90_ms": p90,
            "p99_ms": p99,
        }


class _Sum:
    def __init__(self) -> None:
        self.nodes: dict[Key, _Tally] = {}
        self.edges: dict[tuple[Key, Key], _Tally] = {}

    def add(self, services: Sequence[Mapping[str, Any]]) -> None:
        keys = {service["ReferenceId"]: _key(service) for service in services}
        for service in services:
            own = self.nodes.setdefault(_key(service), _Tally())
            own.add(service.get("SummaryStatistics", {}), service.get("ResponseTimeHistogram", ()))
            for edge in _edges(service, keys):
                tally = self.edges.setdefault((_key(service), keys[edge["ReferenceId"]]), _Tally())
                tally.add(edge.get("SummaryStatistics", {}), edge.get("ResponseTimeHistogram", ()))


def _edges(service: Mapping[str, Any], keys: Mapping[int, Key]) -> Iterator[Mapping[str, Any]]:
    return (edge for edge in service.get("Edges", ()) if edge["ReferenceId"] in keys)


def percentile(histogram: Mapping[float, int], share: int) -> float | None:
    """Return the value in milliseconds below which `share` percent of a histogram (seconds -> count) lie."""
    total = sum(histogram.values())
    seen = 0
    for value in sorted(histogram):
        seen += histogram[value]
        if seen * 100 >= share * total:
            return round(value * 1000, 1)
    return None


def _key(service: Mapping[str, Any]) -> Key:
    return str(service.get("Name", "")), str(service.get("Type", ""))


def _key_text(name: str, kind: str) -> str:
    return f"{name} ({kind})" if kind else name


def _box(node: MapNode) -> list[str]:
    lines = [node.name, node.type or "service"]
    if node.requests:
        lines.append(f"{node.requests} requests, {node.faults + node.errors} failed")
        lines.append(f"p50 {node.p50_ms} ms, p99 {node.p99_ms} ms")
    return lines
