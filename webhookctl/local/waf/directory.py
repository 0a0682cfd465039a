"""Which web ACL guards a stage now: asked of the engine's wafv2 API and compiled when it changed."""

import asyncio
import json
import logging
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from webhookctl.local.engine_client import EngineClient, EngineError
from webhookctl.local.stage_directory import Stage, StageDirectory
from webhookctl.local.waf.acl import Lag, WebAcl
from webhookctl.local.waf.members import UnsupportedStatementError
from webhookctl.local.waf.profile import read_lag
from webhookctl.local.waf.wire import decoded

REFRESH_S: Final = 1.0
_TARGET: Final = "AWSWAF_20190729."
_log = logging.getLogger("webhookctl.waf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A stage's compiled web ACL, or why it can't be modelled."""

    acl: WebAcl | None
    fault: str = ""


class WafDirectory:
    """Keeps the guard of each stage that is asked for, at most a second old. A changed web ACL starts counting anew."""

    def __init__(self, client: EngineClient, stages: StageDirectory, profile: Path) -> None:
        self._client, self._stages, self._profile = client, stages, profile
        self._guards: dict[str, Guard] = {}
        self._documents: dict[str, str] = {}
        self._names: set[str] = set()

    def find(self, stage: Stage) -> Guard | None:
        """Return what guards a stage, without waiting; None when nothing does."""
        self._names.add(stage.name)
        return self._guards.get(stage.name)

    async def ready(self, stage: Stage) -> Guard | None:
        """Return what guards a stage, reading it first if it was never read."""
        if stage.name not in self._documents:
            await self._refresh(stage)
        return self.find(stage)

    def acls(self) -> list[WebAcl]:
        """Return every compiled web ACL."""
        return [guard.acl for guard in self._guards.values() if guard.acl is not None]

    async def run(self) -> None:
        """Follow changes until cancelled."""
        while True:
            await asyncio.sleep(REFRESH_S)
            for name in tuple(self._names):
                try:
                    stage = await self._stages.find(name)
                    if stage is not None:
                        await self._refresh(stage)
                except (EngineError, aiohttp.ClientError, OSError) as error:
                    _log.warning("web ACL of stage %s not read: %s", name, error)

    async def _refresh(self, stage: Stage) -> None:
        acl = await self._read(stage)
        ranges = await self._address_ranges(acl)
        lag_s = read_lag(self._profile)
        document = json.dumps([stage.api_id, acl, ranges, lag_s], sort_keys=True)
        if self._documents.get(stage.name) == document:
            return
        self._documents[stage.name] = document
        self._names.add(stage.name)
        if not acl:
            self._guards.pop(stage.name, None)
            return
        self._guards[stage.name] = _compile(acl, ranges, lag_s)

    async def _read(self, stage: Stage) -> dict[str, Any]:
        arn = f"arn:aws:apigateway:{self._client.region}::/restapis/{stage.api_id}/stages/{stage.name}"
        try:
            answer = await self._client.call("wafv2", _TARGET + "GetWebACLForResource", {"ResourceArn": arn})
        except EngineError as error:
            if error.code == "WAFNonexistentItemException":
                return {}
            raise
        found: dict[str, Any] = answer.get("WebACL") or {}
        return found

    async def _address_ranges(self, acl: Mapping[str, Any]) -> dict[str, list[str]]:
        ranges: dict[str, list[str]] = {}
        for arn in sorted(_ip_set_arns(acl)):
            name, uid = arn.rsplit("/", 2)[1:]
            wanted = {"Name": name, "Id": uid, "Scope": "REGIONAL"}
            answer = await self._client.call("wafv2", _TARGET + "GetIPSet", wanted)
            ranges[arn] = list(answer["IPSet"]["Addresses"])
        return ranges


def _compile(acl: Mapping[str, Any], ranges: Mapping[str, list[str]], lag_s: float) -> Guard:
    lag = Lag(block_s=lag_s, unblock_s=lag_s)
    try:
        compiled = WebAcl(decoded(acl), ip_sets=ranges.__getitem__, lag=lag, now=time.monotonic(), phase=random.random)
    except (UnsupportedStatementError, LookupError, ValueError, TypeError, AttributeError) as error:  # any JSON comes
        _log.exception("web ACL %s can't be enforced here", acl.get("Name"))
        return Guard(acl=None, fault=f"the local environment does not model this web ACL: {error}")
    return Guard(acl=compiled)


def _ip_set_arns(node: object) -> set[str]:
    """Return the ARNs of all IP sets that a web ACL refers to, however deep."""
    if isinstance(node, Mapping):
        own = node.get("IPSetReferenceStatement")
        found = {str(own["ARN"])} if isinstance(own, Mapping) and "ARN" in own else set()
        return found.union(*(_ip_set_arns(value) for value in node.values()))
    if isinstance(node, list):
        return set[str]().union(*(_ip_set_arns(value) for value in node))
    return set()
