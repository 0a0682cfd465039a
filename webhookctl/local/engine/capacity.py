"""What AWS counts to bill it and the engine does not: the capacity that DynamoDB consumes, the bytes that logs take in.

Patches like those of `patches`, which check the engine's version first; each has its test.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from webhookctl.local.engine.patches import Wire

_READ_UNIT_BYTES: Final = 4096
_STREAMS_REMEMBERED: Final = 10_000
_INDEXES: Final = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
_PLATFORM_LINES: Final = ("START RequestId:", "END RequestId:", "REPORT RequestId:")
"""Lambda's own lines, which it does not write for functions whose SystemLogLevel is WARN, as all of the stack's is."""


def install() -> None:
    """Apply the patches. Call after `meters.install`."""
    publish_consumed_capacity()
    publish_log_volume()


def publish_consumed_capacity() -> None:
    """Gap: the capacity that a call consumed is in its answer, if asked for, but in no metric.

    AWS/DynamoDB has it by table and by index. A write whose condition fails consumes what the item in its way would
    (DynamoDB developer guide, "Capacity unit consumption"). Batches and transactions are not counted: the Lambdas
    make none.
    """
    from ministack.services import cloudwatch, dynamodb

    answer, fail = dynamodb._add_consumed_capacity, dynamodb._conditional_check_failed

    def answer_and_publish(result: Wire, data: Wire, table: str, **kinds: Any) -> None:  # noqa: ANN401
        told: Wire = {}
        answer(told, {**data, "ReturnConsumedCapacity": "INDEXES"}, table, **kinds)
        is_write = bool(kinds.get("write"))
        factor = 1.0 if is_write else _read_units(result, dynamodb._item_size_bytes)
        publish(told["ConsumedCapacity"], table, is_write=is_write, factor=factor)
        answer(result, data, table, **kinds)

    def fail_and_publish(data: Wire, old_item: Wire | None, *rest: Any) -> Any:  # noqa: ANN401
        units = dynamodb._capacity_kb(dynamodb._item_size_bytes(old_item or {}))
        publish({"Table": {"CapacityUnits": units}}, data.get("TableName", ""), is_write=True)
        return fail(data, old_item, *rest)

    def publish(consumed: Wire, table: str, *, is_write: bool, factor: float = 1.0) -> None:
        name = "ConsumedWriteCapacityUnits" if is_write else "ConsumedReadCapacityUnits"
        for dimensions, units in consumed_by(consumed, table):
            cloudwatch.record_metric("AWS/DynamoDB", name, units * factor, "Count", dimensions)

    dynamodb._add_consumed_capacity, dynamodb._conditional_check_failed = answer_and_publish, fail_and_publish


def consumed_by(consumed: Wire, table: str) -> Iterator[tuple[dict[str, str], float]]:
    """Yield the dimensions and units of a call's consumed capacity: the table's, then each index's."""
    yield {"TableName": table}, float(consumed["Table"]["CapacityUnits"])
    for kind in _INDEXES:
        for index, spent in consumed.get(kind, {}).items():
            yield {"TableName": table, "GlobalSecondaryIndexName": index}, float(spent["CapacityUnits"])


def _read_units(result: Wire, size_of: Callable[[Wire], int]) -> float:
    """Return how many 4 KB steps were read: the engine counts one, whatever the size."""
    items: Iterable[Wire] = result.get("Items") or [result.get("Item") or {}]
    return max(1.0, float(-(-sum(size_of(item) for item in items) // _READ_UNIT_BYTES)))


def publish_log_volume() -> None:
    """Gap: AWS/Logs IncomingBytes and IncomingLogEvents by log group are missing."""
    from ministack.services import cloudwatch, cloudwatch_logs

    append = cloudwatch_logs._append_log_events
    groups: dict[int, str] = {}

    def append_and_count(stream: Wire, events: list[Wire]) -> None:
        append(stream, events)
        known = cloudwatch_logs._log_groups
        group = _newest_in(stream, known) or groups.get(id(stream)) or _anywhere_in(stream, known)
        if group is None:
            return
        if len(groups) < _STREAMS_REMEMBERED:
            groups[id(stream)] = group
        kept = [text for event in events if not (text := str(event.get("message", ""))).startswith(_PLATFORM_LINES)]
        for name, value, unit in (
            ("IncomingBytes", sum(len(text.encode()) for text in kept), "Bytes"),
            ("IncomingLogEvents", len(kept), "Count"),
        ):
            if value:
                cloudwatch.record_metric("AWS/Logs", name, float(value), unit, {"LogGroupName": group})

    cloudwatch_logs._append_log_events = append_and_count


def _newest_in(stream: Wire, groups: Any) -> str | None:  # noqa: ANN401 - the engine's own mapping
    """Return the log group whose last stream it is, as that of every fresh invocation is."""
    found = (name for name, group in list(groups.items()) if next(reversed(group["streams"].values()), None) is stream)
    return next(found, None)


def _anywhere_in(stream: Wire, groups: Any) -> str | None:  # noqa: ANN401 - the engine's own mapping
    found = (name for name, group in list(groups.items()) if any(s is stream for s in list(group["streams"].values())))
    return next(found, None)
