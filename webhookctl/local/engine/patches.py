"""What the engine gets wrong or lacks, mended from outside: the one place that knows its private names.

Written against exactly one version, asserted before anything is touched. One function, one gap; the tests prove each
against the running engine. To move to another version: change VERSION, run the tests, delete the patches that the
new version made unnecessary.
"""

import os
import string
import time
from collections.abc import Callable
from importlib import metadata
from typing import Any, Final

from webhookctl.local.engine.alarm_history import record_alarm_actions
from webhookctl.local.engine.batching import honour_queue_windows, honour_stream_windows
from webhookctl.local.engine.queue_batches import keep_batch_trace_headers
from webhookctl.local.errors import StartError

VERSION: Final = "1.5.33"
Wire = dict[str, Any]


def apply() -> None:
    """Check the engine's version and apply every patch, in order. Raises StartError on another version."""
    found = metadata.version("ministack")
    if found != VERSION:
        raise StartError(
            f"the local engine is ministack {found}, but {VERSION} is needed",
            hint='pip install "webhookctl[local]"',
        )
    for patch in PATCHES:
        patch()


def associate_web_acl() -> None:
    """Gap: CloudFormation rejects any template that holds AWS::WAFv2::WebACLAssociation."""
    from ministack.services import waf

    def create(_logical_id: str, props: Wire, _stack: str) -> tuple[str, Wire]:
        waf._associations[props["ResourceArn"]] = props["WebACLArn"]
        return f"{props['WebACLArn']}|{props['ResourceArn']}", {}

    def update(physical_id: str, old: Wire, new: Wire, *_: object, **__: object) -> tuple[str, Wire]:
        delete(physical_id, old)
        return create("", new, "")

    def delete(_physical_id: str, props: Wire) -> None:
        waf._associations.pop(props.get("ResourceArn", ""), None)

    _handlers()["AWS::WAFv2::WebACLAssociation"] = {"create": create, "update": update, "delete": delete}


def refer_to_secrets_by_arn() -> None:
    """Gap: Ref of a secret gives its name; CloudFormation gives its ARN, and IAM policies need that."""
    from ministack.services import secretsmanager

    handler = _handlers()["AWS::SecretsManager::Secret"]
    create, update, delete = handler["create"], handler["update"], handler["delete"]

    def name_of(physical_id: str) -> str:
        return next(
            (name for name, kept in secretsmanager._secrets.items() if kept.get("ARN") == physical_id), physical_id
        )

    def arn_of(result: tuple[str, Wire]) -> tuple[str, Wire]:
        return result[1]["Arn"], result[1]

    handler["create"] = lambda logical_id, props, stack: arn_of(create(logical_id, props, stack))
    handler["update"] = lambda physical_id, old, new, stack, logical_id=None: arn_of(
        update(name_of(physical_id), old, new, stack, logical_id)
    )
    handler["delete"] = lambda physical_id, props: delete(name_of(physical_id), props)


def honour_secret_exclusions() -> None:
    """Gap: GenerateSecretString ignores ExcludePunctuation, ExcludeNumbers, ExcludeUppercase and ExcludeLowercase."""
    handler = _handlers()["AWS::SecretsManager::Secret"]
    create = handler["create"]
    classes = {
        "ExcludePunctuation": string.punctuation,
        "ExcludeNumbers": string.digits,
        "ExcludeUppercase": string.ascii_uppercase,
        "ExcludeLowercase": string.ascii_lowercase,
    }

    def create_excluding(logical_id: str, props: Wire, stack: str) -> tuple[str, Wire]:
        generate = props.get("GenerateSecretString")
        if not generate:
            return create(logical_id, props, stack)  # type: ignore[no-any-return]
        excluded = "".join(chars for flag, chars in classes.items() if _is_true(generate.get(flag)))
        generate = generate | {
            "ExcludeCharacters": generate.get("ExcludeCharacters", "") + excluded,
            "PasswordLength": int(generate.get("PasswordLength", 32)),
        }
        return create(logical_id, props | {"GenerateSecretString": generate}, stack)  # type: ignore[no-any-return]

    handler["create"] = create_excluding


def keep_table_settings() -> None:
    """Gap: a template's TimeToLiveSpecification, SSESpecification and PITR are ignored."""
    from ministack.services import dynamodb

    def settle(name: str, props: Wire) -> None:
        if ttl := props.get("TimeToLiveSpecification"):
            dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": ttl})
        if pitr := props.get("PointInTimeRecoverySpecification"):
            dynamodb._update_continuous_backups({"TableName": name, "PointInTimeRecoverySpecification": pitr})
        if sse := props.get("SSESpecification"):
            wanted = {"Enabled": _is_true(sse.get("SSEEnabled")), "SSEType": sse.get("SSEType", "KMS")}
            if key := sse.get("KMSMasterKeyId"):
                wanted["KMSMasterKeyId"] = key
            dynamodb._update_table({"TableName": name, "SSESpecification": wanted})

    _after("AWS::DynamoDB::Table", settle)


def keep_reserved_concurrency() -> None:
    """Gap: a template's ReservedConcurrentExecutions is ignored."""
    from ministack.services import lambda_svc

    def settle(name: str, props: Wire) -> None:
        function = lambda_svc._functions.get(name)
        if function is not None:
            reserved = props.get("ReservedConcurrentExecutions")
            function["concurrency"] = None if reserved is None else int(reserved)

    _after("AWS::Lambda::Function", settle)


def keep_topic_key() -> None:
    """Gap: a template's KmsMasterKeyId of a topic is ignored."""
    from ministack.services import sns

    def settle(arn: str, props: Wire) -> None:
        topic = sns._topics.get(arn)
        if topic is not None and props.get("KmsMasterKeyId"):
            topic["attributes"]["KmsMasterKeyId"] = props["KmsMasterKeyId"]

    _after("AWS::SNS::Topic", settle)


def keep_access_log_settings() -> None:
    """Gap: a template's AccessLogSetting of a REST stage is ignored, so GetStage cannot tell it to the front door."""
    from ministack.services import apigateway_v1

    def settle(name: str, props: Wire) -> None:
        stage = apigateway_v1._stages_v1.get(props.get("RestApiId", ""), {}).get(name)
        if stage is not None:
            setting = props.get("AccessLogSetting") or {}
            wire = {"destinationArn": setting.get("DestinationArn"), "format": setting.get("Format")}
            stage["accessLogSettings"] = {key: value for key, value in wire.items() if value}

    _after("AWS::ApiGateway::Stage", settle)


def persist_stream_records() -> None:
    """Gap: positions in a table's stream outlive a restart but its records do not, so the reader waits for ever."""
    from ministack.services import dynamodb

    save, load = dynamodb.get_state, dynamodb.load_persisted_state

    def save_with_stream() -> Wire:
        return {
            **save(),
            "stream_records": dynamodb.copy.deepcopy(dynamodb._stream_records),
            "stream_trimmed": dynamodb.copy.deepcopy(dynamodb._stream_trimmed),
            "stream_sequence": dynamodb._stream_seq_counter,
        }

    def load_with_stream(data: Wire) -> None:
        load(data)
        dynamodb._stream_records.update(data.get("stream_records") or {})
        dynamodb._stream_trimmed.update(data.get("stream_trimmed") or {})
        dynamodb._stream_seq_counter = max(dynamodb._stream_seq_counter, int(data.get("stream_sequence") or 0))

    dynamodb.get_state, dynamodb.load_persisted_state = save_with_stream, load_with_stream


def evaluate_alarms_as_documented() -> None:
    """Gap: an alarm sees the points of every dimension, in a window that slides; TreatMissingData is ignored.

    CloudWatch evaluates whole periods, aligned to the clock, of the alarm's own dimensions (CloudWatch user guide,
    "Evaluating an alarm"). The running period counts too here, so that an alarm needs seconds, not a minute.
    """
    from ministack.services import cloudwatch

    def evaluate(alarm: Wire) -> None:
        if not alarm.get("MetricName"):
            return
        breaching = _breaching_periods(cloudwatch, alarm, time.time())
        if breaching is None:
            return
        needed = int(alarm.get("DatapointsToAlarm") or alarm.get("EvaluationPeriods", 1))
        state = "ALARM" if breaching >= needed else "OK"
        previous = alarm["StateValue"]
        if state == previous:
            return
        reason = f"Threshold Crossed: {breaching} datapoint(s) against the threshold ({alarm.get('Threshold')})"
        alarm.update(StateValue=state, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
        cloudwatch._record_history(alarm["AlarmName"], previous, state, reason)
        cloudwatch._dispatch_alarm_actions(alarm, previous, state, reason)
        cloudwatch._evaluate_parent_alarms(alarm)

    cloudwatch._evaluate_alarm = evaluate


def trace_invocations() -> None:
    """Gap: each invocation begins a new trace, and Lambda's own segments are never written."""
    from ministack.services import lambda_svc

    from webhookctl.local.xray import lambda_service as xray_lambda

    address = os.environ.get("AWS_XRAY_DAEMON_ADDRESS")
    if address:
        xray_lambda.install(lambda_svc, xray_lambda.udp_emitter(address))


_GRACE_S: Final = 5.0

_BREACHES: Final[dict[str, Callable[[float, float], bool]]] = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


def _breaching_periods(cloudwatch: Any, alarm: Wire, now: float) -> int | None:  # noqa: ANN401 - an untyped module
    """Count the alarm's periods, the running one included, that breach; None when there is nothing to judge by."""
    wanted = {d["Name"]: d["Value"] for d in alarm.get("Dimensions") or []}
    key = (alarm["Namespace"], alarm["MetricName"], cloudwatch._dims_key(wanted))
    points = cloudwatch._metrics.get(key) or []
    period = int(alarm.get("Period", 60))
    missing = alarm.get("TreatMissingData", "missing")
    if now % period < min(_GRACE_S, period / 2) and not any(p["Timestamp"] >= now // period * period for p in points):
        return None  # the running period has only begun: its first point may be on the way
    breaching, judged = 0, 0
    for index in range(int(alarm.get("EvaluationPeriods", 1))):
        start = now // period * period - index * period
        inside = [point for point in points if start <= point["Timestamp"] < start + period]
        if inside:
            statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic", "Average")
            value = cloudwatch._stat_value(cloudwatch._calc_stats(inside), statistic, inside)
            breaches = _BREACHES[alarm["ComparisonOperator"]]
            breaching += value is not None and breaches(value, float(alarm.get("Threshold", 0)))
        elif missing == "breaching":
            breaching += 1
        judged += bool(inside) or missing in {"breaching", "notBreaching"}
    return breaching if judged else None


PATCHES: Final = (
    associate_web_acl,
    refer_to_secrets_by_arn,
    honour_secret_exclusions,
    keep_table_settings,
    keep_reserved_concurrency,
    keep_topic_key,
    keep_access_log_settings,
    persist_stream_records,
    evaluate_alarms_as_documented,
    record_alarm_actions,
    keep_batch_trace_headers,
    honour_queue_windows,
    honour_stream_windows,
    trace_invocations,
)


def _handlers() -> dict[str, Any]:
    from ministack.services.cloudformation import provisioners

    return provisioners._RESOURCE_HANDLERS  # type: ignore[no-any-return]


def _after(resource_type: str, settle: Callable[[str, Wire], None]) -> None:
    """Run `settle(physical id, properties)` after CloudFormation has created or updated a resource."""
    handler = _handlers()[resource_type]
    create, update = handler["create"], handler.get("update")

    def create_and_settle(logical_id: str, props: Wire, *rest: Any, **named: Any) -> Any:  # noqa: ANN401
        result = create(logical_id, props, *rest, **named)
        settle(result[0], props)
        return result

    def update_and_settle(physical_id: str, old: Wire, new: Wire, *rest: Any, **named: Any) -> Any:  # noqa: ANN401
        result = update(physical_id, old, new, *rest, **named)
        settle(result[0], new)
        return result

    handler["create"] = create_and_settle
    if update is not None:
        handler["update"] = update_and_settle


def _is_true(value: object) -> bool:
    return str(value).lower() == "true"
