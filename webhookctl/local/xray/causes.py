"""Root causes of a trace: the chain of entities that leads to a fault, an error or the response time.

X-Ray's own algorithm is not published; this follows the description in the developer guide ("Getting data", root cause
analytics): a path of services, each with its path of entities, that ends where the failure or the time began.
"""

from collections.abc import Callable
from typing import Any

from webhookctl.local.xray.forest import Entity, Forest, inferred_service
from webhookctl.local.xray.view import CauseEntity, CauseService


def root_causes(forest: Forest, root: Entity) -> dict[str, tuple[CauseService, ...]]:
    """Return the chains by kind; a kind that does not apply to the trace is absent."""
    found = {
        "fault": _chain(forest, root, lambda e: e.outcome.fault, pick=_first),
        "error": _chain(forest, root, lambda e: e.outcome.error, pick=_first),
        "responsetime": _chain(forest, root, lambda _: True, pick=_longest),
    }
    return {kind: _by_service(chain, forest, root) for kind, chain in found.items() if chain}


def _first(candidates: list[Entity]) -> Entity:
    return candidates[0]


def _longest(candidates: list[Entity]) -> Entity:
    return max(candidates, key=lambda e: e.end - e.start)


def _chain(
    forest: Forest,
    root: Entity,
    belongs: Callable[[Entity], bool],
    *,
    pick: Callable[[list[Entity]], Entity],
) -> list[Entity]:
    if not any(belongs(entity) for entity in forest.entities.values()):
        return []
    chain, seen = [root], {root.id}
    while True:
        below = [c for c in forest.children[chain[-1].id] if c.id not in seen and _leads(forest, c, belongs, set())]
        if not below:
            return chain if belongs(chain[-1]) else []
        chain.append(pick(below))
        seen.add(chain[-1].id)


def _leads(forest: Forest, entity: Entity, belongs: Callable[[Entity], bool], seen: set[str]) -> bool:
    if belongs(entity):
        return True
    seen.add(entity.id)
    return any(_leads(forest, child, belongs, seen) for child in forest.children[entity.id] if child.id not in seen)


def _by_service(chain: list[Entity], forest: Forest, root: Entity) -> tuple[CauseService, ...]:
    total = max(root.end - root.start, 1e-9)
    groups: list[tuple[Any, list[CauseEntity]]] = []
    for entity in chain:
        owner = forest.owner(entity) or root
        if not groups or groups[-1][0].id != owner.id:
            groups.append((owner, []))
        groups[-1][1].append(
            CauseEntity(
                name=str(entity.document.get("name", "")),
                remote=entity.document.get("namespace") in ("aws", "remote"),
                coverage=min((entity.end - entity.start) / total, 1.0),
                exceptions=_exceptions(entity.document.get("cause")),
            )
        )
    services = tuple(
        CauseService(
            name=str(owner.document.get("name", "")),
            type=str(owner.document.get("origin") or ""),
            inferred=False,
            entities=tuple(entities),
        )
        for owner, entities in groups
    )
    return (*services, *_unseen(chain[-1], forest))


def _unseen(last: Entity, forest: Forest) -> tuple[CauseService, ...]:
    """Return the service behind the last call, where it wrote no segment."""
    if not forest.calls_unseen(last):
        return ()
    kind, name = inferred_service(last)
    entity = CauseEntity(name=name, exceptions=_exceptions(last.document.get("cause")))
    return (CauseService(name=name, type=kind, inferred=True, entities=(entity,)),)


def _exceptions(cause: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(cause, dict):
        return ()
    return tuple((str(e.get("type", "")), str(e.get("message", ""))) for e in cause.get("exceptions") or ())
