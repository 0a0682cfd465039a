"""CloudWatch: reads metrics."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from webhookctl.aws.session import AwsSession
from webhookctl.core.metrics import MetricQuery, Series

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient


class Metrics:
    """Implements core's metric reader with GetMetricData (at most 500 queries a call)."""

    def __init__(self, session: AwsSession) -> None:
        self._client: CloudWatchClient = session.client("cloudwatch")

    def read(
        self, queries: Mapping[str, MetricQuery], *, start: datetime, end: datetime, period: timedelta
    ) -> dict[str, Series]:
        """Return a series for each query, by the query's key."""
        keys = {f"q{number}": key for number, key in enumerate(queries)}
        points: dict[str, list[tuple[datetime, float]]] = {key: [] for key in queries}
        pages = self._client.get_paginator("get_metric_data").paginate(
            MetricDataQueries=[_query(number, queries[key], period) for number, key in keys.items()],
            StartTime=start,
            EndTime=end,
        )
        for page in pages:
            for result in page["MetricDataResults"]:
                points[keys[result["Id"]]] += zip(result["Timestamps"], result["Values"], strict=True)
        return {key: Series(points=tuple(sorted(found))) for key, found in points.items()}


def _query(number: str, query: MetricQuery, period: timedelta) -> Any:  # noqa: ANN401 - botocore's request
    dimensions = [{"Name": name, "Value": value} for name, value in query.dimensions.items()]
    metric = {"Namespace": query.namespace, "MetricName": query.metric, "Dimensions": dimensions}
    return {
        "Id": number,
        "MetricStat": {"Metric": metric, "Period": int(period.total_seconds()), "Stat": query.statistic},
    }
