"""One wide JSON line per webhook on standard output. No body, no secret, no signature ever gets in."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from lambdas.shared.card_data import mask
from lambdas.shared.clock import iso

METRIC_NAMESPACE = "webhookctl"
LEVELS = {"DEBUG": 10, "INFO": 20, "WARN": 30, "WARNING": 30, "ERROR": 40}


class WideLog:
    """Writes lines of at least `level`. What goes without saying is left out, as every byte of a log is paid for.

    That is: fields that are None; whose line it is, which its log group says; and of a line at INFO its level and
    time, which CloudWatch Logs keeps with it (a metric line carries its own).
    """

    def __init__(self, *, environment: str, level: str) -> None:
        self._common = {"environment": environment}
        self._threshold = LEVELS.get(level.upper(), LEVELS["INFO"])

    def write(self, fields: Mapping[str, Any], *, at: datetime, level: str = "INFO") -> None:
        """Write one line. Card numbers in its strings are masked, should one get this far."""
        if LEVELS[level] < self._threshold:
            return
        head = {} if level == "INFO" else {"level": level, "time": iso(at)}
        present = {k: v for k, v in fields.items() if v is not None}
        write_line(mask({**head, **self._common, **present}))

    def measure(self, fields: Mapping[str, Any]) -> None:
        """Write a line that is only a metric (see `metric`), whatever the level."""
        write_line({"type": "metric", **self._common, **fields})


def write_line(line: Mapping[str, Any]) -> None:
    """Print one JSON line, whole, at once."""
    sys.stdout.write(json.dumps(line, separators=(",", ":"), ensure_ascii=True) + "\n")
    sys.stdout.flush()


def metric(
    name: str, value: int | Sequence[int], *, dimensions: Sequence[str], at: datetime, unit: str | None = None
) -> dict[str, Any]:
    """Return the fields that make a log line a metric (CloudWatch embedded metric format), free of a PutMetricData.

    `value` may be up to 100 values of as many events. `dimensions` name fields of the same line; `environment` is
    always there. `unit` None: a plain number.
    """
    definition = {
        "Namespace": METRIC_NAMESPACE,
        "Dimensions": [["environment", *dimensions]],
        "Metrics": [{"Name": name} if unit is None else {"Name": name, "Unit": unit}],
    }
    return {"_aws": {"Timestamp": int(at.timestamp() * 1000), "CloudWatchMetrics": [definition]}, name: value}
