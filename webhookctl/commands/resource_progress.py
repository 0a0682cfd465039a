"""What a deployment is doing, resource by resource, on stderr."""

from collections.abc import Iterable
from typing import Final

from webhookctl.console import Console
from webhookctl.core.assembly import ResourceChange
from webhookctl.core.deploy import StackEvent

_COLOURS: Final = {"COMPLETE": "green", "FAILED": "red"}


class ResourceProgress:
    """Prints one line for each expected resource that is done, and for every one that failed."""

    def __init__(self, console: Console, changes: Iterable[ResourceChange]) -> None:
        self._console = console
        self._expected = {change.logical_id for change in changes}
        self._done: set[str] = set()

    def __call__(self, event: StackEvent) -> None:
        """Hear of one step."""
        outcome = event.status.rpartition("_")[2]
        if outcome not in _COLOURS or (outcome == "COMPLETE" and event.resource not in self._expected - self._done):
            return
        self._done.add(event.resource)
        count = f"{len(self._done & self._expected)}/{len(self._expected)}".rjust(7)
        status = self._console.style_talk(event.status.ljust(15), _COLOURS[outcome])
        reason = f": {event.reason}" if event.reason and outcome == "FAILED" else ""
        self._console.say(f"{count}  {status}  {event.type}  {event.name}{reason}")
