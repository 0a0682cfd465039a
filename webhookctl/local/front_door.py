"""The front door's process: `python -m webhookctl.local.front_door FOLDER ENGINE_PORT PORT AWS_PORT XRAY_PORT`."""

import asyncio
import contextlib
import logging
import resource
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import web

from webhookctl.local.access_log import AccessLog
from webhookctl.local.aws_listener import AwsListener
from webhookctl.local.engine.process import worker_limit
from webhookctl.local.engine_client import EngineClient
from webhookctl.local.extensions import FrontDoorContext
from webhookctl.local.gateway import Gateway
from webhookctl.local.installed import EXTENSIONS
from webhookctl.local.ports import LOOPBACK, Ports
from webhookctl.local.service_metrics import GatewayMetrics, MetricsEmitter
from webhookctl.local.stage_directory import StageDirectory
from webhookctl.local.xray.sampling import Sampler, rules_file

_BACKLOG: Final = 1024
_UPSTREAM_IDLE_S: Final = 30
"""Shorter than the engine's keep-alive, so that no request meets a connection that is just being closed."""


async def serve(root: Path, ports: Ports) -> None:
    """Serve the public port and the AWS port until SIGTERM, then finish what was taken."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    engine_url = f"http://{LOOPBACK}:{ports.engine}"
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_UPSTREAM_IDLE_S)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as session:
        client = EngineClient(session, engine_url)
        stages = StageDirectory(client)
        context = FrontDoorContext(root=root, ports=ports, engine=client, stages=stages)
        extensions = [make(context) for make in EXTENSIONS]
        access_log, gateway_metrics = AccessLog(client), GatewayMetrics()
        gateway = Gateway(
            session,
            engine_url,
            stages,
            gates=[gate for extension in extensions for gate in extension.gates],
            observers=[access_log, gateway_metrics, *(o for extension in extensions for o in extension.observers)],
            samples=Sampler(rules_file(root)).decide,
            workers=worker_limit(),
            port=ports.front_door,
        )
        handlers = {name: handler for extension in extensions for name, handler in extension.handlers.items()}
        listener = AwsListener(session, engine_url, handlers)
        background: list[Callable[[], Awaitable[None]]] = [access_log.run, MetricsEmitter(client, gateway_metrics).run]
        background += [run for extension in extensions for run in extension.background]
        async with _tasks(background), _listening(gateway.handle, ports.front_door):
            async with _listening(listener.handle, ports.aws):
                await stopping.wait()
            await gateway.drain()


@contextlib.asynccontextmanager
async def _listening(
    handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], port: int
) -> AsyncIterator[None]:
    """Serve a handler on a loopback port. Bodies reach it as sent: nothing is decompressed."""
    server = web.Server(handle, auto_decompress=False, keepalive_timeout=75, access_log=None)
    runner = web.ServerRunner(server, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, port, backlog=_BACKLOG).start()
    try:
        yield
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def _tasks(runs: list[Callable[[], Awaitable[None]]]) -> AsyncIterator[None]:
    """Run tasks beside; cancel them at the end and wait until they have cleaned up."""
    tasks = [asyncio.ensure_future(run()) for run in runs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def main(arguments: list[str]) -> None:
    """Run the front door in the foreground."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    with contextlib.suppress(ValueError, OSError):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 65536)), hard))
    engine, front_door, aws, xray_daemon = (int(argument) for argument in arguments[1:5])
    ports = Ports(engine=engine, front_door=front_door, aws=aws, xray_daemon=xray_daemon)
    asyncio.run(serve(Path(arguments[0]), ports))


if __name__ == "__main__":
    main(sys.argv[1:])
