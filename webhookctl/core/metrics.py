"""CloudWatch metrics, many at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricQuery:
    """One metric and one statistic of it (`Sum`, `Average`, `p95`, `SampleCount`)."""

    namespace: str
    metric: str
    dimensions: Mapping[str, str] = field(default_factory=dict)
    statistic: str = "Sum"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The points of one metric, oldest first; times are the starts of the periods."""

    points: Sequence[tuple[datetime, float]] = ()

    @property
    def total(self) -> float:
        """The sum of all points."""
        return sum(value for _, value in self.points)

    @property
    def last(self) -> float | None:
        """The newest point's value."""
        return self.points[-1][1] if self.points else None

    @property
    def last_at(self) -> datetime | None:
        """The newest period that is not zero."""
        return next((at for at, value in reversed(self.points) if value), None)


class MetricReader(Protocol):
    """Reads metrics."""

    def read(
        self, queries: Mapping[str, MetricQuery], *, start: datetime, end: datetime, period: timedelta
    ) -> dict[str, Series]:
        """Return a series for each query, by the query's key; one without points is empty."""
        ...
