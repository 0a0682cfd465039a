"""The metrics that AWS services publish about themselves and the engine does not: queues and the gateway.

Points go to the engine's CloudWatch, where alarms see them. A gauge is sent when it changes, every five
seconds while it is not zero, and once a minute.
"""

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from webhookctl.local.engine_client import EngineClient, EngineError
from webhookctl.local.exchange import Exchange

INTERVAL_S: Final = 1.0
_BATCH: Final = 500
_REPEAT_S: Final = 5
_REPEAT_ZERO_S: Final = 60
_SERVER_ERROR: Final = 500
_CLIENT_ERROR: Final = 400

Datum = dict[str, Any]

_log = logging.getLogger("webhookctl.metrics")


class GatewayMetrics:
    """Counts requests by API and stage for AWS/ApiGateway."""

    def __init__(self) -> None:
        self._data: list[Datum] = []

    def completed(self, exchange: Exchange) -> None:
        """Note a request's count, errors and latencies."""
        stage, status = exchange.arrival.stage, exchange.answer.status
        measured = {
            "Count": (1.0, "Count"),
            "4XXError": (float(_CLIENT_ERROR <= status < _SERVER_ERROR), "Count"),
            "5XXError": (float(status >= _SERVER_ERROR), "Count"),
            "Latency": (exchange.latency_s * 1000, "Milliseconds"),
        }
        if exchange.integration_latency_s is not None:
            measured["IntegrationLatency"] = (exchange.integration_latency_s * 1000, "Milliseconds")
        for dimensions in ({"ApiName": stage.api_name}, {"ApiName": stage.api_name, "Stage": stage.name}):
            for name, (value, unit) in measured.items():
                self._data.append(datum(name, value, unit, **dimensions))

    def take(self) -> list[Datum]:
        """Return what was noted since the last time, one statistic set per metric."""
        data, self._data = self._data, []
        return summarise(data)


class QueueMetrics:
    """Reads every queue's depth and the age of its oldest message for AWS/SQS."""

    def __init__(self, client: EngineClient) -> None:
        self._client = client
        self._sent: dict[tuple[str, str], tuple[float, int]] = {}

    async def take(self, now: float) -> list[Datum]:
        """Return the gauges that changed since the last time, or that have not been sent for a while."""
        listing = await self._client.call("sqs", "AmazonSQS.ListQueues", {})
        data: list[Datum] = []
        for url in listing.get("QueueUrls", []):
            data.extend(self._fresh(str(url).rpartition("/")[2], await self._measure(url, now), now))
        return data

    async def _measure(self, url: str, now: float) -> dict[str, float]:
        wanted = {"QueueUrl": url, "AttributeNames": ["All"]}
        answer = await self._client.call("sqs", "AmazonSQS.GetQueueAttributes", wanted)
        attributes = answer.get("Attributes", {})
        visible, hidden, delayed = (
            float(attributes.get(f"ApproximateNumberOfMessages{suffix}", 0)) for suffix in ("", "NotVisible", "Delayed")
        )
        waiting = visible + hidden
        return {
            "ApproximateNumberOfMessagesVisible": visible,
            "ApproximateNumberOfMessagesNotVisible": hidden,
            "ApproximateNumberOfMessagesDelayed": delayed,
            "ApproximateAgeOfOldestMessage": await self._oldest_age(url, now) if waiting else 0.0,
        }

    async def _oldest_age(self, url: str, now: float) -> float:
        peeked = await self._client.get("sqs", f"/_ministack/sqs/messages?QueueUrl={quote(url, safe='')}")
        sent = [
            float(entry["SentTimestamp"])
            for regions in peeked.get("messages", {}).values()
            for queues in regions.values()
            for messages in queues.values()
            for entry in messages
        ]
        return max(0.0, now - min(sent)) if sent else 0.0

    def _fresh(self, queue: str, gauges: dict[str, float], now: float) -> Iterable[Datum]:
        for name, value in gauges.items():
            mark = (value, int(now // (_REPEAT_S if value else _REPEAT_ZERO_S)))
            if self._sent.get((queue, name)) == mark:
                continue
            self._sent[queue, name] = mark
            yield datum(name, value, "Seconds" if name.endswith("OldestMessage") else "Count", QueueName=queue)


class MetricsEmitter:
    """Feeds CloudWatch once a second, until cancelled."""

    def __init__(self, client: EngineClient, gateway: GatewayMetrics) -> None:
        self._client = client
        self._gateway = gateway
        self._queues = QueueMetrics(client)

    async def run(self) -> None:
        """Emit until cancelled. A failure is logged and the next second tries again."""
        while True:
            await asyncio.sleep(INTERVAL_S)
            try:
                await self.emit(time.time())
            except (EngineError, aiohttp.ClientError, OSError) as error:
                _log.warning("metrics not written: %s", error)

    async def emit(self, now: float) -> None:
        """Send everything that is new."""
        await put(self._client, "AWS/ApiGateway", self._gateway.take())
        # Always, even without a point: the engine looks at its alarms only when metrics are put.
        await put(self._client, "AWS/SQS", await self._queues.take(now))


async def put(client: EngineClient, namespace: str, data: list[Datum]) -> None:
    """Put metric data, in as many calls as they need."""
    for start in range(0, max(1, len(data)), _BATCH):
        payload = {"Namespace": namespace, "MetricData": data[start : start + _BATCH]}
        await client.call("monitoring", "GraniteServiceVersion20100801.PutMetricData", payload)


def datum(name: str, value: float, unit: str, **dimensions: str) -> Datum:
    """Return one point in CloudWatch's form."""
    named = [{"Name": key, "Value": text} for key, text in dimensions.items()]
    return {"MetricName": name, "Value": value, "Unit": unit, "Dimensions": named}


def summarise(data: list[Datum]) -> list[Datum]:
    """Fold points of one metric, unit and dimensions into values with counts; milliseconds keep two digits."""
    folded: dict[tuple[object, ...], Datum] = {}
    for point in data:
        key = (point["MetricName"], point["Unit"], *((d["Name"], d["Value"]) for d in point["Dimensions"]))
        into = folded.setdefault(key, {k: v for k, v in point.items() if k != "Value"} | {"Values": [], "Counts": []})
        value = float(f"{point['Value']:.2g}") if point["Unit"] == "Milliseconds" else point["Value"]
        if value in into["Values"]:
            into["Counts"][into["Values"].index(value)] += 1
        else:
            into["Values"].append(value)
            into["Counts"].append(1)
    return list(folded.values())
