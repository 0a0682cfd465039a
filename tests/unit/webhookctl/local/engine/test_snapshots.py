from webhookctl.local.engine.snapshots import LATEST_S, is_due, is_read


def test_a_quiet_moment_is_used_and_steady_load_waits_for_the_limit() -> None:
    """Soon when nothing happens, at the latest after LATEST_S."""
    assert is_due(quiet_s=2, unsaved_s=2, since_last_s=60, pause_s=0.1)
    assert not is_due(quiet_s=0.2, unsaved_s=20, since_last_s=60, pause_s=0.1)
    assert is_due(quiet_s=0.2, unsaved_s=LATEST_S, since_last_s=60, pause_s=0.1)
    assert not is_due(quiet_s=2, unsaved_s=2, since_last_s=3, pause_s=0.1)


def test_a_long_pause_makes_the_next_one_rarer() -> None:
    """At most a twentieth of the time stands still."""
    assert not is_due(quiet_s=9, unsaved_s=90, since_last_s=39, pause_s=2)
    assert is_due(quiet_s=9, unsaved_s=90, since_last_s=41, pause_s=2)


def test_reads_and_metrics_are_no_change() -> None:
    """Polling an idle environment takes no snapshots; a webhook does."""

    def scope(method: str, path: str = "/", target: bytes = b"") -> dict[str, object]:
        return {"method": method, "path": path, "headers": [(b"x-amz-target", target)]}

    assert is_read(scope("GET", "/restapis"))
    assert is_read(scope("POST", target=b"AmazonSQS.GetQueueAttributes"))
    assert is_read(scope("POST", target=b"GraniteServiceVersion20100801.PutMetricData"))
    assert not is_read(scope("POST", "/_aws/execute-api/a/prod/webhook/stripe"))
    assert not is_read(scope("POST", target=b"DynamoDB_20120810.PutItem"))
