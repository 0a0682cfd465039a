"""The service graph: the nodes and edges of many traces added up, in the X-Ray API's shape."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from webhookctl.local.xray_view import Node, Outcome, TraceView

Key = tuple[str, str]


@dataclass(slots=True)
class _Tally:
    """What went over a node or an edge."""

    first: float = float("inf")
    last: float = 0.0
    ok: int = 0
    error: int = 0
    throttle: int = 0
    fault: int = 0
    total: int = 0
    seconds: float = 0.0
    times: Counter[float] = field(default_factory=Counter)

    def add(self, outcome: Outcome, start: float, end: float) -> None:
        self.first, self.last = min(self.first, start), max(self.last, end)
        self.total += 1
        self.ok += outcome.ok
        self.throttle += outcome.throttle
        self.error += outcome.error
        self.fault += outcome.fault
        self.seconds += end - start
        self.times[round(end - start, 3)] += 1

    def statistics(self) -> dict[str, Any]:
        return {
            "OkCount": self.ok,
            "ErrorStatistics": {
                "ThrottleCount": self.throttle,
                "OtherCount": self.error - self.throttle,
                "TotalCount": self.error,
            },
            "FaultStatistics": {"OtherCount": self.fault, "TotalCount": self.fault},
            "TotalCount": self.total,
            "TotalResponseTime": round(self.seconds, 6),
        }

    def histogram(self) -> list[dict[str, Any]]:
        return [{"Value": value, "Count": count} for value, count in sorted(self.times.items())]


@dataclass(slots=True)
class _Service:
    reference: int
    node: Node
    tally: _Tally = field(default_factory=_Tally)
    edges: dict[Key, _Tally] = field(default_factory=dict)


class ServiceGraph:
    """Adds up traces; `services()` gives the API's list."""

    def __init__(self) -> None:
        self._services: dict[Key, _Service] = {}
        self._clients: dict[Key, _Service] = {}

    @classmethod
    def of(cls, views: Iterable[TraceView]) -> "ServiceGraph":
        """Return the graph of some traces."""
        graph = cls()
        for view in views:
            graph.add(view)
        return graph

    def add(self, view: TraceView) -> None:
        """Add a trace."""
        for node in view.nodes:
            self._service(node).tally.add(node.outcome, node.start, node.end)
        for edge in view.edges:
            edges = self._service(view.nodes[edge.source]).edges
            tally = edges.setdefault(_key(view.nodes[edge.target]), _Tally())
            tally.add(edge.outcome, edge.start, edge.end)
        root = view.root
        if root is not None and "url" in root.http:
            tally = self._client(root).edges.setdefault(_key(root), _Tally())
            tally.add(root.outcome, root.start, root.end)

    def _service(self, node: Node) -> _Service:
        return self._services.setdefault(_key(node), _Service(self._count(), node))

    def _client(self, root: Node) -> _Service:
        return self._clients.setdefault(_key(root), _Service(self._count(), root))

    def _count(self) -> int:
        return len(self._services) + len(self._clients)

    def services(self) -> list[dict[str, Any]]:
        """Return the services, each with its edges; clients come first."""
        clients = [self._client_json(service) for service in self._clients.values()]
        return clients + [self._service_json(service) for service in self._services.values()]

    def _client_json(self, service: _Service) -> dict[str, Any]:
        return {
            "ReferenceId": service.reference,
            "Name": service.node.name,
            "Names": [service.node.name],
            "Type": "client",
            "State": "unknown",
            **_span(next(iter(service.edges.values()))),
            "Edges": self._edges(service),
        }

    def _service_json(self, service: _Service) -> dict[str, Any]:
        node = service.node
        found: dict[str, Any] = {
            "ReferenceId": service.reference,
            "Name": node.name,
            "Names": [node.name],
            "Root": node.root,
            "Type": node.type,
            "State": "unknown" if node.inferred else "active",
            **_span(service.tally),
            "Edges": self._edges(service),
            "SummaryStatistics": service.tally.statistics(),
            "DurationHistogram": service.tally.histogram(),
            "ResponseTimeHistogram": service.tally.histogram(),
        }
        if node.account_id:
            found["AccountId"] = node.account_id
        return found

    def _edges(self, service: _Service) -> list[dict[str, Any]]:
        return [
            {
                "ReferenceId": self._services[key].reference,
                **_span(tally),
                "SummaryStatistics": tally.statistics(),
                "ResponseTimeHistogram": tally.histogram(),
                "Aliases": [],
            }
            for key, tally in service.edges.items()
        ]


def _key(node: Node) -> Key:
    return node.name, node.type


def _span(tally: _Tally) -> dict[str, float]:
    return {"StartTime": tally.first, "EndTime": tally.last}
