"""The segments and subsegments of one trace as a forest."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from webhookctl.local.xray.view import Outcome

Document = dict[str, Any]


_INFERRED_TYPES = {"DynamoDB": "AWS::DynamoDB::Table", "SQS": "AWS::SQS::Queue", "SNS": "AWS::SNS", "S3": "AWS::S3"}
_INFERRED_NAMES = {"DynamoDB": ("table_name",), "SQS": ("queue_url", "queue_name"), "SNS": ("topic_arn",)}


@dataclass(slots=True)
class Entity:
    """A segment or subsegment with the id of what it lies in."""

    id: str
    parent_id: str | None
    is_segment: bool
    document: Document
    start: float
    end: float
    outcome: Outcome


class Forest:
    """All entities of a trace by id, with their children in order of time."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self.entities: dict[str, Entity] = {}
        for document in documents:
            self._add(document, parent_id=document.get("parent_id"), is_segment=document.get("type") != "subsegment")
        self.children: dict[str, list[Entity]] = defaultdict(list)
        for entity in sorted(self.entities.values(), key=lambda e: e.start):
            if entity.parent_id in self.entities:
                self.children[str(entity.parent_id)].append(entity)

    def _add(self, document: Document, *, parent_id: str | None, is_segment: bool) -> None:
        entity = _entity(document, parent_id=parent_id, is_segment=is_segment)
        self.entities[entity.id] = entity
        for child in document.get("subsegments") or ():
            self._add(child, parent_id=entity.id, is_segment=False)

    def owner(self, entity: Entity) -> Entity | None:
        """Return the segment that an entity belongs to; None when a parent is missing."""
        seen: set[str] = set()
        current: Entity | None = entity
        while current is not None and not current.is_segment:
            if current.id in seen:
                return None
            seen.add(current.id)
            current = self.entities.get(current.parent_id or "")
        return current

    def calls_unseen(self, entity: Entity) -> bool:
        """Return whether a subsegment calls a service that wrote no segment of its own here."""
        if entity.is_segment or entity.document.get("namespace") not in ("aws", "remote"):
            return False
        return not any(child.is_segment for child in self.children[entity.id])

    def segments(self) -> list[Entity]:
        """Return the segments, the root first, then by start."""
        found = [entity for entity in self.entities.values() if entity.is_segment]
        return sorted(found, key=lambda e: (e.parent_id in self.entities, bool(e.parent_id), e.start))


def inferred_service(entity: Entity) -> tuple[str, str]:
    """Return type and name of the service that a subsegment calls."""
    name = str(entity.document.get("name", ""))
    aws = entity.document.get("aws") or {}
    resource = next((str(aws[key]) for key in _INFERRED_NAMES.get(name, ()) if aws.get(key)), name)
    if entity.document.get("namespace") == "remote":
        return "remote", name
    return _INFERRED_TYPES.get(name, f"AWS::{name}"), resource


def _entity(document: Document, *, parent_id: str | None, is_segment: bool) -> Entity:
    start = float(document.get("start_time") or 0.0)
    status = ((document.get("http") or {}).get("response") or {}).get("status")
    status = int(status) if isinstance(status, int | float) else None
    return Entity(
        id=str(document.get("id")),
        parent_id=parent_id,
        is_segment=is_segment,
        document=document,
        start=start,
        end=max(float(document.get("end_time") or start), start),
        outcome=Outcome(
            fault=bool(document.get("fault")) or (status is not None and status >= 500),  # noqa: PLR2004
            error=bool(document.get("error")) or (status is not None and 400 <= status < 500),  # noqa: PLR2004
            throttle=bool(document.get("throttle")) or status == 429,  # noqa: PLR2004
            status=status,
            in_progress=bool(document.get("in_progress")),
        ),
    )
