"""Fault 21: senders that take forever, at the local environment's gateway with the real receiver behind it.

On AWS the service itself reads the whole request before it calls the function; the gateway here does the same.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic

import aiohttp
from aiohttp import web

from tests.fakes_trip import Trip, secret, signed_headers, stripe_body
from webhookctl.local.gateway import Gateway
from webhookctl.local.ports import LOOPBACK
from webhookctl.local.stage_directory import Stage, StageDirectory

SLOW = 300
OTHERS = 20
OTHERS_WITHIN_S = 5.0
"""For all of them; each alone takes milliseconds. The slow ones take as long as they like."""


def test_fault_21_slow_senders(trip: Trip) -> None:
    """Three hundred requests that never end hold up nobody and reach no function; one that ends late is taken."""
    asyncio.run(_slow_senders(trip))


async def _slow_senders(trip: Trip) -> None:
    async with _front_door(trip) as port:
        slow = [await _begun(port, stripe_body(f"slow_{n}")) for n in range(SLOW)]
        started = monotonic()
        statuses = [await _posted(port, stripe_body(f"evt_{n}")) for n in range(OTHERS)]
        assert statuses == [200] * OTHERS
        assert monotonic() - started < OTHERS_WITHIN_S
        assert len(trip.aws.items) == OTHERS
        assert await _ended(*slow[0], stripe_body("slow_0")) == 200
        for _, writer in slow:
            writer.close()
    trip.drain()
    assert [trip.effects(name) for name in trip.aws.items] == [1] * (OTHERS + 1)


@contextlib.asynccontextmanager
async def _front_door(trip: Trip) -> AsyncIterator[int]:
    """Serve the gateway over an engine that calls the receiver; yield its port."""

    async def receiver(request: web.BaseRequest) -> web.Response:
        provider = request.path.rpartition("/")[2]
        return web.Response(status=trip.post(provider, await request.read(), request.headers))

    async with contextlib.AsyncExitStack() as stack:
        engine = await stack.enter_async_context(_served(receiver))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        gateway = Gateway(session, f"http://{LOOPBACK}:{engine}", _OneStage(), workers=4, port=0)
        yield await stack.enter_async_context(_served(gateway.handle))


@contextlib.asynccontextmanager
async def _served(handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> AsyncIterator[int]:
    runner = web.ServerRunner(web.Server(handle, auto_decompress=False), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, LOOPBACK, 0, backlog=1024)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


class _OneStage(StageDirectory):
    def __init__(self) -> None: ...

    async def find(self, name: str) -> Stage | None:
        return Stage(
            name=name,
            api_id="api",
            api_name="api",
            created_at=0.0,
            access_log_group=None,
            access_log_format=None,
            traces=False,
        )


Sender = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _begun(port: int, body: bytes) -> Sender:
    """Send a request without its last byte."""
    headers = {**signed_headers("stripe", body, secret=secret("stripe")), "content-length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.write(f"POST /prod/webhook/stripe HTTP/1.1\r\nhost: x\r\n{head}\r\n".encode() + body[:-1])
    await writer.drain()
    return reader, writer


async def _ended(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> int:
    writer.write(body[-1:])
    return int((await reader.readline()).split()[1])


async def _posted(port: int, body: bytes) -> int:
    reader, writer = await _begun(port, body)
    try:
        return await _ended(reader, writer, body)
    finally:
        writer.close()
