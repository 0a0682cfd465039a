"""A trace's documents as trees: each below the segment or subsegment that it names as its parent.

A parent that never came is a node of its own. Bars of the Lambda service that only repeat others are left out.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

GATEWAY = "AWS::ApiGateway::Stage"
"""The outermost segment of ours: what it names as its parent is the caller's own, and never in the trace."""
_PLUMBING = frozenset({"Invocation", "Overhead"})
"""Subsegments of the Lambda service that repeat the bar above them; as one for an AWS call repeats its step's."""


@dataclass(slots=True)
class Node:
    """A document with those below it. `document` of a missing one has neither start nor end."""

    document: Mapping[str, Any]
    is_segment: bool
    parent_id: str | None
    children: list["Node"] = field(default_factory=list)

    @property
    def start(self) -> float:
        """Return its start in epoch seconds; a missing one's is that of the first below it."""
        return self._own_start or min((child.start for child in self.children), default=0.0)

    @property
    def end(self) -> float | None:
        """Return its end in epoch seconds, None of one in progress; a missing one ends as it starts."""
        end = self.document.get("end_time")
        return float(end) if end else None if self._own_start else self.start

    @property
    def is_missing(self) -> bool:
        """Its children name it, but it never came."""
        return not self._own_start

    @property
    def is_plumbing(self) -> bool:
        """A bar of it would only repeat what the one above says: Lambda's function within Lambda."""
        if not self.is_segment:
            return self.document.get("name") in _PLUMBING or self.document.get("namespace") == "aws"
        return self.document.get("origin") == "AWS::Lambda::Function" and bool(self.parent_id) and bool(self.children)

    @property
    def _own_start(self) -> float:
        return float(self.document.get("start_time") or 0.0)


def forest(documents: Sequence[Mapping[str, Any]]) -> list[Node]:
    """Return the outermost nodes by their start, as each has those below it."""
    by_id: dict[str, Node] = {}
    for document in documents:
        _collect(document, document.get("parent_id"), by_id, is_segment=document.get("type") != "subsegment")
    waiting: dict[str, list[Node]] = defaultdict(list)
    roots: list[Node] = []
    for node in sorted(by_id.values(), key=lambda node: node.start):
        parent = by_id.get(node.parent_id or "")
        if parent is not None and not _is_above(node, parent, by_id):
            parent.children.append(node)
        elif node.parent_id and parent is None and node.document.get("origin") != GATEWAY:
            waiting[node.parent_id].append(node)
        else:
            roots.append(node)
    roots += [Node({"id": id_, "name": "(segment missing)"}, True, None, children) for id_, children in waiting.items()]
    return sorted(roots, key=lambda node: node.start)


def _collect(document: Mapping[str, Any], parent_id: str | None, by_id: dict[str, Node], *, is_segment: bool) -> None:
    node = Node(document, is_segment, parent_id)
    by_id[str(document.get("id"))] = node
    for child in document.get("subsegments") or ():
        _collect(child, str(document.get("id")), by_id, is_segment=False)


def _is_above(node: Node, parent: Node, by_id: Mapping[str, Node]) -> bool:
    """Return whether `node` lies above `parent`, so that hanging it below would close a loop."""
    seen: set[int] = set()
    current: Node | None = parent
    while current is not None and id(current) not in seen:
        if current is node:
            return True
        seen.add(id(current))
        current = by_id.get(current.parent_id or "")
    return False
