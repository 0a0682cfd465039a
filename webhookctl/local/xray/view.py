"""A trace as X-Ray sees it once its segments are put together: nodes, edges, annotations, root causes."""

from dataclasses import asdict, dataclass, field
from typing import Any

Scalar = str | float | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a request, or a call on an edge, went. `status` is the HTTP status where one is known."""

    fault: bool = False
    error: bool = False
    throttle: bool = False
    status: int | None = None
    in_progress: bool = False

    @property
    def ok(self) -> bool:
        """Return whether the answer was a success (2xx, or no failure where no status is known)."""
        if self.fault or self.error or self.throttle or self.in_progress:
            return False
        return self.status is None or 200 <= self.status < 300  # noqa: PLR2004


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One segment, or the inferred segment of a service that writes none. Times are epoch seconds."""

    id: str
    name: str
    type: str
    start: float
    end: float
    outcome: Outcome
    account_id: str | None = None
    root: bool = False
    inferred: bool = False
    http: dict[str, Any] = field(default_factory=dict)
    users: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    arns: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    """(trace id, segment id) of the senders of the messages that an invocation took from a queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One call from node `source` to node `target` (indexes into the view's nodes)."""

    source: int
    target: int
    start: float
    end: float
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseEntity:
    """A step on the way to a root cause. `exceptions` are (class, message)."""

    name: str
    remote: bool = False
    coverage: float = 0.0
    exceptions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseService:
    """A service on the way to a root cause, with its steps."""

    name: str
    type: str
    inferred: bool
    entities: tuple[CauseEntity, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceView:
    """A whole trace. `annotations`: key -> ((value, index of the node or None), ...)."""

    trace_id: str
    start: float
    end: float
    partial: bool
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    annotations: dict[str, tuple[tuple[Scalar, int | None], ...]]
    causes: dict[str, tuple[CauseService, ...]]
    revision: int = 1

    @property
    def root(self) -> Node | None:
        """Return the node that the request entered by."""
        return next((node for node in self.nodes if node.root), None)

    @property
    def duration(self) -> float:
        """Return the seconds from the first start to the last end."""
        return max(self.end - self.start, 0.0)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON form that `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> "TraceView":
        """Read the JSON form."""
        return cls(
            **{
                **raw,
                "nodes": tuple(_node(node) for node in raw["nodes"]),
                "edges": tuple(Edge(**{**edge, "outcome": Outcome(**edge["outcome"])}) for edge in raw["edges"]),
                "annotations": {k: tuple((v, n) for v, n in values) for k, values in raw["annotations"].items()},
                "causes": {k: tuple(_cause(c) for c in services) for k, services in raw["causes"].items()},
            }
        )


def _node(raw: dict[str, Any]) -> Node:
    lists = {name: tuple(raw[name]) for name in ("users", "zones", "instances", "arns")}
    links = tuple((trace_id, segment_id) for trace_id, segment_id in raw.get("links", ()))
    return Node(**{**raw, **lists, "links": links, "outcome": Outcome(**raw["outcome"])})


def _cause(raw: dict[str, Any]) -> CauseService:
    entities = tuple(
        CauseEntity(**{**e, "exceptions": tuple((name, message) for name, message in e["exceptions"])})
        for e in raw["entities"]
    )
    return CauseService(**{**raw, "entities": entities})
