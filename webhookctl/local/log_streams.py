"""Lines into CloudWatch Logs of the engine; a stream is made when its first line comes."""

from typing import Any

from webhookctl.local.engine_client import EngineClient, EngineError


class LogStreams:
    """Puts lines into log groups that exist, and remembers the streams that it has made."""

    def __init__(self, client: EngineClient) -> None:
        self._client = client
        self._made: set[tuple[str, str]] = set()

    async def put(self, group: str, stream: str, events: list[dict[str, Any]]) -> None:
        """Write lines, the oldest first as CloudWatch Logs asks for. Raises EngineError.

        A group may have gone with its stack and come anew with the next: then its streams are made again.
        """
        if (group, stream) in self._made:
            try:
                return await self._put(group, stream, events)
            except EngineError as error:
                if error.code != "ResourceNotFoundException":
                    raise
                self._made.discard((group, stream))
        await self._make(group, stream)
        self._made.add((group, stream))
        return await self._put(group, stream, events)

    async def _put(self, group: str, stream: str, events: list[dict[str, Any]]) -> None:
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
