"""The local X-Ray behind a plain HTTP server, for real AWS clients; and segments to put into it."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3

from webhookctl.local.xray.api import XRayApi
from webhookctl.local.xray.daemon import XRay

NOW = 1_790_000_000.0


@dataclass(frozen=True)
class Served:
    """Where a served X-Ray is reached."""

    url: str
    daemon_address: str
    xray: XRay


@contextmanager
def served(path: Path) -> Iterator[Served]:
    """Run daemon and API on free loopback ports."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    xray = XRay(path)
    port = asyncio.run_coroutine_threadsafe(xray.start(), loop).result(5)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(xray.api))
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    try:
        yield Served(f"http://127.0.0.1:{server.server_address[1]}", f"127.0.0.1:{port}", xray)
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
        asyncio.run_coroutine_threadsafe(xray.stop(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _handler(api: XRayApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = api.handle(self.path, body)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    return Handler


def client_of(served_xray: Served) -> Any:
    """Return boto3's own X-Ray client."""
    return boto3.client(
        "xray",
        endpoint_url=served_xray.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def trace_id(number: int, *, at: float = NOW) -> str:
    """Return the trace id number `number` of the second `at`."""
    return f"1-{int(at):08x}-{number:024x}"


def segment(trace: str, id_: str, name: str, *, start: float = 0.0, took: float = 0.1, **fields: Any) -> str:
    """Return a segment document; `start` counts from NOW."""
    document = {
        "trace_id": trace,
        "id": id_.rjust(16, "0"),
        "name": name,
        "start_time": NOW + start,
        "end_time": NOW + start + took,
        **fields,
    }
    return json.dumps({key: value for key, value in document.items() if value is not None})
