"""CloudWatch alarms of one environment."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol

OK, ALARM = "OK", "ALARM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm. `state` is OK, ALARM or INSUFFICIENT_DATA; `since` is when it took that state."""

    TABLE: ClassVar = ("name", "state", "since", "reason")
    name: str
    state: str
    since: datetime | None
    reason: str


class AlarmReader(Protocol):
    """Reads alarms."""

    def alarms(self, *, prefix: str = "", names: tuple[str, ...] = ()) -> list[Alarm]:
        """Return the alarms with these names, or whose name starts with `prefix`."""
        ...
