import json

from webhookctl.local.engine.meters import embedded_metrics, iterator_age_ms

NOW = 1_800_000_000.0


def line(**fields: object) -> str:
    definition = {
        "Namespace": "webhookctl",
        "Dimensions": [["environment"], ["environment", "provider"]],
        "Metrics": [{"Name": "received", "Unit": "Count"}],
    }
    return json.dumps({"_aws": {"Timestamp": 1, "CloudWatchMetrics": [definition]}, **fields})


def test_a_metric_line_gives_a_point_per_dimension_set() -> None:
    """Namespace, name, value, unit and the dimensions' values come from the line."""
    assert embedded_metrics(line(received=2, environment="local", provider="stripe")) == [
        ("webhookctl", "received", 2.0, "Count", {"environment": "local"}),
        ("webhookctl", "received", 2.0, "Count", {"environment": "local", "provider": "stripe"}),
    ]


def test_a_list_of_values_gives_a_point_each() -> None:
    """The format allows up to a hundred values for one metric."""
    points = embedded_metrics(line(received=[1, 2], environment="local", provider="stripe"))
    assert [point[2] for point in points] == [1.0, 1.0, 2.0, 2.0]


def test_other_lines_give_no_point() -> None:
    """Text, damaged JSON, a missing value or dimension: a log line stays a log line."""
    for other in (
        "",
        "START",
        '{"_aws": ',
        '{"_aws": 3}',
        line(environment="local", provider="stripe"),
        line(received=1),
    ):
        assert embedded_metrics(other) == []
    assert embedded_metrics(line(received="many", environment="local", provider="stripe")) == []


def test_the_iterator_age_is_that_of_the_batchs_last_record() -> None:
    """AWS/Lambda IteratorAge: the age of the last record when the batch is handed over, in milliseconds."""
    records = [
        {"eventSource": "aws:dynamodb", "dynamodb": {"ApproximateCreationDateTime": NOW - age}} for age in (60, 2)
    ]
    assert iterator_age_ms({"Records": records}, NOW) == 2000.0


def test_other_events_have_no_iterator_age() -> None:
    """Queues, requests and odd payloads."""
    events: tuple[object, ...] = (
        {},
        {"Records": []},
        {"Records": [{"eventSource": "aws:sqs"}]},
        [],
        None,
        {"Records": 3},
    )
    for event in events:
        assert iterator_age_ms(event, NOW) is None
