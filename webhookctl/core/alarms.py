"""CloudWatch alarms of one environment."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final, Protocol

OK: Final = "OK"
ALARM: Final = "ALARM"
INSUFFICIENT_DATA: Final = "INSUFFICIENT_DATA"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm. `state` is OK, ALARM or INSUFFICIENT_DATA; `since` is when it took that state.

    `notified_at` is when its action, the message to the alert topic, was last carried out.
    """

    TABLE: ClassVar = ("name", "state", "since", "notified_at")
    SPARE: ClassVar = ("since",)
    WHOLE: ClassVar = ("name", "state", "notified_at")
    name: str
    state: str
    since: datetime | None
    notified_at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmChange:
    """An alarm went from one state to another."""

    at: datetime
    name: str
    before: str
    after: str
    reason: str


class AlarmReader(Protocol):
    """Reads alarms."""

    def alarms(self, names: tuple[str, ...]) -> list[Alarm]:
        """Return the alarms with these names, in the order of the names; those that do not exist are left out."""
        ...

    def alarms_of(self, suffix: str) -> list[Alarm]:
        """Return all alarms whose name ends with `suffix`."""
        ...


class AlarmChanges(Protocol):
    """Tells what alarms went through."""

    def __call__(self, names: Iterable[str], *, start: datetime, end: datetime) -> list[AlarmChange]:
        """Return the changes of these alarms in a window, oldest first."""
        ...
