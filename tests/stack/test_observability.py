import pytest

from stack import outputs
from tests.stack.template import Template

EVERYWHERE = {
    "dlq-depth": ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
    "audit-failures": ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
    "queue-age": ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
    "audit-iterator-age": ("AWS/Lambda", "IteratorAge"),
    "receiver-errors": ("AWS/Lambda", "Errors"),
    "processor-errors": ("AWS/Lambda", "Errors"),
    "audit-errors": ("AWS/Lambda", "Errors"),
    "receiver-throttles": ("AWS/Lambda", "Throttles"),
    "processor-throttles": ("AWS/Lambda", "Throttles"),
    "audit-throttles": ("AWS/Lambda", "Throttles"),
    "receiver-5xx": ("AWS/ApiGateway", "5XXError"),
    "waf-blocks": ("AWS/WAFV2", "BlockedRequests"),
    "stripe-refused": (outputs.METRIC_NAMESPACE, "Webhooks"),
    "paypal-refused": (outputs.METRIC_NAMESPACE, "Webhooks"),
    "square-refused": (outputs.METRIC_NAMESPACE, "Webhooks"),
}


@pytest.mark.parametrize(("what", "metric"), EVERYWHERE.items())
def test_everything_that_needs_a_person_has_an_alarm(dev: Template, what: str, metric: tuple[str, str]) -> None:
    """Each alarm watches its metric and tells the topic when it starts and when it is over."""
    alarm = dev.alarm(outputs.alarm_name(what, "dev"))
    topic = {"Ref": dev.id_of("AWS::SNS::Topic")}
    assert (alarm["Namespace"], alarm["MetricName"]) == metric
    assert alarm["AlarmActions"] == alarm["OKActions"] == [topic]
    assert alarm["TreatMissingData"] == "notBreaching"


def test_no_alarm_is_untested(dev: Template, prod: Template) -> None:
    """Production has one more: silence."""
    names = {alarm["AlarmName"] for alarm in dev.all("AWS::CloudWatch::Alarm")}
    assert names == {outputs.alarm_name(what, "dev") for what in EVERYWHERE}
    quiet = {outputs.alarm_name("no-webhooks-received", "prod")}
    production = {alarm["AlarmName"] for alarm in prod.all("AWS::CloudWatch::Alarm")}
    assert production == {outputs.alarm_name(what, "prod") for what in EVERYWHERE} | quiet


def test_a_dead_letter_raises_its_alarm_within_a_minute(dev: Template) -> None:
    """One message, one period of 60 s."""
    alarm = dev.alarm(outputs.alarm_name("dlq-depth", "dev"))
    assert (alarm["Threshold"], alarm["Period"], alarm["EvaluationPeriods"]) == (1, 60, 1)


def test_silence_alarms_in_production(prod: Template) -> None:
    """Six hours without a webhook, and missing data is silence too."""
    alarm = prod.alarm(outputs.alarm_name("no-webhooks-received", "prod"))
    assert alarm["TreatMissingData"] == "breaching"
    assert alarm["EvaluationPeriods"] == 6
    assert alarm["ComparisonOperator"] == "LessThanThreshold"


def test_strangers_do_not_break_the_silence(prod: Template) -> None:
    """Only accepted webhooks count, whichever provider sent them, hour by hour."""
    alarm = prod.alarm(outputs.alarm_name("no-webhooks-received", "prod"))
    stats = [query["MetricStat"] for query in alarm["Metrics"] if "MetricStat" in query]
    watched = [{d["Name"]: d["Value"] for d in stat["Metric"]["Dimensions"]} for stat in stats]
    assert watched == [
        {"environment": "prod", "outcome": "accepted", "provider": provider} for provider in outputs.PROVIDERS
    ]
    assert {stat["Period"] for stat in stats} == {3600}
    total = next(query["Expression"] for query in alarm["Metrics"] if "Expression" in query)
    assert total == "FILL(stripe, 0) + FILL(paypal, 0) + FILL(square, 0)"


def test_refusals_are_counted_for_each_provider(dev: Template) -> None:
    """A wrong key of one provider shows, however well the others do."""
    alarm = dev.alarm(outputs.alarm_name("square-refused", "dev"))
    dimensions = {d["Name"]: d["Value"] for d in alarm["Dimensions"]}
    assert dimensions == {"environment": "dev", "outcome": "refused", "provider": "square"}
    assert (alarm["Threshold"], alarm["Period"]) == (10, 300)


def test_alarms_may_publish_to_the_topic_and_plain_http_may_not(dev: Template) -> None:
    """A topic with a policy of its own has lost the default one, which admitted alarms."""
    statements = {s.get("Sid"): s for s in dev.one("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]}
    assert statements["AlarmsPublish"]["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert any(s["Effect"] == "Deny" and "aws:SecureTransport" in str(s) for s in statements.values())


def test_an_address_for_alerts_is_subscribed(options: Template) -> None:
    """The optional setting becomes an e-mail subscription."""
    assert options.one("AWS::SNS::Subscription")["Endpoint"] == "a@b.test"


@pytest.mark.parametrize(
    "metric",
    [
        "4XXError",
        "5XXError",
        "BlockedRequests",
        "Invocations",
        "Duration",
        "Errors",
        "Throttles",
        "ApproximateNumberOfMessagesVisible",
        "IteratorAge",
        "ConsumedReadCapacityUnits",
        "ConsumedWriteCapacityUnits",
        "TimeToProcessed",
        "Webhooks",
    ],
)
def test_the_dashboard_shows_the_products_metrics(dev: Template, metric: str) -> None:
    """Gateway, firewall, functions, queues, table, and the webhooks themselves."""
    board = dev.one("AWS::CloudWatch::Dashboard")
    assert board["DashboardName"] == "webhooks-dev"
    assert metric in str(board["DashboardBody"])
