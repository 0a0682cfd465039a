"""Bring AWS WAF's metrics and log records to CloudWatch, as AWS does it: metrics by the minute, records in batches."""

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

import aiohttp

from stack import outputs
from webhookctl.local.engine_client import EngineClient, EngineError
from webhookctl.local.log_streams import LogStreams
from webhookctl.local.service_metrics import datum, put
from webhookctl.local.waf.ledger import WafLedger

METRIC_INTERVAL_S: Final = 60.0
FLUSH_S: Final = 0.5
_BATCH: Final = 1000
_WAITING_MAX: Final = 50_000
_log = logging.getLogger("webhookctl.waf")


class WafPublisher:
    """Publishes to the engine. Records that nobody's logging configuration asks for are dropped, as on AWS."""

    def __init__(self, client: EngineClient) -> None:
        self._client = client
        self._waiting: deque[tuple[str, dict[str, Any]]] = deque(maxlen=_WAITING_MAX)
        self._groups: dict[str, tuple[float, str | None]] = {}
        self._streams = LogStreams(client)

    def log(self, acl_arn: str, record: dict[str, Any]) -> None:
        """Note one log record."""
        self._waiting.append((acl_arn, record))

    async def run(self, ledgers: Mapping[str, WafLedger]) -> None:
        """Publish until cancelled; then once more."""
        due = time.monotonic() + METRIC_INTERVAL_S
        try:
            while True:
                await asyncio.sleep(FLUSH_S)
                await self._safely(self._flush_log())
                if time.monotonic() >= due:
                    due += METRIC_INTERVAL_S
                    await self._safely(self._flush_metrics(ledgers))
        finally:
            await self.flush(ledgers)

    async def flush(self, ledgers: Mapping[str, WafLedger]) -> None:
        """Publish what waits now."""
        await self._safely(self._flush_log())
        await self._safely(self._flush_metrics(ledgers))

    async def _safely(self, work: Any) -> None:  # noqa: ANN401 - any coroutine
        try:
            await work
        except (EngineError, aiohttp.ClientError, OSError) as error:
            _log.warning("not published: %s", error)

    async def _flush_metrics(self, ledgers: Mapping[str, WafLedger]) -> None:
        data = [
            datum(
                count.metric,
                float(count.value),
                "Count",
                WebACL=ledger.acl_metric,
                Region=self._client.region,
                Rule=count.rule,
            )
            for ledger in ledgers.values()
            for count in ledger.drain_counts()
        ]
        await put(self._client, "AWS/WAFV2", data)

    async def _flush_log(self) -> None:
        by_group: dict[str, list[dict[str, object]]] = {}
        for _ in range(min(_BATCH, len(self._waiting))):
            acl_arn, record = self._waiting.popleft()
            group = await self._log_group(acl_arn)
            if group is not None:
                event = {"timestamp": record["timestamp"], "message": json.dumps(record, separators=(",", ":"))}
                by_group.setdefault(group, []).append(event)
        stream = time.strftime("waf/%Y/%m/%d", time.gmtime())
        for group, events in by_group.items():
            await self._streams.put(group, stream, events)

    async def _log_group(self, acl_arn: str) -> str | None:
        read_at, group = self._groups.get(acl_arn, (float("-inf"), None))
        if time.monotonic() - read_at < METRIC_INTERVAL_S:
            return group
        try:
            wanted = {"ResourceArn": acl_arn}
            answer = await self._client.call("wafv2", "AWSWAF_20190729.GetLoggingConfiguration", wanted)
            destinations = answer["LoggingConfiguration"]["LogDestinationConfigs"]
            group = str(destinations[0]).partition(":log-group:")[2].removesuffix(":*")
        except EngineError as error:
            if error.code == "InvalidAction":  # the engine keeps no logging configuration: the stack's name for it
                name = acl_arn.rsplit("/", 2)[1]
                group = outputs.waf_log_group_name(name.removeprefix(outputs.web_acl_name("")))
            elif error.code == "WAFNonexistentItemException":
                group = None
            else:
                raise
        self._groups[acl_arn] = (time.monotonic(), group)
        return group
