"""One law per patch of the engine, seen through its public endpoint."""

import json
import string
import time

import pytest

from stack.limits import QUEUE_POLLERS
from tests.eventually import eventually
from tests.integration.local import shape, shape_template
from webhookctl.local.state import LocalEnvironment

pytestmark = pytest.mark.integration
MANY, STREAM_BATCH = 30, 10


def test_a_web_acl_of_the_template_is_associated(shape_environment: LocalEnvironment, outputs: dict[str, str]) -> None:
    """Patch associate_web_acl: the stage's web ACL is the template's."""
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{outputs['Api']}/stages/prod"
    acl = shape.client(shape_environment, "wafv2").get_web_acl_for_resource(ResourceArn=arn)["WebACL"]
    assert acl["ARN"] == outputs["Acl"]


def test_ref_of_a_secret_is_its_arn(outputs: dict[str, str]) -> None:
    """Patch refer_to_secrets_by_arn."""
    assert outputs["Secret"].startswith("arn:aws:secretsmanager:us-east-1:000000000000:secret:shape/secret-")


def test_generated_secrets_leave_out_what_the_template_excludes(
    shape_environment: LocalEnvironment, outputs: dict[str, str]
) -> None:
    """Patch honour_secret_exclusions: 40 letters, no digit, no punctuation, inside the template's JSON."""
    kept = shape.client(shape_environment, "secretsmanager").get_secret_value(SecretId=outputs["Secret"])
    value = json.loads(kept["SecretString"])
    assert value["keys"] == []
    assert len(value["filler"]) == 40
    assert set(value["filler"]) <= set(string.ascii_letters)


def test_a_tables_ttl_encryption_and_recovery_come_from_the_template(
    shape_environment: LocalEnvironment, outputs: dict[str, str]
) -> None:
    """Patch keep_table_settings."""
    dynamodb = shape.client(shape_environment, "dynamodb")
    ttl = dynamodb.describe_time_to_live(TableName=outputs["Table"])["TimeToLiveDescription"]
    backups = dynamodb.describe_continuous_backups(TableName=outputs["Table"])["ContinuousBackupsDescription"]
    encryption = dynamodb.describe_table(TableName=outputs["Table"])["Table"]["SSEDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expiresAt"}
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    assert encryption["SSEType"] == "KMS"
    assert encryption["KMSMasterKeyArn"] == outputs["Key"]


@pytest.mark.usefixtures("outputs")
def test_reserved_concurrency_follows_the_template(shape_environment: LocalEnvironment) -> None:
    """Patch keep_reserved_concurrency: on creation and on update."""
    functions = shape.client(shape_environment, "lambda")
    assert functions.get_function_concurrency(FunctionName="shape-api")["ReservedConcurrentExecutions"] == 20
    shape.deploy(shape_environment, Reserved="21")
    assert functions.get_function_concurrency(FunctionName="shape-api")["ReservedConcurrentExecutions"] == 21
    shape.deploy(shape_environment, Reserved="20")


def test_a_topic_is_encrypted_with_the_templates_key(
    shape_environment: LocalEnvironment, outputs: dict[str, str]
) -> None:
    """Patch keep_topic_key."""
    topic = shape.client(shape_environment, "sns").get_topic_attributes(TopicArn=outputs["Topic"])
    assert topic["Attributes"]["KmsMasterKeyId"] == outputs["Key"]


def test_a_stage_knows_its_access_log(shape_environment: LocalEnvironment, outputs: dict[str, str]) -> None:
    """Patch keep_access_log_settings: destination and format as in the template."""
    stage = shape.client(shape_environment, "apigateway").get_stage(restApiId=outputs["Api"], stageName="prod")
    assert stage["accessLogSettings"]["format"] == shape_template.ACCESS_LOG_FORMAT
    assert "log-group:shape/access" in stage["accessLogSettings"]["destinationArn"]


def test_invocations_from_a_queue_are_counted(shape_environment: LocalEnvironment, outputs: dict[str, str]) -> None:
    """Patch count_every_invocation: an event source's invocations appear in AWS/Lambda."""
    before = invocations_of(shape_environment, "shape-work")
    shape.client(shape_environment, "sqs").send_message(QueueUrl=outputs["Queue"], MessageBody="good")
    assert eventually(lambda: invocations_of(shape_environment, "shape-work") > before, within_s=15)


def invocations_of(environment: LocalEnvironment, function: str) -> float:
    """Return how often a function ran in the last hour, by AWS/Lambda."""
    points = shape.client(environment, "cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="Invocations",
        Dimensions=[{"Name": "FunctionName", "Value": function}],
        StartTime=time.time() - 3600,
        EndTime=time.time() + 60,
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(point["Sum"] for point in points))


@pytest.mark.usefixtures("outputs")
def test_log_lines_come_in_pages_and_each_has_an_id(shape_environment: LocalEnvironment) -> None:
    """Patches name_events and continue_pages: what a function wrote, by boto3's paginator."""
    logs = shape.client(shape_environment, "logs")
    shape.client(shape_environment, "lambda").invoke(FunctionName="shape-work", Payload=b'{"Records": []}')

    def ids(until: float, **limits: int) -> list[str]:
        group, end = "/aws/lambda/shape-work", int(until * 1000)
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, endTime=end, **limits)
        return [event["eventId"] for page in pages for event in page["events"]]

    assert eventually(lambda: len(ids(time.time())) > 2, within_s=15)
    until = time.time() - 0.001
    assert eventually(lambda: ids(until, limit=2) == ids(until), within_s=5)  # late lines have earlier times
    assert len(set(ids(until))) == len(ids(until))


@pytest.mark.usefixtures("outputs")
def test_an_alarm_sees_its_own_dimensions_only(shape_environment: LocalEnvironment) -> None:
    """Patch evaluate_alarms_as_documented: another queue's depth does not raise the alarm."""
    cloudwatch = shape.client(shape_environment, "cloudwatch")
    name = "other-dimension"
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="Test",
        MetricName="Depth",
        Dimensions=[{"Name": "Queue", "Value": "mine"}],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )

    def put(queue: str) -> str:
        dimensions = [{"Name": "Queue", "Value": queue}]
        cloudwatch.put_metric_data(
            Namespace="Test", MetricData=[{"MetricName": "Depth", "Dimensions": dimensions, "Value": 3}]
        )
        return str(cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"])

    assert put("theirs") == "OK"
    assert put("mine") == "ALARM"
    cloudwatch.delete_alarms(AlarmNames=[name])


def test_a_dead_letter_raises_the_alarm_and_tells_the_topic(
    shape_environment: LocalEnvironment, outputs: dict[str, str]
) -> None:
    """Queue metrics reach the alarm within seconds, its message reaches a subscriber, and an empty queue ends it."""
    sqs, sns = shape.client(shape_environment, "sqs"), shape.client(shape_environment, "sns")
    cloudwatch = shape.client(shape_environment, "cloudwatch")
    inbox = sqs.create_queue(QueueName="inbox")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=inbox, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=outputs["Topic"], Protocol="sqs", Endpoint=arn)
    told: list[str] = []

    def state_is(wanted: str) -> bool:
        for message in sqs.receive_message(QueueUrl=inbox, MaxNumberOfMessages=10).get("Messages", []):
            told.append(json.loads(json.loads(message["Body"])["Message"])["NewStateValue"])
            sqs.delete_message(QueueUrl=inbox, ReceiptHandle=message["ReceiptHandle"])
        alarm = cloudwatch.describe_alarms(AlarmNames=["shape-dead-letters"])["MetricAlarms"][0]
        return alarm["StateValue"] == wanted and (wanted in told)

    sqs.send_message(QueueUrl=outputs["Queue"], MessageBody="bad")
    assert eventually(lambda: state_is("ALARM"), within_s=20), told
    sqs.purge_queue(QueueUrl=outputs["DeadLetters"])
    assert eventually(lambda: state_is("OK"), within_s=75), told
    assert told[-2:] == ["ALARM", "OK"]


@pytest.mark.usefixtures("outputs")
def test_a_message_of_a_batch_keeps_its_trace_header(shape_environment: LocalEnvironment) -> None:
    """Patch keep_batch_trace_headers: as one that is sent alone does, its own attributes too."""
    sqs = shape.client(shape_environment, "sqs")
    url = sqs.create_queue(QueueName="traced")["QueueUrl"]
    header = "Root=1-69a42a40-000000000000000000000001;Parent=000000000000000a;Sampled=1"
    text = {"DataType": "String", "StringValue": header}
    entry = {"Id": "0", "MessageBody": "b", "MessageSystemAttributes": {"AWSTraceHeader": text}}
    sqs.send_message_batch(QueueUrl=url, Entries=[entry | {"MessageAttributes": {"own": text}}])
    asked = {"MessageSystemAttributeNames": ["AWSTraceHeader"], "MessageAttributeNames": ["All"]}
    message = sqs.receive_message(QueueUrl=url, **asked)["Messages"][0]
    assert message["Attributes"] == {"AWSTraceHeader": header}
    assert message["MessageAttributes"]["own"]["StringValue"] == header
    sqs.delete_queue(QueueUrl=url)


@pytest.mark.usefixtures("outputs")
def test_a_metric_line_of_a_log_becomes_a_metric(shape_environment: LocalEnvironment) -> None:
    """Patch extract_embedded_metrics: also for lines that come by PutLogEvents."""
    logs, cloudwatch = shape.client(shape_environment, "logs"), shape.client(shape_environment, "cloudwatch")
    logs.create_log_group(logGroupName="emf")
    logs.create_log_stream(logGroupName="emf", logStreamName="s")
    definition = {"Namespace": "Emf", "Dimensions": [["place"]], "Metrics": [{"Name": "seen", "Unit": "Count"}]}
    fields = {"_aws": {"Timestamp": 1, "CloudWatchMetrics": [definition]}, "place": "here", "seen": 3}
    event = {"timestamp": int(time.time() * 1000), "message": json.dumps(fields)}
    logs.put_log_events(logGroupName="emf", logStreamName="s", logEvents=[event])
    found = cloudwatch.list_metrics(Namespace="Emf")["Metrics"]
    assert found == [{"Namespace": "Emf", "MetricName": "seen", "Dimensions": [{"Name": "place", "Value": "here"}]}]


def test_a_batch_fills_until_its_window_ends(shape_environment: LocalEnvironment, outputs: dict[str, str]) -> None:
    """Patches honour_queue_windows, honour_stream_windows: what comes in one window is one batch a poller or shard."""
    functions, sqs = shape.client(shape_environment, "lambda"), shape.client(shape_environment, "sqs")
    sources = [source["UUID"] for source in functions.list_event_source_mappings()["EventSourceMappings"]]

    def set_windows(seconds: int) -> None:
        for source in sources:
            functions.update_event_source_mapping(UUID=source, MaximumBatchingWindowInSeconds=seconds)

    def waiting() -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = sqs.get_queue_attributes(QueueUrl=outputs["Queue"], AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def made() -> list[float]:
        return [invocations_of(shape_environment, name) - before[name] for name in before]

    before = {name: invocations_of(shape_environment, name) for name in ("shape-work", "shape-audit")}
    set_windows(2)
    try:
        for number in range(MANY):
            sqs.send_message(QueueUrl=outputs["Queue"], MessageBody=f"good {number}")
            shape.client(shape_environment, "dynamodb").put_item(
                TableName="shape", Item={"id": {"S": f"window {number}"}}
            )
        assert eventually(lambda: 0 not in made() and waiting() == 0, within_s=15)
    finally:
        set_windows(0)
    by_queue, by_stream = made()
    assert by_queue <= 2 * QUEUE_POLLERS < MANY
    assert by_stream <= MANY / STREAM_BATCH + 2
