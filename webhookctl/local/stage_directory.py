"""Which REST API serves a stage now: asked of the engine, so that a deployment needs no restart of the front door."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Final

from webhookctl.local.engine_client import EngineClient

REFRESH_S: Final = 1.0


@dataclass(frozen=True)
class Stage:
    """A deployed stage and its settings."""

    name: str
    api_id: str
    api_name: str
    created_at: float
    access_log_group: str | None
    access_log_format: str | None
    traces: bool
    """X-Ray tracing is on."""
    resources: tuple[str, ...] = ()
    """The paths that the API serves, with `{name}` for a part that may be anything."""

    def resource_of(self, path: str) -> str:
        """Return the resource that a path leads to, `-` where there is none."""
        parts = path.split("/")
        return next((resource for resource in self.resources if _leads_to(parts, resource.split("/"))), "-")


class StageDirectory:
    """The stages that the engine has deployed, at most a second old."""

    def __init__(self, client: EngineClient) -> None:
        self._client = client
        self._stages: dict[str, Stage] = {}
        self._read_at = float("-inf")
        self._lock = asyncio.Lock()

    async def find(self, name: str) -> Stage | None:
        """Return the stage of this name; of several APIs that have one, the newest."""
        async with self._lock:
            if time.monotonic() - self._read_at > REFRESH_S:
                self._stages = await self._read()
                self._read_at = time.monotonic()
        return self._stages.get(name)

    async def _read(self) -> dict[str, Stage]:
        stages: dict[str, Stage] = {}
        listing = await self._client.get("apigateway", "/restapis")
        for api in listing.get("item", listing.get("items", [])):
            deployed = await self._client.get("apigateway", f"/restapis/{api['id']}/stages")
            served = await self._client.get("apigateway", f"/restapis/{api['id']}/resources")
            for raw in deployed.get("item", []):
                stage = _stage(api, raw, served.get("item", []))
                known = stages.get(stage.name)
                if known is None or known.created_at <= stage.created_at:
                    stages[stage.name] = stage
        return stages


def _leads_to(parts: list[str], resource: list[str]) -> bool:
    return len(parts) == len(resource) and all(
        name == part or (name.startswith("{") and part) for part, name in zip(parts, resource, strict=True)
    )


def _stage(api: dict[str, Any], raw: dict[str, Any], served: list[dict[str, Any]]) -> Stage:
    log = raw.get("accessLogSettings") or {}
    group = str(log.get("destinationArn", "")).removesuffix(":*").partition(":log-group:")[2]
    return Stage(
        name=raw["stageName"],
        api_id=api["id"],
        api_name=str(api.get("name", api["id"])),
        created_at=float(api.get("createdDate") or 0),
        access_log_group=group or None,
        access_log_format=log.get("format"),
        traces=str(raw.get("tracingEnabled")).lower() == "true",
        resources=tuple(str(resource["path"]) for resource in served),
    )
