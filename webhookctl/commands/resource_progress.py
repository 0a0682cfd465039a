"""What a deployment is doing, resource by resource, on stderr."""

from typing import Final

from webhookctl.console import Console
from webhookctl.core.deploy import StackEvent

_COLOURS: Final = {"COMPLETE": "green", "FAILED": "red"}


class ResourceProgress:
    """Prints one line for each resource that is done or failed. `total` is how many are expected."""

    def __init__(self, console: Console, *, total: int) -> None:
        self._console = console
        self._total = total
        self._done: set[str] = set()

    def __call__(self, event: StackEvent) -> None:
        """Hear of one step."""
        outcome = event.status.rpartition("_")[2]
        if event.type == "AWS::CloudFormation::Stack" or outcome not in _COLOURS:
            return
        self._done.add(event.resource)
        count = f"{min(len(self._done), self._total)}/{self._total}".rjust(7)
        status = self._console.style_talk(event.status.ljust(16), _COLOURS[outcome])
        reason = f": {event.reason}" if event.reason and outcome == "FAILED" else ""
        self._console.say(f"{count}  {status}  {event.type}  {event.resource}{reason}")
