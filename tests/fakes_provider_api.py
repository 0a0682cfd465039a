"""The three providers' event lists over HTTP on this machine: pages, keys, and answers that are not as documented."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "key-of-the-operator"
EVENTS_PATHS = {
    "stripe": ("GET", "/v1/events"),
    "paypal": ("GET", "/v1/notifications/webhooks-events"),
    "square": ("POST", "/v2/events"),
}


def listed_event(provider: str, event_id: str, *, at: datetime) -> dict[str, Any]:
    """Return an event as the provider's list holds it."""
    iso = f"{at:%Y-%m-%dT%H:%M:%SZ}"
    events: dict[str, dict[str, Any]] = {
        "stripe": {"id": event_id, "type": "charge.refunded", "created": int(at.timestamp())},
        "paypal": {"id": event_id, "event_type": "PAYMENT.CAPTURE.COMPLETED", "create_time": iso},
        "square": {"event_id": event_id, "type": "payment.updated", "created_at": iso},
    }
    return events[provider]


@dataclass
class ProviderStub:
    """One provider's list, `page_size` events to a page. `requests` is what it was asked: (path, query, body)."""

    provider: str
    events: list[dict[str, Any]]
    page_size: int = 2
    status: int = 200
    text: str | None = None
    requests: list[tuple[str, dict[str, list[str]], Any]] = field(default_factory=list)

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> tuple[int, str]:
        """Return status and body of one request, as the provider documents it."""
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        assert (method, path) == EVENTS_PATHS[self.provider]
        self.requests.append((path, query, json.loads(body) if body else None))
        if headers["Authorization"] != f"Bearer {KEY}":
            return 401, "{}"
        return self.status, json.dumps(self._page()) if self.text is None else self.text

    def _page(self) -> dict[str, Any]:
        _, query, body = self.requests[-1]
        if self.provider == "stripe":
            last = query.get("starting_after", [""])[0]
            start = next((n + 1 for n, event in enumerate(self.events) if event["id"] == last), 0)
            page = self.events[start : start + self.page_size]
            return {"object": "list", "data": page, "has_more": start + self.page_size < len(self.events)}
        start = int((query.get("start_index") or [(body or {}).get("cursor", "0")])[0])
        page, end = self.events[start : start + self.page_size], start + self.page_size
        if self.provider == "square":
            return {"events": page} | ({"cursor": str(end)} if end < len(self.events) else {})
        href = f"https://api-m.paypal.com/v1/notifications/webhooks-events?start_index={end}"
        links = [{"rel": "next", "method": "GET", "href": href}] if end < len(self.events) else []
        return {"events": page, "count": len(page), "links": [{"rel": "self", "href": "https://x.com/"}, *links]}


@contextmanager
def serving(stub: ProviderStub) -> Iterator[str]:
    """Serve a stub on a free port of the loopback address; yield its URL."""

    class Handler(BaseHTTPRequestHandler):
        def _reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, text = stub.answer(self.command, self.path, self.headers, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = _reply  # noqa: N815 - the names that http.server asks for

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
