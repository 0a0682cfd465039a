"""Metrics that AWS derives by itself and the engine does not: of every invocation, and of log lines that are metrics.

Patches like those of `patches`, which check the engine's version first; each has its test.
"""

import json
import threading
import time
from typing import Any, Final

from webhookctl.local.engine.patches import Wire

_EMF_MARK: Final = '"_aws"'
KEPT_S: Final = 24 * 3600
_EVICTION_INTERVAL_S: Final = 60
_LOOK_BACK: Final = 8


def install() -> None:
    """Apply the patches. Call after `patches.apply`."""
    bound_metrics()
    count_every_invocation()
    extract_embedded_metrics()


def count_every_invocation() -> None:
    """Gap: AWS/Lambda metrics count direct invocations only, not those from API Gateway, queues and streams."""
    from ministack.services import cloudwatch, lambda_svc

    emit, dispatch = lambda_svc._emit_lambda_metrics, lambda_svc._execute_function_dispatch

    def emit_throttles_only(name: str, duration_ms: float, error: bool, throttle: bool) -> None:  # noqa: FBT001 - its signature
        if throttle:
            emit(name, duration_ms=duration_ms, error=error, throttle=throttle)

    def dispatch_counted(func: Wire, config: Wire, event: Any, request_id: str, started: float) -> Any:  # noqa: ANN401
        name = config.get("FunctionName", "")
        age_ms = iterator_age_ms(event, started)
        if age_ms is not None:
            cloudwatch.record_metric("AWS/Lambda", "IteratorAge", age_ms, "Milliseconds", {"FunctionName": name})
        result = dispatch(func, config, event, request_id, started)
        failed = isinstance(result, dict) and bool(result.get("error"))
        emit(name, duration_ms=(time.time() - started) * 1000, error=failed, throttle=False)
        return result

    lambda_svc._emit_lambda_metrics, lambda_svc._execute_function_dispatch = emit_throttles_only, dispatch_counted


def bound_metrics() -> None:
    """Gap: every point is kept for two weeks, and every CloudWatch call copies them all.

    Under load that would slow the engine and its snapshots. Equal values of one second become one point with a count,
    durations are kept to two digits, and points live for a day.
    """
    from ministack.services import cloudwatch

    evicted_at = time.monotonic()
    counting = threading.Lock()

    def record(namespace: str, name: str, value: float, unit: str = "None", dimensions: Wire | None = None) -> None:
        dimensions = dict(dimensions or {})
        if unit == "Milliseconds":
            value = float(f"{value:.2g}")
        with counting:
            _add(
                cloudwatch._metric_bucket((namespace, name, cloudwatch._dims_key(dimensions))), value, unit, dimensions
            )

    def evict() -> None:
        nonlocal evicted_at
        if time.monotonic() - evicted_at < _EVICTION_INTERVAL_S:
            return
        evicted_at = time.monotonic()
        oldest = time.time() - KEPT_S
        with counting:
            for key, points in list(cloudwatch._metrics.items()):
                cloudwatch._metrics[key] = [point for point in points if point["Timestamp"] >= oldest]

    cloudwatch.record_metric, cloudwatch._evict_old_metrics = record, evict


def _add(points: list[Wire], value: float, unit: str, dimensions: Wire) -> None:
    now = time.time()
    for point in points[-_LOOK_BACK:]:
        if point["Value"] == value and int(point["Timestamp"]) == int(now) and "_stat" not in point:
            point["Count"] = point.get("Count", 1.0) + 1.0
            return
    points.append({"Timestamp": now, "Value": float(value), "Unit": unit, "Dimensions": dimensions})


def iterator_age_ms(event: object, now: float) -> float | None:
    """Return the age of the last record of a stream's batch; None where the event is no such batch."""
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list) or not records or records[-1].get("eventSource") != "aws:dynamodb":
        return None
    written = records[-1].get("dynamodb", {}).get("ApproximateCreationDateTime")
    return None if written is None else max(0.0, (now - float(written)) * 1000)


def extract_embedded_metrics() -> None:
    """Gap: log lines in CloudWatch's embedded metric format stay log lines."""
    from ministack.services import cloudwatch, cloudwatch_logs

    append = cloudwatch_logs._append_log_events

    def append_and_extract(stream: Wire, events: list[Wire]) -> None:
        append(stream, events)
        for event in events:
            for point in embedded_metrics(str(event.get("message", ""))):
                cloudwatch.record_metric(*point)

    cloudwatch_logs._append_log_events = append_and_extract


def embedded_metrics(line: str) -> list[tuple[str, str, float, str, dict[str, str]]]:
    """Return the points (namespace, name, value, unit, dimensions) that a log line holds.

    The format is that of the CloudWatch user guide, "Specification: Embedded metric format". A line that is not
    in the format holds none; neither does a value that is not a number.
    """
    if _EMF_MARK not in line:
        return []
    try:
        fields = json.loads(line)
        definitions = fields["_aws"]["CloudWatchMetrics"]
        return [point for definition in definitions for point in _points(definition, fields)]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _points(definition: Wire, fields: Wire) -> list[tuple[str, str, float, str, dict[str, str]]]:
    points = []
    for metric in definition["Metrics"]:
        given = fields[metric["Name"]]
        for value in given if isinstance(given, list) else [given]:
            for names in definition.get("Dimensions") or [[]]:
                dimensions = {name: str(fields[name]) for name in names}
                points.append(
                    (definition["Namespace"], metric["Name"], float(value), metric.get("Unit", "None"), dimensions)
                )
    return points
