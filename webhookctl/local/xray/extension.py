"""The front door's X-Ray: the daemon's port, the API's operations, and the gateway's segment of every request."""

import asyncio
import json
from collections.abc import Mapping

from webhookctl.local.aws_listener import ApiAnswer, ApiCall, Handler
from webhookctl.local.extensions import Extension, FrontDoorContext
from webhookctl.local.xray.daemon import XRay
from webhookctl.local.xray.gateway import StageSegments


def make(context: FrontDoorContext) -> Extension:
    """Return the parts that the front door mounts. The daemon listens as long as the background task runs."""
    service = XRay(context.root / "xray" / "traces.db")

    async def run() -> None:
        await service.start(port=context.ports.xray_daemon)
        try:
            await asyncio.Event().wait()  # until the front door cancels it
        finally:
            await service.stop()

    return Extension(
        observers=(StageSegments(service.put),),
        handlers=_handlers(service),
        background=(run,),
    )


def _handlers(service: XRay) -> Mapping[str, Handler]:
    async def handle(call: ApiCall) -> ApiAnswer:
        path = call.operation.partition(" ")[2]
        answer = await asyncio.to_thread(service.api.handle, path, json.dumps(call.parameters).encode())
        return ApiAnswer(json.loads(answer.body), status=answer.status, headers=answer.headers)

    return {f"POST {path}": handle for path in service.api.paths}
