"""The X-Ray daemon: takes the SDK's UDP datagrams and puts the segments into the store.

A datagram is a JSON header line (`{"format": "json", "version": 1}`), a newline, and one segment document (X-Ray
developer guide, "Sending segment documents to the X-Ray daemon"). Datagrams are gathered for a moment and stored
together, so that a burst costs the event loop little.
"""

import asyncio
import json
from collections import deque
from contextlib import suppress
from pathlib import Path

from webhookctl.local.xray.api import XRayApi
from webhookctl.local.xray.store import TraceStore

FLUSH_INTERVAL_S = 0.2
_RECEIVE_BUFFER = 4 * 1024 * 1024


class XRay:
    """The daemon, the store and the API of one local environment, to be mounted by the front door."""

    def __init__(self, path: Path) -> None:
        self.store = TraceStore(path)
        self.api = XRayApi(self.store, flush=self.flush)
        self.dropped = 0
        """Datagrams that were no valid segment."""
        self._pending: deque[str] = deque()
        self._transport: asyncio.DatagramTransport | None = None
        self._flusher: asyncio.Task[None] | None = None

    async def start(self, *, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen for datagrams; return the port (UDP). Raises OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: _Receiver(self), local_addr=(host, port))
        socket = self._transport.get_extra_info("socket")
        with suppress(OSError):
            socket.setsockopt(1, 8, _RECEIVE_BUFFER)  # SOL_SOCKET, SO_RCVBUF: hold a burst while we store
        self._flusher = asyncio.create_task(self._flush_often())
        return int(socket.getsockname()[1])

    async def stop(self) -> None:
        """Store what is pending and close."""
        if self._flusher is not None:
            self._flusher.cancel()
        if self._transport is not None:
            self._transport.close()
        await asyncio.to_thread(self.flush)
        self.store.close()

    def put(self, document: dict[str, object]) -> None:
        """Take one segment document from this process (the gateway's own)."""
        self._pending.append(json.dumps(document))

    def receive(self, data: bytes) -> None:
        """Take one datagram."""
        header, newline, document = data.partition(b"\n")
        try:
            is_ours = bool(newline) and json.loads(header).get("format") == "json"
            text = document.decode()
        except (ValueError, AttributeError):
            is_ours = False
        if is_ours:
            self._pending.append(text)
        else:
            self.dropped += 1

    def flush(self) -> None:
        """Store what is pending. Safe from any thread."""
        documents: list[str] = []
        with suppress(IndexError):
            while True:
                documents.append(self._pending.popleft())
        if documents:
            self.dropped += len(self.store.put(documents))

    async def _flush_often(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_INTERVAL_S)
            if self._pending:
                await asyncio.to_thread(self.flush)


class _Receiver(asyncio.DatagramProtocol):
    def __init__(self, xray: XRay) -> None:
        self._xray = xray

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:  # noqa: ARG002 - the protocol's signature
        self._xray.receive(data)
