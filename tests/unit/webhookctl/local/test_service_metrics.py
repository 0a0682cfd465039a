from webhookctl.local.service_metrics import datum, summarise


def test_points_of_one_metric_become_values_with_counts() -> None:
    """One datum per name, unit and dimensions."""
    points = [datum("Latency", value, "Milliseconds", ApiName="a") for value in (1.0, 2.0)]
    folded = summarise([*points, datum("Latency", 3.0, "Milliseconds", ApiName="b")])
    assert [(d["Dimensions"][0]["Value"], d["Values"], d["Counts"]) for d in folded] == [
        ("a", [1.0, 2.0], [1, 1]),
        ("b", [3.0], [1]),
    ]
    assert all("Value" not in d for d in folded)


def test_equal_values_are_counted_not_repeated() -> None:
    """A thousand requests a second stay a handful of numbers."""
    (folded,) = summarise([datum("Latency", 12.34 + step / 1000, "Milliseconds", ApiName="a") for step in range(100)])
    assert folded["Values"] == [12.0]
    assert folded["Counts"] == [100]
