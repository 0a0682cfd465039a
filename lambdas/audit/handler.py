"""Stream batch in, sealed audit lines out; a record that can't be told is reported, the others are logged.

Operators' actions come through an alias of the function. Who may invoke that alias can have nothing else sealed: a
stream batch that comes through it is refused, so that no operator can forge the line of a write.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from lambdas.audit.operator import operator_lines
from lambdas.audit.record import audit_line
from lambdas.shared import aws
from lambdas.shared.audit_record import AuditKey, parse_audit_keys
from lambdas.shared.clock import utc_now
from lambdas.shared.errors import MalformedError, WebhookError
from lambdas.shared.logging import WideLog, write_line
from lambdas.shared.operator_line import ALIAS
from lambdas.shared.secret_store import SecretStore
from lambdas.shared.settings import AuditSettings
from lambdas.shared.tracing import TraceHeader, span

FUNCTION = "audit-logger"


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What outlives one invocation."""

    settings: AuditSettings
    keys: SecretStore[tuple[AuditKey, ...]]
    log: WideLog


def handle(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Write one audit line per stream record, or operator's action, to standard output, Lambda's log stream."""
    invoked = str(getattr(context, "invoked_function_arn", ""))
    record = record_actions if invoked.endswith(f":{ALIAS}") else record_batch
    return record(event, environment=_environment())


def record_batch(event: Mapping[str, Any], *, environment: Environment) -> dict[str, Any]:
    """Log a batch with the given collaborators.

    Lambda retries a stream batch from the first failure named in the answer; lines after it are then written again
    with the same `streamEventId`. Raises UnavailableError, for the whole batch, while the seal's key can't be had.
    """
    key = environment.keys.get(environment.settings.audit_key_arn)[0]
    failures = []
    for record in event["Records"]:
        try:
            _tell(record, key, environment.settings.environment)
        except WebhookError as error:
            sequence = record.get("dynamodb", {}).get("SequenceNumber", "")
            failures.append({"itemIdentifier": sequence})
            environment.log.write(
                {"type": "audit_failure", "reason": error.reason, "sequenceNumber": sequence},
                at=utc_now(),
                level="ERROR",
            )
    return {"batchItemFailures": failures}


def record_actions(event: Mapping[str, Any], *, environment: Environment) -> dict[str, Any]:
    """Log operators' actions; answer `{"sealed": [line ids]}`, or `{"refused": why}` with nothing logged of them.

    Raises UnavailableError while the seal's key can't be had.
    """
    key = environment.keys.get(environment.settings.audit_key_arn)[0]
    now = utc_now()
    try:
        lines = operator_lines(event, key=key, environment=environment.settings.environment, now=now)
    except MalformedError as error:
        refused = {"type": "operator_refused", "reason": error.reason, "error": str(error)}
        environment.log.write(refused, at=now, level="ERROR")
        return {"refused": str(error)}
    for line in lines:
        write_line(line)
    return {"sealed": [line["lineId"] for line in lines]}


def _tell(record: Mapping[str, Any], key: AuditKey, environment: str) -> None:
    with span(f"{FUNCTION}-{environment}", _trace_of(record)) as trace:
        line = audit_line(record, key=key)
        provider, _, event_id = line["webhookId"].partition(":")
        trace.annotate(webhook_id=line["webhookId"], provider=provider, event_id=event_id)
        trace.annotate(
            event_type=line.get("eventType"), outcome="recorded", seq=line.get("seq"), status=line.get("status")
        )
        write_line(line)


def _trace_of(record: Mapping[str, Any]) -> TraceHeader:
    """Return the webhook's own trace, as its item names it."""
    image = record.get("dynamodb", {}).get("NewImage", {})
    return TraceHeader.stored(*(image.get(name, {}).get("S") for name in ("traceId", "traceParent")))


@cache
def _environment() -> Environment:
    settings = AuditSettings.from_environ(os.environ)
    return Environment(
        settings=settings,
        keys=SecretStore(aws.secretsmanager(), parse_audit_keys),
        log=WideLog(environment=settings.environment, level=settings.log_level),
    )
