"""The service graph: the nodes and edges of many traces added up, in the X-Ray API's shape."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from webhookctl.local.xray.view import Node, Outcome, TraceView

Key = tuple[str, str]
_QUEUE = "AWS::SQS::Queue"


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
    ages: Counter[float] = field(default_factory=Counter)
    """Of a link, from a queue to whom its messages went: how old they were on arrival."""

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
        return _histogram(self.times)

    def kind(self) -> dict[str, Any]:
        if self.ages:
            return {"EdgeType": "link", "ReceivedEventAgeHistogram": _histogram(self.ages)}
        return {"ResponseTimeHistogram": self.histogram()}


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
        self._senders: dict[tuple[str, str], Node] = {}
        self._receivers: list[Node] = []

    @classmethod
    def of(cls, views: Iterable[TraceView]) -> "ServiceGraph":
        """Return the graph of some traces."""
        graph = cls()
        for view in views:
            graph.add(view)
        graph.link()
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
        self._receivers += [node for node in view.nodes if node.links]
        self._senders |= _senders(view)

    def link(self) -> None:
        """Draw the links between the traces that were added: from a queue to each that took a message from it."""
        for node in self._receivers:
            for link in node.links:
                sender = self._senders.get(link)
                if sender is not None:
                    tally = self._service(sender).edges.setdefault(_key(node), _Tally())
                    tally.add(node.outcome, node.start, node.end)
                    tally.ages[max(round(node.start - sender.end, 3), 0.0)] += 1
        self._receivers.clear()

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
                **tally.kind(),
                "Aliases": [],
            }
            for key, tally in service.edges.items()
        ]


def _senders(view: TraceView) -> dict[tuple[str, str], Node]:
    """Return the queue that each segment sent to; the segment itself where it did not say."""
    found = {(view.trace_id, node.id): node for node in view.nodes if not node.inferred}
    for edge in view.edges:
        if view.nodes[edge.target].type == _QUEUE:
            found[view.trace_id, view.nodes[edge.source].id] = view.nodes[edge.target]
    return found


def _histogram(times: Counter[float]) -> list[dict[str, Any]]:
    return [{"Value": value, "Count": count} for value, count in sorted(times.items())]


def _key(node: Node) -> Key:
    return node.name, node.type


def _span(tally: _Tally) -> dict[str, float]:
    return {"StartTime": tally.first, "EndTime": tally.last}
