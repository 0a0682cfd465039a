from stack import limits, outputs
from tests.stack.template import Template


def test_a_message_is_received_five_times_before_it_is_a_dead_letter(dev: Template) -> None:
    """The queue's redrive policy points at the dead-letter queue."""
    queue = dev.one("AWS::SQS::Queue", QueueName=outputs.queue_name("dev"))
    dlq = dev.id_of("AWS::SQS::Queue", QueueName=outputs.dlq_name("dev"))
    assert queue["RedrivePolicy"] == {"deadLetterTargetArn": {"Fn::GetAtt": [dlq, "Arn"]}, "maxReceiveCount": 5}


def test_visibility_is_at_least_six_times_the_processors_timeout(dev: Template) -> None:
    """Or a message could be received again while it is being processed."""
    queue = dev.one("AWS::SQS::Queue", QueueName=outputs.queue_name("dev"))
    assert queue["VisibilityTimeout"] >= 6 * dev.function(outputs.processor_name("dev"))["Timeout"]


def test_dead_letters_outlive_the_queues_messages(dev: Template) -> None:
    """Expiry counts from the first enqueue: 14 days against 4."""
    dlq = dev.one("AWS::SQS::Queue", QueueName=outputs.dlq_name("dev"))
    queue = dev.one("AWS::SQS::Queue", QueueName=outputs.queue_name("dev"))
    assert dlq["MessageRetentionPeriod"] == limits.DLQ_RETENTION_S > queue["MessageRetentionPeriod"]


def test_one_bad_message_does_not_return_its_batch(dev: Template) -> None:
    """Batches of ten with partial failures."""
    source = dev.one("AWS::Lambda::EventSourceMapping", BatchSize=limits.QUEUE_BATCH_SIZE)
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_production_bounds_the_processors(prod: Template, dev: Template) -> None:
    """By the source's maximum concurrency, not by a reservation, which would throttle messages into the DLQ."""
    bounded = prod.one("AWS::Lambda::EventSourceMapping", BatchSize=limits.QUEUE_BATCH_SIZE)
    free = dev.one("AWS::Lambda::EventSourceMapping", BatchSize=limits.QUEUE_BATCH_SIZE)
    assert bounded["ScalingConfig"] == {"MaximumConcurrency": 50}
    assert "ScalingConfig" not in free


def test_every_queue_refuses_plain_http(prod: Template) -> None:
    """Three queues, three policies that deny what is not TLS."""
    policies = prod.all("AWS::SQS::QueuePolicy")
    assert len(policies) == len(prod.all("AWS::SQS::Queue")) == 3
    for policy in policies:
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert statement["Effect"] == "Deny"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_retries_are_quick_outside_production(prod: Template, dev: Template) -> None:
    """A message on its way to the dead-letter queue takes seconds where people try things out."""
    quick, patient = (
        template.function(outputs.processor_name(name))["Environment"]["Variables"]
        for name, template in (("dev", dev), ("prod", prod))
    )
    assert (quick["RETRY_BASE_S"], quick["RETRY_CAP_S"]) == ("1", "5")
    assert (patient["RETRY_BASE_S"], patient["RETRY_CAP_S"]) == ("10", "600")
