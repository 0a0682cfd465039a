"""Put the segment documents of one trace together: who called whom, how it went, and what was annotated.

The rules are those of the X-Ray developer guide, "Segment documents": an independent subsegment belongs to the segment
its `parent_id` leads to; a call to a service that writes no segment of its own gives an inferred one.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from webhookctl.local.xray.causes import root_causes
from webhookctl.local.xray.forest import Document, Entity, Forest, inferred_service
from webhookctl.local.xray.view import Edge, Node, Scalar, TraceView


def compile_trace(trace_id: str, documents: Iterable[Document], *, revision: int = 1) -> TraceView:
    """Return the view of a trace. A trace without any segment has no root and no nodes but keeps its annotations."""
    forest = Forest(documents)
    segments = forest.segments()
    nodes = [_node(entity, root=position == 0) for position, entity in enumerate(segments)]
    index = {entity.id: position for position, entity in enumerate(segments)}
    edges = [edge for entity in segments if (edge := _called(entity, forest, index))]
    for entity in forest.entities.values():
        inferred = _inferred(entity, forest)
        owner = forest.owner(entity)
        if inferred is not None and owner is not None:
            edges.append(_edge(entity, index[owner.id], len(nodes)))
            nodes.append(inferred)
    entities = forest.entities.values()
    return TraceView(
        trace_id=trace_id,
        start=min((e.start for e in entities), default=0.0),
        end=max((e.end for e in entities), default=0.0),
        partial=any(e.outcome.in_progress for e in entities if e.is_segment),
        nodes=tuple(nodes),
        edges=tuple(edges),
        annotations=_annotations(forest, index),
        causes=root_causes(forest, segments[0]) if segments else {},
        revision=revision,
    )


def _node(entity: Entity, *, root: bool) -> Node:
    document = entity.document
    aws = document.get("aws") or {}
    ec2 = aws.get("ec2") or {}
    return Node(
        id=entity.id,
        name=str(document.get("name", "")),
        type=str(document.get("origin") or ""),
        start=entity.start,
        end=entity.end,
        outcome=entity.outcome,
        account_id=aws.get("account_id"),
        root=root,
        http=_http(document),
        users=_present(document.get("user")),
        zones=_present(ec2.get("availability_zone")),
        instances=_present(ec2.get("instance_id")),
        links=tuple((str(link.get("trace_id")), str(link.get("id"))) for link in document.get("links") or ()),
        arns=_present(document.get("resource_arn") or aws.get("resource_arn") or aws.get("function_arn")),
    )


def _http(document: Document) -> dict[str, Any]:
    http = document.get("http") or {}
    request, response = http.get("request") or {}, http.get("response") or {}
    found = {name: request.get(name) for name in ("url", "method", "user_agent", "client_ip")}
    found["status"] = response.get("status")
    return {name: value for name, value in found.items() if value is not None}


def _present(value: object) -> tuple[str, ...]:
    return () if value in (None, "") else (str(value),)


def _called(segment: Entity, forest: Forest, index: dict[str, int]) -> Edge | None:
    """Return the edge that leads to a segment; its outcome is the caller's view of the call where there is one."""
    parent = forest.entities.get(segment.parent_id or "")
    caller = forest.owner(parent) if parent else None
    if parent is None or caller is None:
        return None
    view = segment if parent.is_segment or not parent.document.get("namespace") else parent
    return _edge(view, index[caller.id], index[segment.id])


def _edge(entity: Entity, source: int, target: int) -> Edge:
    return Edge(source=source, target=target, start=entity.start, end=entity.end, outcome=entity.outcome)


def _inferred(entity: Entity, forest: Forest) -> Node | None:
    if not forest.calls_unseen(entity):
        return None
    kind, resource = inferred_service(entity)
    return Node(
        id=entity.id,
        name=resource,
        type=kind,
        start=entity.start,
        end=entity.end,
        outcome=entity.outcome,
        inferred=True,
        http=_http(entity.document),
    )


def _annotations(forest: Forest, index: dict[str, int]) -> dict[str, tuple[tuple[Scalar, int | None], ...]]:
    found: dict[str, list[tuple[Scalar, int | None]]] = defaultdict(list)
    for entity, (key, value) in _pairs(forest):
        owner = forest.owner(entity)
        pair = (value, index[owner.id] if owner else None)
        if pair not in found[key]:
            found[key].append(pair)
    return {key: tuple(values) for key, values in found.items()}


def _pairs(forest: Forest) -> Iterator[tuple[Entity, tuple[str, Scalar]]]:
    for entity in forest.entities.values():
        for key, value in (entity.document.get("annotations") or {}).items():
            if isinstance(value, str | int | float | bool):
                yield entity, (str(key), value)
