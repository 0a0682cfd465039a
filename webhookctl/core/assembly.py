"""What is to be deployed: the synthesised template, and how it differs from the deployed one."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

STATEFUL: Final = frozenset(
    {"AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::Logs::LogGroup", "AWS::SecretsManager::Secret", "AWS::SQS::Queue"}
)
"""Resource types that hold data: taking one away loses it (or leaves it behind, where the stack retains it)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """A synthesised stack: `folder` is the CDK cloud assembly."""

    folder: Path
    stack_name: str
    template: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceChange:
    """One resource that a deployment would add, change or remove. `details` names the members that differ."""

    TABLE: ClassVar = ("action", "type", "logical_id", "details")
    action: str
    type: str
    logical_id: str
    details: tuple[str, ...] = ()

    @property
    def loses_data(self) -> bool:
        """Whether the resource goes away with what it holds."""
        return self.action == "remove" and self.type in STATEFUL


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployPlan:
    """What `deploy` would do. No changes and outputs alike: there is nothing to do."""

    environment: str
    stack: str
    is_new: bool
    needs_bootstrap: bool
    outputs_changed: bool
    changes: tuple[ResourceChange, ...]

    @property
    def is_empty(self) -> bool:
        """Whether the deployed stack is already what the code says."""
        return not (self.is_new or self.changes or self.outputs_changed)

    @property
    def summary(self) -> str:
        """The plan in one line."""
        counts = {a: sum(c.action == a for c in self.changes) for a in ("add", "change", "remove")}
        return ", ".join(f"{n} to {a}" for a, n in counts.items() if n) or "no resource changes"


def plan_changes(
    environment: str, assembly: Assembly, deployed: Mapping[str, Any] | None, *, needs_bootstrap: bool = False
) -> DeployPlan:
    """Compare the synthesised template with the deployed one (None: there is no stack yet)."""
    old: Mapping[str, Any] = deployed or {}
    return DeployPlan(
        environment=environment,
        stack=assembly.stack_name,
        is_new=deployed is None,
        needs_bootstrap=needs_bootstrap,
        outputs_changed=old.get("Outputs", {}) != assembly.template.get("Outputs", {}),
        changes=tuple(_changes(old.get("Resources", {}), assembly.template.get("Resources", {}))),
    )


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[ResourceChange]:
    for logical_id in sorted({*old, *new}):
        before, after = old.get(logical_id), new.get(logical_id)
        if before == after:
            continue
        kind = str((after or before or {}).get("Type", ""))
        if before is None:
            yield ResourceChange(action="add", type=kind, logical_id=logical_id)
        elif after is None:
            yield ResourceChange(action="remove", type=kind, logical_id=logical_id)
        else:
            details = tuple(_differing(before, after))
            yield ResourceChange(action="change", type=kind, logical_id=logical_id, details=details)


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for member in sorted({*before, *after} - {"Properties"}):
        if before.get(member) != after.get(member):
            yield member
    old, new = before.get("Properties", {}), after.get("Properties", {})
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield name


def digest_of(folders: Mapping[str, Path], values: Mapping[str, Any]) -> str:
    """Return a hash over the files of some folders and some values: the same digest means the same template.

    Byte-code and caches are left out.
    """
    digest = hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode())
    for name, folder in sorted(folders.items()):
        for path in _files(folder):
            digest.update(f"\0{name}/{path.relative_to(folder)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts and p.suffix != ".pyc")
