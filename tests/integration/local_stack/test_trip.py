"""The product's own stack on the local environment: a webhook's whole trip, with the alarm and the restart."""

import json
from typing import Any

import pytest

from tests.conftest import Cli
from tests.eventually import eventually
from tests.integration.local import shape
from webhookctl.local import environment
from webhookctl.local.places import Places
from webhookctl.local.state import LocalEnvironment

pytestmark = pytest.mark.integration


def send(cli: Cli, *words: str) -> dict[str, Any]:
    """Send one webhook, wait for its end and return its timeline."""
    report: dict[str, Any] = cli.json("send", *words, "--wait")
    (timeline,) = report["timelines"]
    return dict(timeline)


def stored(cli: Cli) -> set[str]:
    """Return the id of every webhook in the table."""
    return {row["webhook_id"] for row in cli.json("events", "list", "--limit", "100000")}


def subscribed_queue(sqs: Any, sns: Any, topic_arn: str) -> str:
    """Return the URL of a queue that hears a topic, with the policy that lets SNS in."""
    inbox = str(sqs.create_queue(QueueName="alert-inbox")["QueueUrl"])
    arn = sqs.get_queue_attributes(QueueUrl=inbox, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [{**allowed, "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=inbox, Attributes={"Policy": json.dumps(policy)})
    sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn)
    return inbox


@pytest.mark.parametrize("provider", ["stripe", "paypal", "square"])
def test_a_webhook_of_each_provider_is_processed_and_audited(deployed: Cli, provider: str) -> None:
    """Sent, PROCESSED, and every change of it in the audit log."""
    timeline = send(deployed, provider)
    assert timeline["status"] == "PROCESSED"

    def audited() -> bool:
        return timeline["webhook_id"] in json.dumps(deployed.json("audit", "query", "--since", "10m"))

    assert eventually(audited, within_s=20)


@pytest.mark.parametrize("provider", ["stripe", "paypal", "square"])
def test_a_forged_webhook_is_refused_and_not_stored(deployed: Cli, provider: str) -> None:
    """401, and the table has no item of its id."""
    report = deployed.json("send", provider, "--tamper", "body", "--expect", "401")
    assert report["by_status"] == {"401": 1}
    assert deployed.code("events", "show", report["deliveries"][0]["webhook_id"])[0] == 5


def test_a_duplicate_has_one_effect(deployed: Cli) -> None:
    """Delivered three times: three times 200, one item, one attempt."""
    report = deployed.json("send", "stripe", "--duplicate", "2", "--wait")
    assert report["by_status"] == {"200": 3}
    ids = {delivery["webhook_id"] for delivery in report["deliveries"]}
    assert len(ids) == 1
    assert deployed.json("events", "show", ids.pop())["attempts"] == 1


def test_a_dead_letter_raises_the_alarm_and_a_redrive_ends_it(
    deployed: Cli, local_environment: LocalEnvironment
) -> None:
    """FAILED and in the DLQ, the alarm's message arrives, the redrive processes it, the alarm is OK again."""
    outputs = deployed.json("outputs")
    sqs, sns = shape.client(local_environment, "sqs"), shape.client(local_environment, "sns")
    cloudwatch = shape.client(local_environment, "cloudwatch")
    inbox = subscribed_queue(sqs, sns, outputs["AlertTopicArn"])
    told: list[tuple[str, str]] = []
    sqs.purge_queue(QueueUrl=outputs["DeadLetterQueueUrl"])  # what other tests left dead keeps the alarm up

    def current_state() -> str:
        return str(cloudwatch.describe_alarms(AlarmNames=[outputs["DlqAlarmName"]])["MetricAlarms"][0]["StateValue"])

    def state_is(wanted: str) -> bool:
        for received in sqs.receive_message(QueueUrl=inbox, MaxNumberOfMessages=10).get("Messages", []):
            alarm = json.loads(json.loads(received["Body"])["Message"])
            told.append((alarm["AlarmName"], alarm["NewStateValue"]))
        return current_state() == wanted and (outputs["DlqAlarmName"], wanted) in told

    assert eventually(lambda: current_state() != "ALARM", within_s=90)
    timeline = send(deployed, "stripe", "--fail-times", "5")
    assert timeline["status"] == "FAILED"
    assert eventually(lambda: state_is("ALARM"), within_s=30), told
    deployed.json("dlq", "redrive", "--yes", "--wait")
    assert deployed.json("events", "show", timeline["webhook_id"])["status"] == "PROCESSED"
    assert eventually(lambda: state_is("OK"), within_s=90), told


def test_the_trip_still_works_after_down_and_up(deployed: Cli, local_environment: LocalEnvironment) -> None:
    """Stacks, secrets, webhooks and the stream survive; addresses stay."""
    before = stored(deployed)
    places = Places(local_environment.root)
    environment.down(places)
    again = environment.up(places)
    assert again.ports == local_environment.ports
    assert stored(deployed) == before
    timeline = send(deployed, "square")
    assert timeline["status"] == "PROCESSED"

    def audited() -> bool:
        return timeline["webhook_id"] in json.dumps(deployed.json("audit", "query", "--since", "10m"))

    assert eventually(audited, within_s=20)
