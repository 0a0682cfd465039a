"""What the engine's capacity patch says of a call."""

from webhookctl.local.engine.capacity import consumed_by


def test_a_write_is_told_for_the_table_and_for_each_index() -> None:
    """CloudWatch counts an index apart from its table, by the index's name."""
    consumed = {
        "CapacityUnits": 2.0,
        "Table": {"CapacityUnits": 1.0},
        "GlobalSecondaryIndexes": {"paymentId-index": {"CapacityUnits": 1.0}},
    }
    assert list(consumed_by(consumed, "t")) == [
        ({"TableName": "t"}, 1.0),
        ({"TableName": "t", "GlobalSecondaryIndexName": "paymentId-index"}, 1.0),
    ]


def test_a_call_without_index_is_the_tables_alone() -> None:
    """A read by key, or a write of an item that has no payment id."""
    assert list(consumed_by({"Table": {"CapacityUnits": 0.5}}, "t")) == [({"TableName": "t"}, 0.5)]
