"""Lines into CloudWatch Logs of the engine; a stream is made when its first line comes."""

from typing import Any

from webhookctl.local.engine_client import EngineClient, EngineError


class LogStreams:
    """Puts lines into log groups that exist, and remembers the streams that it has made."""

    def __init__(self, client: EngineClient) -> None:
        self._client = client
        self._made: set[tuple[str, str]] = set()

    async def put(self, group: str, stream: str, events: list[dict[str, Any]]) -> None:
        """Write lines, the oldest first as CloudWatch Logs asks for. Raises EngineError."""
        if (group, stream) not in self._made:
            await self._make(group, stream)
            self._made.add((group, stream))
        ordered = sorted(events, key=lambda event: int(event["timestamp"]))
        wanted = {"logGroupName": group, "logStreamName": stream, "logEvents": ordered}
        await self._client.call("logs", "Logs_20140328.PutLogEvents", wanted)

    async def _make(self, group: str, stream: str) -> None:
        try:
            names = {"logGroupName": group, "logStreamName": stream}
            await self._client.call("logs", "Logs_20140328.CreateLogStream", names)
        except EngineError as error:
            if error.code != "ResourceAlreadyExistsException":
                raise
