"""What CloudWatch is asked: it may send too much, never too little."""

from datetime import UTC, datetime, timedelta

import pytest

from webhookctl.aws.audit_log import _insights, kept_from, pattern
from webhookctl.core.audit.records import AuditFilter


@pytest.mark.parametrize(
    ("wanted", "asked"),
    [
        (AuditFilter(), None),
        (AuditFilter(actor="operator"), None),
        (AuditFilter(webhook_id='stripe:evt_"1', status="FAILED"), '"stripe:evt_\\"1"'),
        (AuditFilter(status="FAILED"), '{ ($.status = "FAILED") }'),
        (AuditFilter(provider="stripe"), '{ ($.webhookId = "stripe:*") }'),
        (
            AuditFilter(provider="square", event_type="payment.updated"),
            '{ ($.eventType = "payment.updated") && ($.webhookId = "square:*") }',
        ),
    ],
)
def test_a_pattern_names_members_that_every_line_has(wanted: AuditFilter, asked: str | None) -> None:
    """A line does not repeat its provider: its webhook's id begins with it."""
    assert pattern(wanted) == asked


def test_insights_is_asked_the_same() -> None:
    """In its own language."""
    query = _insights(AuditFilter(provider="stripe", status="FAILED"), 5)
    assert '| filter status = "FAILED" and webhookId like "stripe:" |' in query
    assert query.endswith("| sort @timestamp asc | limit 5")


def test_a_log_group_drops_lines_once_it_is_older_than_its_retention() -> None:
    """Before that, and without a retention, it has kept all. Those of its last day may go while they are read."""
    now = datetime(2026, 3, 1, tzinfo=UTC)
    month_ago = int((now - timedelta(days=30)).timestamp() * 1000)
    assert kept_from(month_ago, None, now) is None
    assert kept_from(month_ago, 32, now) is None
    assert kept_from(month_ago, 14, now) == now - timedelta(days=13)
