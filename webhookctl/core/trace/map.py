"""The service graph: who calls whom, how often, how fast, with how many errors.

X-Ray shows a function up to three times: the Lambda service, the function, and the segment that the function's code
writes. They are one node here, counted by the innermost that there is, and what leads from one to the other is left
out. No function calls another in this stack: where a link leads from a queue to a function, the edge that the trace
draws from the sender straight to it says the same and is left out too.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Protocol

from webhookctl.core.trace.svg import draw_svg
from webhookctl.core.trace.traces import FIND_BACK, ReasonReader, explain_nothing, windows

Key = tuple[str, str]
_PERCENTILES = (50, 90, 99)
_CLIENT = "client"
_AS_CLIENT = f" ({_CLIENT})"
_QUEUE = "AWS::SQS::Queue"
_FUNCTION = ("", "AWS::Lambda::Function", "AWS::Lambda")
"""A function's layers, the innermost first."""


class GraphReader(ReasonReader, Protocol):
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
    """A service. `name` is what edges call it."""

    TABLE: ClassVar = ("name", "type", "requests", "per_minute", "errors", "faults", "p50_ms", "p90_ms", "p99_ms")
    WHOLE: ClassVar = ("name",)
    SPARE: ClassVar = ("p90_ms", "per_minute", "type")
    name: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MapEdge(Traffic):
    """Calls from one service to another; from a queue, messages taken, and the times are the ages of the messages."""

    TABLE: ClassVar = ("source", "target", "requests", "errors", "faults", "p50_ms", "p99_ms")
    WHOLE: ClassVar = ("source", "target")
    SPARE: ClassVar = ("errors", "p50_ms", "p99_ms", "faults")
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
        boxes = [(n.name, _box(n)) for n in self.nodes]
        arrows = [(e.source, e.target, str(e.requests), e.faults > 0) for e in self.edges]
        return draw_svg(boxes, arrows)


def read_map(reader: GraphReader, *, start: datetime, end: datetime) -> ServiceMap:
    """Return the graph of a range, as far back as X-Ray keeps traces: windows are added up.

    Raises NotFoundError when X-Ray can't show it.
    """
    start = max(start, end - FIND_BACK)
    minutes = max((end - start).total_seconds() / 60, 1e-9)
    total = _Sum()
    for begin, until in windows(start, end):
        total.add(reader.graph(begin, until))
    if not total.nodes:
        explain_nothing(reader)
    nodes, edges = fold(total.nodes, total.edges)
    return ServiceMap(
        start=start,
        end=end,
        nodes=[MapNode(name=_key_text(*k), type=k[1], **tally.traffic(minutes)) for k, tally in nodes.items()],
        edges=[
            MapEdge(source=_key_text(*a), target=_key_text(*b), **tally.traffic(minutes))
            for (a, b), tally in edges.items()
        ],
    )


def fold(nodes: Mapping[Key, "Tally"], edges: "Edges") -> tuple[dict[Key, "Tally"], "Edges"]:
    """Return the graph with one node for each function."""
    functions = {name for name, kind in nodes if kind in _FUNCTION[1:]}
    folded = {key: (key[0], _FUNCTION[-1]) if key[0] in functions and key[1] in _FUNCTION else key for key in nodes}
    kept: dict[Key, Tally] = {}
    for key in sorted(nodes, key=lambda key: _FUNCTION.index(key[1]) if key[1] in _FUNCTION else 0):
        kept.setdefault(folded[key], nodes[key])
    joined: Edges = {}
    for (source, target), tally in edges.items():
        if folded[source] != folded[target]:
            joined.setdefault((folded[source], folded[target]), Tally()).join(tally)
    for (source, _), tally in joined.items():
        if source[1] == _CLIENT:  # X-Ray counts what clients send at the edges alone
            kept[source].join(tally)
    return {key: kept[key] for key in dict.fromkeys(folded.values())}, _through_queues(joined)


def _through_queues(edges: "Edges") -> "Edges":
    """Leave out what goes past a queue; how it went is the queue's edge's then, whose own knows whole batches only."""
    queues = {target: (source, target) for source, target in edges if source[1] == _QUEUE}
    kept = dict(edges)
    for source, target in edges:
        if source[1] == target[1] == _FUNCTION[-1] and target in queues:
            kept[queues[target]].blame(kept.pop((source, target)))
    return kept


class Tally:
    """What went over a node or an edge, added up over windows."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.times: Counter[float] = Counter()

    def join(self, other: "Tally") -> None:
        """Add another's counts."""
        self.counts.update(other.counts)
        self.times.update(other.times)

    def blame(self, other: "Tally") -> None:
        """Take over how another's calls failed."""
        self.counts |= {name: other.counts[name] for name in ("errors", "throttles", "faults")}

    def add(self, statistics: Mapping[str, Any], histogram: Sequence[Mapping[str, Any]]) -> None:
        """Add the statistics of one window, in the API's shape."""
        errors = statistics.get("ErrorStatistics", {})
        self.counts["requests"] += statistics.get("TotalCount", 0)
        self.counts["errors"] += errors.get("TotalCount", 0)
        self.counts["throttles"] += errors.get("ThrottleCount", 0)
        self.counts["faults"] += statistics.get("FaultStatistics", {}).get("TotalCount", 0)
        for entry in histogram:
            self.times[entry["Value"]] += entry["Count"]

    def traffic(self, minutes: float) -> dict[str, Any]:
        """Return the members of a Traffic of so many minutes."""
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


Edges = dict[tuple[Key, Key], Tally]


class _Sum:
    def __init__(self) -> None:
        self.nodes: dict[Key, Tally] = {}
        self.edges: Edges = {}

    def add(self, services: Sequence[Mapping[str, Any]]) -> None:
        keys = {service["ReferenceId"]: _key(service) for service in services}
        for service in services:
            own = self.nodes.setdefault(_key(service), Tally())
            own.add(service.get("SummaryStatistics", {}), service.get("ResponseTimeHistogram", ()))
            for edge in _edges(service, keys):
                tally = self.edges.setdefault((_key(service), keys[edge["ReferenceId"]]), Tally())
                times = edge.get("ReceivedEventAgeHistogram") or edge.get("ResponseTimeHistogram", ())
                tally.add(edge.get("SummaryStatistics", {}), times)


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
    name, kind = str(service.get("Name", "")), str(service.get("Type", ""))
    return (name.rpartition("/")[2] if kind == _QUEUE else name), kind


def _key_text(name: str, kind: str) -> str:
    return name + _AS_CLIENT if kind == _CLIENT else name  # only clients share a name, with what they call


def _box(node: MapNode) -> list[str]:
    lines = [node.name.removesuffix(_AS_CLIENT), node.type or "service"]
    if node.requests:
        lines.append(f"{node.requests} requests, {node.per_minute:g}/min")
        lines.append(f"{node.errors} errors, {node.faults} faults")
    if node.p50_ms is not None and node.p99_ms is not None:
        lines.append(f"p50 {node.p50_ms:g} ms, p99 {node.p99_ms:g} ms")
    return lines
