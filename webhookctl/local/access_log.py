"""The stage's access log: the line that its format asks for, written to its log group in batches."""

import asyncio
import logging
import re
import time
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import aiohttp

from webhookctl.local.engine_client import EngineClient, EngineError
from webhookctl.local.exchange import Exchange
from webhookctl.local.log_streams import LogStreams
from webhookctl.local.state import ACCOUNT_ID

FLUSH_S: Final = 0.25
_BATCH: Final = 1000
_WAITING_MAX: Final = 100_000
"""Lines kept while the engine does not take them; the oldest go first."""
_VARIABLE: Final = re.compile(r"\$context\.([A-Za-z_]+(?:\.[A-Za-z_]+)*)")
_OUTSIDE_TEXT: Final = re.compile(r'["\\\x00-\x1f\ud800-\udfff]')
"""What would break the line, or the log: quotes, control characters, bytes that are no UTF-8 (lone surrogates)."""

_log = logging.getLogger("webhookctl.access_log")


class AccessLog:
    """Collects a line per request and puts them into CloudWatch Logs every quarter of a second."""

    def __init__(self, client: EngineClient) -> None:
        self._waiting: deque[tuple[str, int, str]] = deque(maxlen=_WAITING_MAX)
        self._streams = LogStreams(client)

    def completed(self, exchange: Exchange) -> None:
        """Note a request, if its stage has an access log."""
        stage = exchange.arrival.stage
        if stage.access_log_group and stage.access_log_format:
            line = render(stage.access_log_format, variables(exchange))
            self._waiting.append((stage.access_log_group, int(exchange.arrival.arrived_at * 1000), line))

    async def run(self) -> None:
        """Write what was noted, until cancelled; then once more."""
        try:
            while True:
                await asyncio.sleep(FLUSH_S)
                await self.flush()
        finally:
            await self.flush()

    async def flush(self) -> None:
        """Write everything that waits. What the engine does not take now is tried again later."""
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            try:
                await self._put(batch)
            except (EngineError, aiohttp.ClientError, OSError) as error:
                _log.warning("access log not written: %s", error)
                if not (isinstance(error, EngineError) and error.code == "ResourceNotFoundException"):
                    self._waiting.extendleft(reversed(batch))
                return

    async def _put(self, batch: list[tuple[str, int, str]]) -> None:
        groups: dict[str, list[dict[str, object]]] = {}
        for group, at, line in batch:
            groups.setdefault(group, []).append({"timestamp": at, "message": line})
        stream = time.strftime("%Y/%m/%d/front-door", time.gmtime())
        for group, events in groups.items():
            await self._streams.put(group, stream, events)


def render(template: str, values: Mapping[str, str]) -> str:
    """Fill in a format's `$context` variables; one that is unknown becomes `-`, as on AWS."""
    return _VARIABLE.sub(lambda match: _OUTSIDE_TEXT.sub("?", values.get(match.group(1), "-")), template).strip()


def variables(exchange: Exchange) -> dict[str, str]:
    """Return the access-log variables of a request by their names below `$context`."""
    arrival, answer, stage = exchange.arrival, exchange.answer, exchange.arrival.stage
    at = datetime.fromtimestamp(arrival.arrived_at, UTC)
    integration = exchange.integration_latency_s
    values = {
        "accountId": ACCOUNT_ID,
        "apiId": stage.api_id,
        "stage": stage.name,
        "requestId": arrival.request_id,
        "extendedRequestId": arrival.extended_request_id,
        "httpMethod": arrival.method,
        "path": f"/{stage.name}{arrival.path}",
        "resourcePath": stage.resource_of(arrival.path),
        "protocol": "HTTP/1.1",
        "requestTime": at.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": str(int(arrival.arrived_at * 1000)),
        "identity.sourceIp": arrival.source_ip,
        "identity.userAgent": arrival.headers.get("User-Agent", "-"),
        "status": str(answer.status),
        "responseLength": str(len(answer.body)),
        "responseLatency": str(round(exchange.latency_s * 1000)),
        "xrayTraceId": arrival.trace.root,
        "integrationLatency": "-" if integration is None else str(round(integration * 1000)),
        "integration.latency": "-" if integration is None else str(round(integration * 1000)),
        "integrationStatus": "-" if integration is None else str(answer.status),
        "integration.status": "-" if integration is None else str(answer.status),
    }
    return values | dict(exchange.context)
