from stack import limits, outputs
from tests.stack.template import Template


def test_no_change_is_skipped_when_the_audit_logger_starts(dev: Template) -> None:
    """The stream is read from its oldest record."""
    source = dev.one("AWS::Lambda::EventSourceMapping", StartingPosition="TRIM_HORIZON")
    assert source["BatchSize"] == limits.STREAM_BATCH_SIZE
    table = dev.id_of("AWS::DynamoDB::Table")
    assert source["EventSourceArn"] == {"Fn::GetAtt": [table, "StreamArn"]}


def test_a_poison_record_does_not_hold_up_the_others(dev: Template) -> None:
    """Bisected, retried ten times, then reported to a queue before the stream forgets the record."""
    source = dev.one("AWS::Lambda::EventSourceMapping", StartingPosition="TRIM_HORIZON")
    assert source["BisectBatchOnFunctionError"] is True
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["MaximumRetryAttempts"] == 10
    assert source["MaximumRecordAgeInSeconds"] < 24 * 3600
    failures = dev.id_of("AWS::SQS::Queue", QueueName=outputs.audit_failure_queue_name("dev"))
    assert source["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": [failures, "Arn"]}


def test_operators_reach_the_audit_logger_through_an_alias_of_its_own(dev: Template) -> None:
    """It always means the current code, and the function knows by it that an operator calls."""
    alias = dev.one("AWS::Lambda::Alias")
    logger = dev.id_of("AWS::Lambda::Function", FunctionName=outputs.audit_name("dev"))
    assert (alias["Name"], alias["FunctionVersion"]) == (outputs.OPERATOR_ALIAS, "$LATEST")
    assert alias["FunctionName"] == {"Ref": logger}


def test_production_keeps_the_audit_log_a_year_and_refuses_its_deletion(prod: Template) -> None:
    """Twelve months or longer, protected, retained."""
    name = outputs.log_group_name(outputs.audit_name("prod"))
    group = prod.resources("AWS::Logs::LogGroup")[prod.id_of("AWS::Logs::LogGroup", LogGroupName=name)]
    assert group["Properties"]["RetentionInDays"] >= 365
    assert group["Properties"]["DeletionProtectionEnabled"] is True
    assert group["DeletionPolicy"] == "RetainExceptOnCreate"
