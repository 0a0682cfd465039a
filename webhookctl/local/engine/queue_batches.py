"""What the engine leaves out of a batch of queue messages: their trace headers."""

from typing import Any, Final

_SYSTEM: Final = "MessageSystemAttributes"


class _Carrier(dict[str, Any]):
    """A message's attributes that carry its system attributes past the engine, which copies the former only."""

    system: Any = None


def keep_batch_trace_headers() -> None:
    """Gap: SendMessageBatch drops MessageSystemAttributes, so that a redriven message loses its AWSTraceHeader."""
    from ministack.services import sqs

    send, send_batch = sqs._act_send_message, sqs._act_send_message_batch

    def send_carried(data: dict[str, Any], url: str) -> dict[str, Any]:
        attributes = data.get("MessageAttributes")
        if isinstance(attributes, _Carrier):
            data = data | {"MessageAttributes": dict(attributes), _SYSTEM: attributes.system}
        return send(data, url)  # type: ignore[no-any-return]

    def send_batch_carrying(data: dict[str, Any], url: str) -> dict[str, Any]:
        return send_batch(data | {"Entries": [_carrying(entry) for entry in data.get("Entries", [])]}, url)  # type: ignore[no-any-return]

    sqs._act_send_message = send_carried
    sqs._HANDLERS["SendMessageBatch"] = send_batch_carrying


def _carrying(entry: dict[str, Any]) -> dict[str, Any]:
    if not entry.get(_SYSTEM):
        return entry
    attributes = _Carrier(entry.get("MessageAttributes") or {})
    attributes.system = entry[_SYSTEM]
    return entry | {"MessageAttributes": attributes}
